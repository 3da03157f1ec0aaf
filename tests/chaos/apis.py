"""An event or a whole answer of an API → what it says: a piece of text, an end, an error.

Every good end is told as "stop", so that one check judges all APIs. Nothing here is shared with the gateway.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

Api = Literal["chat", "messages", "responses"]
APIS: Final[dict[Api, str]] = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
"""Where each is asked for."""
_GOOD: Final = {"end_turn": "stop", "completed": "stop"}


@dataclass
class Told:
    """What the events say."""

    text: str = ""
    finish: str | None = None
    done: bool = False
    error: str | None = None

    def fails(self, why: str) -> None:
        """Note the first error."""
        self.error = self.error or why


def hear(api: Api, event: dict[str, Any], told: Told) -> None:
    """Read one event.

    Raises:
        LookupError, TypeError: it is none of this API.
    """
    if event.get("error"):
        told.fails(f"error event: {event['error']['message']}")
    elif api == "chat":
        _hear_chunk(event, told)
    elif api == "messages":
        _hear_message(event, told)
    else:
        _hear_response(event, told)


def _hear_chunk(event: dict[str, Any], told: Told) -> None:
    for choice in event["choices"]:
        told.text += choice["delta"].get("content") or ""
        told.text += "".join(call["function"]["arguments"] for call in choice["delta"].get("tool_calls") or ())
        told.finish = choice["finish_reason"] or told.finish


def _hear_message(event: dict[str, Any], told: Told) -> None:
    match event["type"]:
        case "content_block_delta":
            told.text += event["delta"].get("text", "")
        case "message_delta":
            word = event["delta"].get("stop_reason")
            told.finish = _GOOD.get(word, word) or told.finish
        case "message_stop":
            told.done = True


def _hear_response(event: dict[str, Any], told: Told) -> None:
    match event["type"]:
        case "response.output_text.delta":
            told.text += event["delta"]
        case "response.completed":
            told.finish, told.done = "stop", True
        case "response.incomplete":
            told.finish, told.done = event["response"]["incomplete_details"]["reason"], True
        case "response.failed" | "error":
            told.fails("response.failed or an error without its words")


def said(api: Api, answer: dict[str, Any]) -> Told:
    """Read a whole answer.

    Raises:
        LookupError, TypeError: it is none of this API.
    """
    if api == "chat":
        choice = answer["choices"][0]
        text, finish = choice["message"]["content"] or "", choice["finish_reason"]
    elif api == "messages":
        text, finish = "".join(block["text"] for block in answer["content"]), answer["stop_reason"]
    else:
        parts = (part for item in answer["output"] for part in item["content"])
        text, finish = "".join(part["text"] for part in parts), answer["status"]
    error = str(answer["error"]) if answer.get("error") else None
    return Told(text, _GOOD.get(finish, finish), error=error)
