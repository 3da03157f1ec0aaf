"""Words and counts of generateContent ↔ neutral ones, for whole answers and streams alike.

Source: Gemini API reference, GenerateContentResponse (FinishReason, UsageMetadata, GroundingMetadata); Google Cloud
APIs, "Errors" (google.rpc.Status).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.translation.answers import Citation, Failed, Stop, Stopped, Usage
from switchover_dataplane.translation.format import Asked, Problem, Reason
from switchover_dataplane.translation.neutral import Json, Maker

_WORDS: Final[Mapping[Stop, str]] = {
    Stop.END: "STOP",
    Stop.STOP_TEXT: "STOP",
    Stop.TOOLS: "STOP",
    Stop.LIMIT: "MAX_TOKENS",
    Stop.CONTEXT: "MAX_TOKENS",
    Stop.REFUSAL: "SAFETY",
    Stop.PAUSE: "CONTINUATION",
    Stop.FAILED: "OTHER",
}
_LARGEST: Final = 10_000


def read_stop(candidate: Mapping[str, Json], *, has_calls: bool) -> Stopped | None:
    """Read why a candidate ended; None if it has not. STOP with calls means that the model waits for their results."""
    word = candidate.get("finishReason")
    if not word:
        return None
    finish = finish_of(Api.GENERATE, word) if isinstance(word, str) else None
    message = candidate.get("finishMessage")
    match finish:
        case Finish.ENDED if word == "CONTINUATION":
            return Stopped(Stop.PAUSE)
        case Finish.ENDED:
            return Stopped(Stop.TOOLS if has_calls else Stop.END)
        case Finish.LIMITED:
            return Stopped(Stop.LIMIT)
        case Finish.REFUSED:
            return Stopped(Stop.REFUSAL, refusal=message if isinstance(message, str) else "")
        case _:
            return Stopped(Stop.FAILED)


def read_block(feedback: Json) -> Stopped | None:
    """Read the reason why a prompt was blocked; None if it was not."""
    if not isinstance(feedback, dict) or not feedback.get("blockReason"):
        return None
    message = feedback.get("blockReasonMessage")
    return Stopped(Stop.REFUSAL, refusal=message if isinstance(message, str) else "")


def write_stop(stopped: Stopped, *, refused: bool) -> dict[str, Json]:
    """Write why a candidate ended; `refused`: it holds words with which the model refused."""
    stop = Stop.REFUSAL if refused and stopped.stop is Stop.END else stopped.stop
    return {"finishReason": _WORDS[stop], **({"finishMessage": stopped.refusal} if stopped.refusal else {})}


def read_usage(usage: Json) -> Usage | None:
    """Read a usage, in which a count of 0 is left out and the output excludes reasoning; None if it counts nothing."""
    if not isinstance(usage, dict):
        return None
    prompt, of_tools = _count(usage, "promptTokenCount"), _count(usage, "toolUsePromptTokenCount")
    answer, thoughts = _count(usage, "candidatesTokenCount"), _count(usage, "thoughtsTokenCount")
    total = _count(usage, "totalTokenCount")
    if prompt is None and answer is None and total is None:
        return None
    return Usage(
        None if prompt is None and of_tools is None else (prompt or 0) + (of_tools or 0),
        (answer or 0) + (thoughts or 0),
        _count(usage, "cachedContentTokenCount"),
        None,
        thoughts,
    )


def _count(usage: Mapping[str, Json], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def write_usage(usage: Usage) -> dict[str, Json]:
    """Write a usage."""
    prompt, output, thoughts = usage.input or 0, usage.output or 0, usage.reasoning or 0
    counted: dict[str, Json] = {"promptTokenCount": prompt, "candidatesTokenCount": max(0, output - thoughts)}
    if usage.cached is not None:
        counted["cachedContentTokenCount"] = usage.cached
    if usage.reasoning is not None:
        counted["thoughtsTokenCount"] = thoughts
    return {**counted, "totalTokenCount": prompt + max(output, thoughts)}


# ── Citations ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read_citations(candidate: Mapping[str, Json]) -> Iterator[Citation]:
    """Yield the sources of a candidate: each text with each of its sources, then sources without a text."""
    grounding, metadata = candidate.get("groundingMetadata"), candidate.get("citationMetadata")
    if isinstance(grounding, dict):
        yield from _grounded(grounding)
    for citation in _objects(metadata, "citations"):
        yield Citation(_text(citation.get("uri")), _text(citation.get("title")))


def _grounded(grounding: Mapping[str, Json]) -> Iterator[Citation]:
    sources = [_source(chunk) for chunk in _objects(grounding, "groundingChunks")]
    used: set[int] = set()
    for support in _objects(grounding, "groundingSupports"):
        segment, indexes = support.get("segment"), support.get("groundingChunkIndices")
        quote = _text(segment.get("text")) if isinstance(segment, dict) else ""
        for index in indexes if isinstance(indexes, list) else ():
            if isinstance(index, int) and 0 <= index < len(sources):
                used.add(index)
                yield Citation(sources[index].url, sources[index].title, quote)
    yield from (source for index, source in enumerate(sources) if index not in used)


def _source(chunk: Mapping[str, Json]) -> Citation:
    found: Mapping[str, Json] = next(
        (chunk[name] for name in ("web", "retrievedContext", "maps") if isinstance(chunk.get(name), dict)), {}
    )
    return Citation(_text(found.get("uri")), _text(found.get("title")))


def _objects(holder: Json, name: str) -> list[dict[str, Json]]:
    values = holder.get(name) if isinstance(holder, dict) else None
    return [value for value in values[:_LARGEST] if isinstance(value, dict)] if isinstance(values, list) else []


def write_citations(citations: Sequence[Citation]) -> dict[str, Json]:
    """Write sources as the `groundingMetadata` of a web search, an empty object for none."""
    places: dict[tuple[str, str], int] = {}
    quoted: dict[str, list[int]] = {}
    for citation in citations:
        place = places.setdefault((citation.url, citation.title), len(places))
        if citation.quote:
            quoted.setdefault(citation.quote, []).append(place)
    if not places:
        return {}
    grounding: dict[str, Json] = {"groundingChunks": [{"web": {"uri": url, "title": title}} for url, title in places]}
    if quoted:
        grounding["groundingSupports"] = [
            {"segment": {"text": quote}, "groundingChunkIndices": indexes} for quote, indexes in quoted.items()
        ]
    return {"groundingMetadata": grounding}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def shows_thinking(asked: Asked, maker: Maker) -> bool:
    """Whether the client is shown reasoning; that of other makers may come unasked."""
    reasoning = asked.request.reasoning
    return maker == "gemini" or (reasoning is not None and reasoning.shows is True)


# ── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_PROBLEMS: Final[Mapping[Reason, tuple[int, str]]] = {
    "request": (400, "INVALID_ARGUMENT"),
    "credentials": (401, "UNAUTHENTICATED"),
    "permission": (403, "PERMISSION_DENIED"),
    "not-found": (404, "NOT_FOUND"),
    "too-large": (413, "INVALID_ARGUMENT"),
    "limit": (429, "RESOURCE_EXHAUSTED"),
    "overloaded": (503, "UNAVAILABLE"),
    "server": (500, "INTERNAL"),
    "filtered": (400, "INVALID_ARGUMENT"),
}
_STATUSES: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_KINDS: Final[Mapping[int, str]] = {
    **dict(_PROBLEMS.values()),
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


def write_error(problem: Problem) -> tuple[int, Json]:
    """Return the status and the body of an error."""
    status, kind = _PROBLEMS[problem.reason]
    return status, _error(status, problem.message, kind)


def write_failed(failed: Failed) -> dict[str, Json]:
    """Write the chunk of an error in a stream: the SDK knows one by its first key, `error`."""
    kind = failed.kind if failed.kind in _STATUSES else _KINDS.get(failed.status, "INTERNAL")
    status = failed.status if failed.status in _KINDS else _STATUSES[kind]
    return _error(status, failed.message, kind)


def _error(status: int, message: str, kind: str) -> dict[str, Json]:
    return {"error": {"code": status, "message": message or "the model's answer failed", "status": kind}}


def read_failed(error: Json) -> Failed:
    """Read the error of a failed request, or of a chunk in a stream."""
    error = error if isinstance(error, dict) else {"message": error}
    kind, code = _text(error.get("status")), error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else _STATUSES.get(kind, 0)
    return Failed(_text(error.get("message")) or "an error without words", status, kind)


__all__ = [
    "read_block",
    "read_citations",
    "read_failed",
    "read_stop",
    "read_usage",
    "shows_thinking",
    "write_citations",
    "write_error",
    "write_failed",
    "write_stop",
    "write_usage",
]
