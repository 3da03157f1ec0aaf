"""Answers of the Responses API, whole or as events.

Source: OpenAI API reference, Responses and its streaming events: every event is named and numbered, each item of the
output is opened, filled and closed, and the last event has the whole response.
"""

from collections.abc import Iterator
from typing import Any

from switchover_simulator.events import Call
from switchover_simulator.form import Content, arguments, in_pieces, prompt_tokens
from switchover_simulator.request import Request
from switchover_simulator.sse import event

Item = dict[str, Any]


def whole(request: Request, content: Content, finish: str | None) -> dict[str, Any]:
    """Answer with everything at once."""
    output = [_message(_id(request, "msg", 0), content.text)] if content.text or not content.calls else []
    output += [_call(request, call, index + 1) for index, call in enumerate(content.calls)]
    return _response(request, finish, output, content.tokens)


class Stream:
    """A stream of named, numbered events."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._number = 0
        self._output: list[Item] = []
        self._text: str | None = None
        """The text of the message that is open."""

    def begins(self) -> bytes:
        """Send `response.created` and `response.in_progress`."""
        response = {**_response(self._request, None, [], 0), "status": "in_progress", "usage": None}
        kinds = ("response.created", "response.in_progress")
        return b"".join(self._named(kind, response=response) for kind in kinds)

    def says(self, piece: str) -> bytes:
        """Word a piece of text, in a message that is opened where none is open."""
        begun = self._opens_message() if self._text is None else b""
        self._text = (self._text or "") + piece
        return begun + self._named("response.output_text.delta", **self._part(), delta=piece, logprobs=[])

    def thinks(self, piece: str) -> bytes:
        """Word a piece of reasoning: an item with a summary of one part."""
        closed = self._closes()
        item: Item = {"type": "reasoning", "id": self._next_id("rs"), "summary": []}
        at = {"output_index": len(self._output)}
        part = {"item_id": item["id"], **at, "summary_index": 0}
        summary = {"type": "summary_text", "text": piece}
        self._output.append({**item, "summary": [summary]})
        named = self._named
        return b"".join([
            closed,
            named("response.output_item.added", **at, item=item),
            named("response.reasoning_summary_part.added", **part, part={**summary, "text": ""}),
            named("response.reasoning_summary_text.delta", **part, delta=piece),
            named("response.reasoning_summary_text.done", **part, text=piece),
            named("response.reasoning_summary_part.done", **part, part=summary),
            named("response.output_item.done", **at, item=self._output[-1]),
        ])  # fmt: skip

    def calls(self, call: Call) -> Iterator[bytes]:
        """Word a tool call: an item of its own, which stays open where the call stops before its end."""
        closed = self._closes()
        item = _call(self._request, call, len(self._output))
        at = {"output_index": len(self._output)}
        opened = {**item, "arguments": "", "status": "in_progress"}
        yield closed + self._named("response.output_item.added", **at, item=opened)
        for piece in in_pieces(item["arguments"]):
            yield self._named("response.function_call_arguments.delta", item_id=item["id"], **at, delta=piece)
        if call.until is None:
            said = {"item_id": item["id"], **at, "arguments": item["arguments"]}
            self._output.append(item)
            yield self._named("response.function_call_arguments.done", **said)
            yield self._named("response.output_item.done", **at, item=item)

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Close the message and send the whole response, under the event of its status."""
        closed = self._closes()
        response = _response(self._request, word, self._output, tokens)
        return closed + self._named(f"response.{response['status']}", response=response)

    def counts(self, tokens: int) -> bytes:  # noqa: ARG002 - as every API
        """Send nothing: the usage stands in the response."""
        return b""

    def ends(self) -> bytes:
        """Send nothing: the response was the last event."""
        return b""

    def fails(self, error: dict[str, Any]) -> bytes:
        """Send an event `error`, whose fields stand at the top."""
        said = error.get("error", error)
        return self._named("error", **{name: said.get(name) for name in ("code", "message", "param")})

    def _opens_message(self) -> bytes:
        item = {**_message(self._next_id("msg"), ""), "content": [], "status": "in_progress"}
        part = {"type": "output_text", "text": "", "annotations": []}
        opened = self._named("response.output_item.added", output_index=len(self._output), item=item)
        return opened + self._named("response.content_part.added", **self._part(), part=part)

    def _closes(self) -> bytes:
        if self._text is None:
            return b""
        item = _message(self._next_id("msg"), self._text)
        at, text = self._part(), self._text
        self._text = None
        closed = [
            self._named("response.output_text.done", **at, text=text, logprobs=[]),
            self._named("response.content_part.done", **at, part=item["content"][0]),
            self._named("response.output_item.done", output_index=len(self._output), item=item),
        ]
        self._output.append(item)
        return b"".join(closed)

    def _part(self) -> dict[str, Any]:
        return {"item_id": self._next_id("msg"), "output_index": len(self._output), "content_index": 0}

    def _next_id(self, kind: str) -> str:
        return _id(self._request, kind, len(self._output))

    def _named(self, kind: str, **fields: Any) -> bytes:
        number = self._number
        self._number += 1
        return event({"type": kind, "sequence_number": number, **fields}, kind)


def _response(request: Request, finish: str | None, output: list[Item], tokens: int) -> dict[str, Any]:
    """Word the response: `finish` is a status, else the reason for which it is incomplete."""
    status = finish if finish in _STATUSES else "completed" if finish is None else "incomplete"
    prompt = prompt_tokens(request)
    usage = {"input_tokens": prompt, "output_tokens": tokens, "total_tokens": prompt + tokens}
    usage_details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    failed = {"code": "server_error", "message": "The server had an error (simulated)"}
    return {
        "id": f"resp_simulated_{request.number}",
        "object": "response",
        "created_at": int(request.at),
        "model": request.model,
        "status": status,
        "error": failed if status == "failed" else None,
        "incomplete_details": {"reason": finish} if status == "incomplete" and finish != status else None,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage | usage_details,
    }


_STATUSES = ("completed", "incomplete", "failed", "cancelled", "queued", "in_progress")


def _message(name: str, text: str) -> Item:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": name, "role": "assistant", "status": "completed", "content": [part]}


def _call(request: Request, call: Call, index: int) -> Item:
    return {
        "type": "function_call",
        "id": _id(request, "fc", index),
        "call_id": _id(request, "call", index),
        "name": call.name,
        "arguments": arguments(call),
        "status": "completed",
    }


def _id(request: Request, kind: str, index: int) -> str:
    return f"{kind}_simulated_{request.number}_{index}"
