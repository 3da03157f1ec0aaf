"""Answers of Gemini's generateContent, whole or as events.

Source: ai.google.dev, Generating content: a stream's events are answers of the same form, each with a part more, and
the last one has `finishReason` and the usage.
"""

from collections.abc import Iterator
from typing import Any

from switchover_simulator.events import Call
from switchover_simulator.form import Content, arguments_as_object, prompt_tokens
from switchover_simulator.request import Request
from switchover_simulator.sse import event

Part = dict[str, Any]


def whole(request: Request, content: Content, finish: str | None) -> dict[str, Any]:
    """Answer with everything at once."""
    parts: list[Part] = [{"text": content.text}] if content.text else []
    parts += [_call(call) for call in content.calls]
    return _answer(request, parts, finish or "STOP", content.tokens)


class Stream:
    """A stream of answers with a part each."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def begins(self) -> bytes:
        """Send nothing: the first part is the beginning."""
        return b""

    def says(self, piece: str) -> bytes:
        """Word a piece of text."""
        return event(_answer(self._request, [{"text": piece}]))

    def thinks(self, piece: str) -> bytes:
        """Word a piece of reasoning."""
        return event(_answer(self._request, [{"text": piece, "thought": True}]))

    def calls(self, call: Call) -> Iterator[bytes]:
        """Word a tool call, which is one part."""
        yield event(_answer(self._request, [_call(call)]))

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Send finishReason and the usage."""
        return event(_answer(self._request, [{"text": ""}], word or "STOP", tokens))

    def counts(self, tokens: int) -> bytes:  # noqa: ARG002 - as every API
        """Send nothing: the usage stands beside finishReason."""
        return b""

    def ends(self) -> bytes:
        """Send nothing: there is no mark."""
        return b""

    def fails(self, error: dict[str, Any]) -> bytes:
        """Send the error's body as an event."""
        return event(error)


def _answer(request: Request, parts: list[Part], finish: str | None = None, tokens: int | None = None) -> Part:
    candidate: Part = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    answer: Part = {
        "candidates": [candidate],
        "modelVersion": request.model,
        "responseId": f"simulated-{request.number}",
    }
    if tokens is not None:
        prompt = prompt_tokens(request)
        counted = {"promptTokenCount": prompt, "candidatesTokenCount": tokens, "totalTokenCount": prompt + tokens}
        answer["usageMetadata"] = counted
    return answer


def _call(call: Call) -> Part:
    return {"functionCall": {"name": call.name, "args": arguments_as_object(call)}}
