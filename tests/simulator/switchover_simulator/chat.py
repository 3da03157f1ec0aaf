"""Answers as chat completions, whole or as events, in the form that OpenAI, Azure OpenAI and Mistral share.

Sources: OpenAI API reference, Chat completions and its streaming events; Microsoft Learn, Azure OpenAI content
streaming (`prompt_filter_results`); docs.mistral.ai, Chat (usage on the last chunk). Reasoning is `reasoning_content`,
as DeepSeek's API documents it.
"""

from collections.abc import Iterator
from typing import Any

from switchover_simulator.events import Call
from switchover_simulator.form import Content, arguments, in_pieces, prompt_tokens
from switchover_simulator.request import Request
from switchover_simulator.sse import event


def whole(request: Request, content: Content, finish: str | None) -> dict[str, Any]:
    """Answer with everything at once."""
    calls = [_call(request, call, index, arguments(call)) for index, call in enumerate(content.calls)]
    message: dict[str, Any] = {"role": "assistant", "content": content.text, "refusal": None}
    if calls:
        message |= {"content": content.text or None, "tool_calls": calls}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish or ("tool_calls" if calls else "stop"),
    }
    return {**_envelope(request, "chat.completion"), "choices": [choice], "usage": _usage(request, content.tokens)}


def _call(request: Request, call: Call, index: int, said: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": said}
    return {"id": f"call_{request.number}_{index}", "type": "function", "function": function}


class Stream:
    """A stream of chunks."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._called = 0

    def begins(self) -> bytes:
        """Send the role-only chunk, at Azure after the filter's results."""
        role = self.chunk({"role": "assistant", "content": ""})
        if self._request.provider != "azure":
            return role
        results = [{"prompt_index": 0, "content_filter_results": {}}]
        return event({"choices": [], "id": "", "model": "", "object": "", "prompt_filter_results": results}) + role

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        """One event: a choice with this delta."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**_envelope(self._request, "chat.completion.chunk"), "choices": [choice], **more})

    def says(self, piece: str) -> bytes:
        """Word a piece of text."""
        return self.chunk({"content": piece})

    def thinks(self, piece: str) -> bytes:
        """Word a piece of reasoning."""
        return self.chunk({"reasoning_content": piece})

    def calls(self, call: Call) -> Iterator[bytes]:
        """Word a tool call: its name, then its arguments piece by piece."""
        index = self._called
        self._called += 1
        yield self.chunk({"tool_calls": [{"index": index, **_call(self._request, call, index, "")}]})
        for piece in in_pieces(arguments(call)):
            yield self.chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Send finish_reason, at Mistral with the usage."""
        word = word or ("tool_calls" if self._called else "stop")
        if self._request.provider == "mistral":
            return self.chunk({"content": ""}, word, usage=_usage(self._request, tokens))
        return self.chunk({}, word)

    def counts(self, tokens: int) -> bytes:
        """Send the usage chunk, where it was asked for."""
        if self._request.provider == "mistral" or not self._request.wants_usage:
            return b""
        envelope = _envelope(self._request, "chat.completion.chunk")
        return event({**envelope, "choices": [], "usage": _usage(self._request, tokens)})

    def ends(self) -> bytes:
        """Send `[DONE]`."""
        return event("[DONE]")

    def fails(self, error: dict[str, Any]) -> bytes:
        """Send the error's body as an event."""
        return event(error)


def _usage(request: Request, tokens: int) -> dict[str, int]:
    prompt = prompt_tokens(request)
    return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}


def _envelope(request: Request, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-simulated-{request.number}",
        "object": kind,
        "created": int(request.at),
        "model": request.model,
        "system_fingerprint": None,
    }
