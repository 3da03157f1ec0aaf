"""Answers of the Messages API, whole or as events.

Source: docs.anthropic.com, Messages and Streaming messages: each block is opened, filled and closed, `message_delta`
says how the message ended, `message_stop` is its last event.
"""

from collections.abc import Iterator
from typing import Any

from switchover_simulator.events import Call
from switchover_simulator.form import Content, arguments, arguments_as_object, in_pieces, prompt_tokens
from switchover_simulator.request import Request
from switchover_simulator.sse import event


def whole(request: Request, content: Content, finish: str | None) -> dict[str, Any]:
    """Answer with everything at once."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": content.text}] if content.text else []
    for index, call in enumerate(content.calls):
        blocks.append({**_opened(request, call, index), "input": arguments_as_object(call)})
    word = finish or ("tool_use" if content.calls else "end_turn")
    return {
        **_message(request),
        "content": blocks,
        "stop_reason": word,
        "usage": _usage(request, content.tokens),
    }


class Stream:
    """A stream of named events."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._index = -1
        self._open = ""
        self._called = False

    def begins(self) -> bytes:
        """Send `message_start` and a ping."""
        message = {**_message(self._request), "content": [], "stop_reason": None, "usage": _usage(self._request, 1)}
        return _named("message_start", message=message) + _named("ping")

    def says(self, piece: str) -> bytes:
        """Word a piece of text, in a block that is opened where none is open."""
        return self._piece("text", {"text": ""}, {"type": "text_delta", "text": piece})

    def thinks(self, piece: str) -> bytes:
        """Word a piece of reasoning, in a block of its own."""
        opened = {"thinking": "", "signature": ""}
        return self._piece("thinking", opened, {"type": "thinking_delta", "thinking": piece})

    def calls(self, call: Call) -> Iterator[bytes]:
        """Word a tool call: a block of its own, which stays open where the call stops before its end."""
        self._called = True
        yield self._closes() + self._opens("tool_use", {**_opened(self._request, call, self._index + 1), "input": {}})
        for piece in in_pieces(arguments(call)):
            yield self._delta({"type": "input_json_delta", "partial_json": piece})
        if call.until is None:
            yield self._closes()

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Close the block and send `message_delta` with the stop reason and the usage."""
        delta = {"stop_reason": word or ("tool_use" if self._called else "end_turn"), "stop_sequence": None}
        return self._closes() + _named("message_delta", delta=delta, usage={"output_tokens": tokens})

    def counts(self, tokens: int) -> bytes:  # noqa: ARG002 - as every API
        """Send nothing: the usage stands beside the stop reason."""
        return b""

    def ends(self) -> bytes:
        """Send `message_stop`."""
        return _named("message_stop")

    def fails(self, error: dict[str, Any]) -> bytes:
        """Send the error's body as an event `error`."""
        return event(error, "error")

    def _piece(self, kind: str, opened: dict[str, Any], delta: dict[str, Any]) -> bytes:
        begun = b"" if self._open == kind else self._closes() + self._opens(kind, {"type": kind, **opened})
        return begun + self._delta(delta)

    def _opens(self, kind: str, block: dict[str, Any]) -> bytes:
        self._index += 1
        self._open = kind
        return _named("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _named("content_block_delta", index=self._index, delta=delta)

    def _closes(self) -> bytes:
        if not self._open:
            return b""
        self._open = ""
        return _named("content_block_stop", index=self._index)


def _named(kind: str, **fields: Any) -> bytes:
    return event({"type": kind, **fields}, kind)


def _message(request: Request) -> dict[str, Any]:
    return {
        "id": f"msg_simulated_{request.number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "stop_sequence": None,
    }


def _opened(request: Request, call: Call, index: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_simulated_{request.number}_{index}", "name": call.name}


def _usage(request: Request, tokens: int) -> dict[str, int]:
    return {"input_tokens": prompt_tokens(request), "output_tokens": tokens}
