"""Tool calls in a stream, held back until they are whole: when, how much, and when a call is whole.

A client cannot use a part of a call, and some clients end their session at one. So a call is sent all at once. The
client never sees a call that breaks off, and the next model is asked as if the call had not begun.
"""

from collections.abc import Sequence
from typing import Any, Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk_kind import Chunk, StreamFormat
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.table.policies import Policy

MOST_HELD: Final = 1024 * 1024
"""Bytes of events that are held for a tool call; a larger call is sent as it comes."""

MOST_EVENTS: Final = 20_000
"""Events that are held for a tool call: small events need far more memory than their bytes."""

_MOST_JUDGED: Final = 256 * 1024


def are_held(policy: Policy) -> bool:
    """Whether the tool calls of a stream are held back until they are complete."""
    return policy.tool_calls == "Hold"


class HeldCalls:
    """The tool calls that have begun and not ended: `open` has their indexes (`Chunk.calls`). Their events are held."""

    __slots__ = ("_events", "_size", "open")

    def __init__(self) -> None:
        self.open: set[int] = set()
        self._events: list[tuple[Event, Chunk]] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._events)

    def follow(self, chunk: Chunk) -> None:
        """Record which calls an event begins and ends; the end of an answer ends its calls."""
        self.open.update(chunk.calls)
        self.open.difference_update(chunk.closed)
        if chunk.finished:
            if chunk.stream_format is StreamFormat.CHAT:
                self.open.difference_update(chunk.finished)
            else:
                self.open.clear()

    def hold(self, event: Event, chunk: Chunk) -> None:
        """Hold an event."""
        self._events.append((event, chunk))
        self._size += len(event.raw)

    @property
    def is_too_much(self) -> bool:
        """Whether more is held than the limits allow."""
        return self._size > MOST_HELD or len(self._events) > MOST_EVENTS

    @property
    def are_whole(self) -> bool:
        """Whether the arguments of the held calls are whole."""
        return are_whole([event for event, _ in self._events])

    @property
    def before(self) -> tuple[bytes, int] | None:
        """The held bytes before the first call, and the index of that call; None if no call is held."""
        came: list[bytes] = []
        for event, chunk in self._events:
            if chunk.calls:
                return b"".join(came), chunk.calls[0]
            came.append(event.raw)
        return None

    def release(self) -> list[tuple[Event, Chunk]]:
        """Return the held events and hold them no longer."""
        events, self._events, self._size = self._events, [], 0
        return events

    def drop(self) -> None:
        """Drop calls that do not continue."""
        self.release()
        self.open.clear()


def are_whole(events: Sequence[Event]) -> bool:
    """Whether chunks of a chat completion hold tool calls, and the arguments of each are whole JSON.

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
