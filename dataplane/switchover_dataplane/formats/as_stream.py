"""A whole answer → the event stream that the request asked for, as some servers never stream.

The SDK of the API joins the events to the same answer. Additional fields of the answer are kept.
`native_as_stream.py` writes the events of Messages and Responses.

OpenAI API reference: the chat completion object and the chat completion chunk object; Gemini API reference,
streamGenerateContent.
"""

from collections.abc import Mapping
from typing import Any, Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import MOST_CHOICES
from switchover_dataplane.formats.native_as_stream import message, response

_KEPT: Final = ("id", "created", "model", "system_fingerprint", "service_tier")


def as_stream(api: Api | None, body: bytes, *, with_usage: bool) -> bytes | None:
    """Write an answer of an API as its events; None if it is no answer, or has too many values.

    The answer of an unknown path may be a completion. `with_usage` adds the usage event of a completion; the events of
    other APIs always have their token counts.
    """
    if api is Api.EMBEDDINGS:
        return None
    try:
        answer = lenient_json.decode(body)
    except (ValueError, RecursionError):
        return None
    if api is Api.GENERATE:
        return b"".join(b"data: " + lenient_json.encode(one) + b"\n\n" for one in _responses(answer)) or None
    if not isinstance(answer, dict):
        return None
    if api is Api.MESSAGES:
        return message(answer)
    if api is Api.RESPONSES:
        return response(answer)
    return _completion(answer, with_usage=with_usage)


def _responses(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _completion(answer: Mapping[str, Any], *, with_usage: bool) -> bytes | None:
    choices = answer.get("choices")
    if (
        not isinstance(choices, list)
        or not 0 < len(choices) <= MOST_CHOICES
        or not all(isinstance(choice, dict) for choice in choices)
    ):
        return None
    is_text = all(isinstance(choice.get("text"), str) for choice in choices)
    is_chat = not is_text and all(_has_message(choice) for choice in choices)
    if not is_chat and not is_text:
        return None
    envelope = {name: answer[name] for name in _KEPT if name in answer}
    envelope["object"] = "chat.completion.chunk" if is_chat else "text_completion"
    events = [_event(envelope, [_begun(choice, is_chat=is_chat)]) for choice in choices]
    events += [_event(envelope, [_ended(choice, is_chat=is_chat)]) for choice in choices]
    if with_usage and answer.get("usage"):
        events.append(_event(envelope, [], usage=answer["usage"]))
    return b"".join(events) + b"data: [DONE]\n\n"


def _has_message(choice: Mapping[str, Any]) -> bool:
    """Whether a choice is one of a chat completion; Azure OpenAI sends none in a filtered choice."""
    message = choice.get("message")
    return isinstance(message, dict) or (message is None and bool(choice.get("finish_reason")))


def _begun(choice: Mapping[str, Any], *, is_chat: bool) -> dict[str, Any]:
    if not is_chat:
        return {**choice, "finish_reason": None}
    message = dict(choice.get("message") or {})
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {"index": index, **call} if isinstance(call, dict) else call for index, call in enumerate(calls)
        ]
    rest = {name: value for name, value in choice.items() if name != "message"}
    return {**rest, "delta": message, "finish_reason": None}


def _ended(choice: Mapping[str, Any], *, is_chat: bool) -> dict[str, Any]:
    finish = choice.get("finish_reason")
    if not finish or finish == "null":
        finish = "tool_calls" if is_chat and (choice.get("message") or {}).get("tool_calls") else "stop"
    ended = {"index": choice.get("index", 0), "finish_reason": finish}
    return {**ended, **({"delta": {}} if is_chat else {"text": ""})}


def _event(envelope: Mapping[str, Any], choices: list[dict[str, Any]], **more: Any) -> bytes:
    return b"data: " + lenient_json.encode({**envelope, "choices": choices, **more}) + b"\n\n"
