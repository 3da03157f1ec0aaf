"""Tool calls in a stream: where they are held back until they are whole, how much of them, and when they are.

A client that has read a part of a call can do nothing with it, and some end their session there. So a call is handed on
in one go, and one that breaks off in the middle was never seen: the next model is asked as if it had not begun.
"""

from collections.abc import Sequence
from typing import Any, Final

from switchover_dataplane import lenient_json
from switchover_dataplane.stream import Event
from switchover_dataplane.table import Policy

MOST_HELD: Final = 1024 * 1024
"""Bytes of events that are held back for a tool call; a larger one is handed on as it comes."""

MOST_EVENTS: Final = 20_000
"""Events that are held back for a tool call, which cost far more than their bytes."""

_MOST_JUDGED: Final = 256 * 1024


def are_held(policy: Policy) -> bool:
    """Tell whether tool calls are held back (FailoverPolicy `toolCalls`): not where a break is the client's to see."""
    return policy.tool_calls == "Hold" and policy.stream_recovery != "Abort" and policy.semantics != "Envoy"


def are_whole(events: Sequence[Event]) -> bool:
    """Tell whether chunks of a chat completion hold tool calls, and the arguments of each are whole JSON.

    Source: OpenAI API reference, chat completion chunk object (`delta.tool_calls`, `delta.function_call`).
    """
    if sum(len(event.raw) for event in events) > _MOST_JUDGED:
        return False
    arguments: dict[tuple[int, int], list[str]] = {}
    for event in events:
        for choice in _list(_field(_decoded(event.data or b""), "choices")):
            delta = _field(choice, "delta")
            calls = [(_field(call, "index"), _field(call, "function")) for call in _list(_field(delta, "tool_calls"))]
            for index, function in [*calls, (None, _field(delta, "function_call"))]:
                text = _field(function, "arguments")
                if isinstance(function, dict):
                    key = (_number(_field(choice, "index")), _number(index))
                    arguments.setdefault(key, []).append(text if isinstance(text, str) else "")
    texts = ["".join(pieces).encode("utf-8", "surrogatepass") for pieces in arguments.values()]
    return bool(texts) and all(isinstance(_decoded(text), dict) for text in texts)


def _decoded(text: bytes) -> object:
    try:
        value: object = lenient_json.decode(text)
    except (ValueError, RecursionError):
        return None
    return value


def _field(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
