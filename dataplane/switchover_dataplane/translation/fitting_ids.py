"""The ids of tool calls in a chat completion's request → ids that Mistral takes, though its format is the same.

Mistral takes ids of nine letters and digits alone (Mistral API, chat completions: tool calls), and a conversation that
began at another provider has longer ones. A request whose ids fit keeps its bytes.
"""

from typing import Any, Final

import msgspec

from switchover_dataplane.translation.call_ids import MISTRAL, fitting

_MARKS: Final = (b'"tool_calls"', b'"tool_call_id"')

_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


def with_fitting_ids(content: bytes) -> bytes:
    """Return the request with ids that fit; the same bytes if all do, or if it is none that can be read."""
    if not any(mark in content for mark in _MARKS):
        return content
    try:
        body = _decoder.decode(content)
    except (ValueError, RecursionError):
        return content
    messages = body.get("messages") if isinstance(body, dict) else None
    changed = [_fitted(message) for message in messages if isinstance(message, dict)] if messages else []
    return _encoder.encode(body) if any(changed) else content


def _fitted(message: dict[str, Any]) -> bool:
    """Make the ids of a message fit, in place; return whether one did not."""
    calls = message.get("tool_calls")
    holders = [(call, "id") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    changed = False
    for holder, name in [*holders, (message, "tool_call_id")]:
        given = holder.get(name)
        if isinstance(given, str) and (fits := fitting(MISTRAL, given)) != given:
            holder[name] = fits
            changed = True
    return changed
