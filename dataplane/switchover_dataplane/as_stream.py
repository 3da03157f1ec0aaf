"""A whole chat completion → the event stream that was asked for: some servers answer in one piece all the same.

OpenAI API reference: the chat completion object and the chat completion chunk object.
"""

from collections.abc import Mapping
from typing import Any, Final

from switchover_dataplane import lenient_json
from switchover_dataplane.chunk import MOST_CHOICES

_KEPT: Final = ("id", "created", "model", "system_fingerprint", "service_tier")


def as_stream(body: bytes, *, with_usage: bool) -> bytes | None:
    """Write an answer as events; None if it is no completion, or one of too many values.

    `with_usage` adds the event that counts tokens.
    """
    try:
        answer = lenient_json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    choices = answer.get("choices")
    if (
        not isinstance(choices, list)
        or not 0 < len(choices) <= MOST_CHOICES
        or not all(isinstance(choice, dict) for choice in choices)
    ):
        return None
    is_chat = all(isinstance(choice.get("message"), dict) for choice in choices)
    if not is_chat and not all(isinstance(choice.get("text"), str) for choice in choices):
        return None
    envelope = {name: answer[name] for name in _KEPT if name in answer}
    envelope["object"] = "chat.completion.chunk" if is_chat else "text_completion"
    events = [_event(envelope, [_begun(choice, is_chat=is_chat)]) for choice in choices]
    events += [_event(envelope, [_ended(choice, is_chat=is_chat)]) for choice in choices]
    if with_usage and answer.get("usage"):
        events.append(_event(envelope, [], usage=answer["usage"]))
    return b"".join(events) + b"data: [DONE]\n\n"


def _begun(choice: Mapping[str, Any], *, is_chat: bool) -> dict[str, Any]:
    if not is_chat:
        return {**choice, "finish_reason": None}
    message = dict(choice["message"])
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {"index": index, **call} if isinstance(call, dict) else call for index, call in enumerate(calls)
        ]
    rest = {name: value for name, value in choice.items() if name != "message"}
    return {**rest, "delta": message, "finish_reason": None}


def _ended(choice: Mapping[str, Any], *, is_chat: bool) -> dict[str, Any]:
    ended = {"index": choice.get("index", 0), "finish_reason": choice.get("finish_reason") or "stop"}
    return {**ended, **({"delta": {}} if is_chat else {"text": ""})}


def _event(envelope: Mapping[str, Any], choices: list[dict[str, Any]], **more: Any) -> bytes:
    return b"data: " + lenient_json.encode({**envelope, "choices": choices, **more}) + b"\n\n"
