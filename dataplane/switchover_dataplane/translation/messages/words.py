"""Words and counts of the Messages API ↔ neutral ones, for whole answers and streams alike.

Source: Anthropic API reference, Messages (StopReason, Usage, RefusalStopDetails, TextCitation); Claude docs, "Errors".
"""

from collections.abc import Mapping
from typing import Final

from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.translation.answers import Citation, Failed, Stop, Stopped, Usage
from switchover_dataplane.translation.format import Asked, Problem, Reason
from switchover_dataplane.translation.neutral import Json, Maker

_STOPS: Final[Mapping[str, Stop]] = {
    "end_turn": Stop.END,
    "stop_sequence": Stop.STOP_TEXT,
    "tool_use": Stop.TOOLS,
    "max_tokens": Stop.LIMIT,
    "model_context_window_exceeded": Stop.CONTEXT,
    "refusal": Stop.REFUSAL,
    "pause_turn": Stop.PAUSE,
    "compaction": Stop.PAUSE,
}
_WORDS: Final[Mapping[Stop, str]] = {
    Stop.END: "end_turn",
    Stop.STOP_TEXT: "stop_sequence",
    Stop.TOOLS: "tool_use",
    Stop.LIMIT: "max_tokens",
    Stop.CONTEXT: "model_context_window_exceeded",
    Stop.REFUSAL: "refusal",
    Stop.PAUSE: "pause_turn",
    # No word of Anthropic's says that an answer failed, and each of them says that it did not.
    Stop.FAILED: "error",
}


def read_stop(delta: Mapping[str, Json]) -> Stopped | None:
    """Read why an answer ended, from a message or the delta of one; None if it has not."""
    word = delta.get("stop_reason")
    if not word:
        return None
    stop_text, details = delta.get("stop_sequence"), delta.get("stop_details")
    refusal = details.get("explanation") if isinstance(details, dict) else None
    return Stopped(
        _STOPS.get(word, Stop.FAILED) if isinstance(word, str) else Stop.FAILED,
        stop_text if isinstance(stop_text, str) else "",
        refusal if isinstance(refusal, str) else "",
    )


def write_stop(stopped: Stopped, *, refused: bool) -> dict[str, Json]:
    """Write why an answer ended; `refused`: it holds words with which the model refused."""
    stop = Stop.REFUSAL if refused and stopped.stop is Stop.END else stopped.stop
    written: dict[str, Json] = {"stop_reason": _WORDS[stop], "stop_sequence": stopped.stop_text or None}
    if stop is Stop.REFUSAL:
        words = {"type": "refusal", "category": None, "explanation": stopped.refusal}
        written["stop_details"] = words if stopped.refusal else None
    return written


def read_usage(usage: Json) -> Usage | None:
    """Read a usage, in which the input excludes what the cache read and wrote."""
    if not isinstance(usage, dict):
        return None
    fresh = _count(usage, "input_tokens")
    cached, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    details = usage.get("output_tokens_details")
    return Usage(
        None if fresh is None else fresh + (cached or 0) + (written or 0),
        _count(usage, "output_tokens"),
        cached,
        written,
        _count(details, "thinking_tokens") if isinstance(details, dict) else None,
    )


def _count(usage: Mapping[str, Json], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def write_usage(usage: Usage | None) -> dict[str, Json]:
    """Write a usage; a count that is not known is 0, as the SDKs' types demand a number."""
    usage = usage or Usage()
    cached, written = usage.cached or 0, usage.cache_written or 0
    counted: dict[str, Json] = {
        "input_tokens": max(0, (usage.input or 0) - cached - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output or 0,
    }
    if usage.reasoning is not None:
        counted["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counted


def read_citation(citation: Json) -> Citation | None:
    """Read a source of a text: of a search result, or a place in a document of the request."""
    if not isinstance(citation, dict):
        return None
    url = citation.get("url") or citation.get("source")
    title = citation.get("title") or citation.get("document_title")
    return Citation(_text(url), _text(title), _text(citation.get("cited_text")))


def write_citation(citation: Citation) -> dict[str, Json]:
    """Write a source of a text as that of a web search."""
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.quote,
        "encrypted_index": "",
    }


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def shows_thinking(asked: Asked, maker: Maker) -> bool:
    """Whether the client is shown reasoning.

    Claude's comes only where it was asked for. That of other makers may come unasked, and would stand before the text
    of a client that reads the first block.
    """
    reasoning = asked.request.reasoning
    if maker == "claude":
        return True
    return reasoning is not None and reasoning.budget not in (None, 0) and reasoning.shows is not False


# ── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_PROBLEMS: Final[Mapping[Reason, tuple[int, str]]] = {
    "request": (400, "invalid_request_error"),
    "credentials": (401, "authentication_error"),
    "permission": (403, "permission_error"),
    "not-found": (404, "not_found_error"),
    "too-large": (413, "request_too_large"),
    "limit": (429, "rate_limit_error"),
    "overloaded": (529, "overloaded_error"),
    "server": (500, "api_error"),
    "filtered": (400, "invalid_request_error"),
}
_STATUSES: Final[Mapping[str, int]] = {
    **{kind: status for reason, (status, kind) in _PROBLEMS.items() if reason != "filtered"},
    "billing_error": 402,
    "conflict_error": 409,
    "timeout_error": 504,
}
_KINDS: Final[Mapping[int, str]] = {status: kind for kind, status in _STATUSES.items()} | {503: "overloaded_error"}


def write_error(problem: Problem) -> tuple[int, Json]:
    """Return the status and the body of an error."""
    status, kind = _PROBLEMS[problem.reason]
    return status, _error(kind, problem.message)


def write_failed(failed: Failed) -> dict[str, Json]:
    """Write the event of an error in a stream."""
    kind = failed.kind if failed.kind in _STATUSES else _KINDS.get(failed.status, "api_error")
    return _error(kind, failed.message)


def _error(kind: str, message: str) -> dict[str, Json]:
    return {"type": "error", "error": {"type": kind, "message": message or "the model's answer failed"}}


def read_failed(body: Mapping[str, Json]) -> Failed:
    """Read an error: the body of a failed request, or the event in a stream."""
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    kind = type_of(error)
    return Failed(_text(message) or "an error without words", _STATUSES.get(kind, 0), kind)


__all__ = [
    "read_citation",
    "read_failed",
    "read_stop",
    "read_usage",
    "shows_thinking",
    "write_citation",
    "write_error",
    "write_failed",
    "write_stop",
    "write_usage",
]
