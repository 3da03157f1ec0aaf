"""A request → a good chat completion, whole or as events, in the form that OpenAI, Azure OpenAI and Mistral share.

Sources: OpenAI API reference, Chat completions and its streaming events; Microsoft Learn, Azure OpenAI content
streaming (`prompt_filter_results`); docs.mistral.ai, Chat (usage on the last chunk).
"""

from typing import Any

import msgspec

from switchover_simulator.request import Request

DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    """Write one server-sent event; text goes out as it is, anything else as JSON."""
    data = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    return b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


def completion(request: Request, pieces: list[str], finish: str) -> dict[str, Any]:
    """Answer with the whole text at once."""
    text = "".join(pieces)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": finish,
    }
    return {**_envelope(request, "chat.completion"), "choices": [choice], "usage": usage(request, len(pieces))}


def chunk(request: Request, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One event of a stream: a choice with this delta."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({**_envelope(request, "chat.completion.chunk"), "choices": [choice], **more})


def opening(request: Request) -> bytes:
    """Everything before the first content: the role-only chunk, at Azure after the filter's results."""
    role = chunk(request, {"role": "assistant", "content": ""})
    if request.provider != "azure":
        return role
    results = [{"prompt_index": 0, "content_filter_results": {}}]
    return event({"choices": [], "id": "", "model": "", "object": "", "prompt_filter_results": results}) + role


def ending(request: Request, finish: str, tokens: int) -> bytes:
    """finish_reason, and the usage where it belongs; without [DONE]."""
    if request.provider == "mistral":
        return chunk(request, {"content": ""}, finish, usage=usage(request, tokens))
    last = chunk(request, {}, finish)
    if not request.wants_usage:
        return last
    counted = {**_envelope(request, "chat.completion.chunk"), "choices": [], "usage": usage(request, tokens)}
    return last + event(counted)


def usage(request: Request, tokens: int) -> dict[str, int]:
    """Count tokens: one for each piece of the answer, one for four bytes of the request."""
    prompt = max(1, len(request.body or b"") // 4)
    return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}


def _envelope(request: Request, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-simulated-{request.number}",
        "object": kind,
        "created": int(request.at),
        "model": request.model,
        "system_fingerprint": None,
    }
