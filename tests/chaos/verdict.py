"""What a client got, as raw bytes, and the text that it should have got → what became of the answer.

This shares no code with the gateway or with any client library: HTTP, chunks and events are read here once more, by
what their standards say. The strictest client counts: an answer passes for whole if its body ends in order, or if a
`finish_reason` or `[DONE]` says so, whatever came before.
"""

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from chaos.apis import Api, Told, hear, said

End = Literal["closed", "reset", "time-out"]


class Outcome(Enum):
    """The columns of the table."""

    WHOLE = "whole"
    FAILED = "failed honestly"
    HOLLOW = "hollow success"
    TRUNCATED = "truncated as success"
    DAMAGED = "duplicated or lost"
    UNREADABLE = "not as asked for"
    HUNG = "hung"


HONEST = (Outcome.WHOLE, Outcome.FAILED)


@dataclass(frozen=True)
class Verdict:
    """The outcome, and for a person what made it one."""

    outcome: Outcome
    why: str


@dataclass
class Response:
    """An HTTP answer as far as it came; `complete`: its end is an end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False


def judge(raw: bytes, end: End, expected: str, api: Api = "chat") -> Verdict:
    """Tell what became of an answer whose text, or whose tool call's arguments, should be `expected`."""
    response = read_response(raw, closed=end == "closed")
    if response.status >= 400:
        return _refused(response, end)
    if amiss := _amiss(response, "text/event-stream"):
        return amiss
    told = read_events(response.body, api)
    if not expected.startswith(told.text):
        return Verdict(Outcome.DAMAGED, _difference(told.text, expected))
    if end == "time-out" and not response.complete:
        return Verdict(Outcome.HUNG, f"silent after {len(told.text)} of {len(expected)} characters")
    whole = told.text == expected
    # [DONE] adds nothing to a finish_reason and an end of the body: providers leave it out, and no SDK insists on it.
    if whole and told.finish in ("stop", "tool_calls") and response.complete and told.error is None:
        return Verdict(Outcome.WHOLE, "")
    signs = {
        "an end of the body": response.complete,
        f"finish_reason {told.finish}": told.finish not in (None, "error"),
        "[DONE]": told.done,
    }
    claimed = [sign for sign, given in signs.items() if given]
    if claimed and not whole:
        missing = len(expected) - len(told.text)
        outcome = Outcome.TRUNCATED if told.text else Outcome.HOLLOW
        return Verdict(outcome, f"{missing} characters are missing, but it has {' and '.join(claimed)}")
    return Verdict(Outcome.FAILED, told.error or "cut")


def judge_whole(raw: bytes, end: End, expected: str, api: Api = "chat") -> Verdict:
    """Tell what became of an answer that is no stream and whose text should be `expected`."""
    response = read_response(raw, closed=end == "closed")
    if response.status >= 400:
        return _refused(response, end)
    if end == "time-out" and not response.complete:
        return Verdict(Outcome.HUNG, f"silent after {len(response.body)} bytes")
    if not response.complete:
        return Verdict(Outcome.FAILED, "cut")
    if amiss := _amiss(response, "application/json"):
        return amiss
    return _judge_answer(response, expected, api)


def _judge_answer(response: Response, expected: str, api: Api) -> Verdict:
    try:
        told = said(api, json.loads(response.body))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Verdict(Outcome.HOLLOW, f"{response.status} {response.body[:80]!r}")
    if told.text == expected and told.finish == "stop" and told.error is None:
        return Verdict(Outcome.WHOLE, "")
    if not expected.startswith(told.text):
        return Verdict(Outcome.DAMAGED, _difference(told.text, expected))
    missing = f"{len(expected) - len(told.text)} characters are missing, with finish_reason {told.finish}"
    return Verdict(Outcome.TRUNCATED if told.text else Outcome.HOLLOW, missing)


def _amiss(response: Response, kind: str) -> Verdict | None:
    """Tell what keeps a client that asked for this kind, and for no coding, from reading an answer; None: nothing."""
    if response.status == 0:
        return None
    if response.status != 200:
        return Verdict(Outcome.HOLLOW, f"status {response.status}, under which nothing is answered")
    label = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if label != kind:
        return Verdict(Outcome.UNREADABLE, f"{label or 'no content type'} in the place of {kind}")
    coding = response.headers.get("content-encoding", "identity").lower()
    return None if coding == "identity" else Verdict(Outcome.UNREADABLE, f"{coding}, which was not asked for")


def _refused(response: Response, end: End) -> Verdict:
    if end == "time-out" and not response.complete:
        return Verdict(Outcome.HUNG, "in a refusal")
    try:
        answer = json.loads(response.body)
        # SDKs raise by the status, and quote an error in another provider's form as it is.
        message = answer["error"]["message"] if isinstance(answer.get("error"), dict) else _quoted(answer)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Verdict(Outcome.DAMAGED, f"{response.status} without an error that an SDK reads: {response.body[:80]!r}")
    return Verdict(Outcome.FAILED, f"{response.status}: {message}")


def _quoted(answer: dict[str, Any]) -> str:
    if not answer:
        raise ValueError
    return json.dumps(answer)


def _difference(got: str, expected: str) -> str:
    at = next((at for at, pair in enumerate(zip(got, expected, strict=False)) if pair[0] != pair[1]), len(expected))
    return f"at character {at}: {got[max(0, at - 12) : at + 12]!r} instead of {expected[max(0, at - 12) : at + 12]!r}"


# ── HTTP (RFC 9112) ─────────────────────────────────────────────────────────────────────────────────────────────────


def read_response(raw: bytes, *, closed: bool) -> Response:
    """Read an answer; one without length and chunks ends with its connection, if that was closed in order."""
    head, found, rest = raw.partition(b"\r\n\r\n")
    if not found:
        return Response()
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    response = Response(int(first.split()[1]), headers)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        response.body, response.complete = _unchunked(rest)
    elif "content-length" in headers:
        response.body, response.complete = rest, len(rest) == int(headers["content-length"])
    else:
        response.body, response.complete = rest, closed
    return response


def _unchunked(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while (end := rest.find(b"\r\n")) >= 0:
        size = rest[:end].partition(b";")[0]
        if not re.fullmatch(rb"[0-9a-fA-F]+", size):
            break
        length, rest = int(size, 16), rest[end + 2 :]
        if length == 0:
            return body, rest == b"\r\n"
        body += rest[:length]
        if rest[length : length + 2] != b"\r\n":
            break
        rest = rest[length + 2 :]
    return body, False


# ── Server-sent events (WHATWG HTML, section 9.2.6) ─────────────────────────────────────────────────────────────────


def read_events(body: bytes, api: Api) -> Told:
    """Read the events that came completely, those behind an error too: not every client stops there."""
    told = Told()
    blocks = re.split(rb"\r\n\r\n|\n\n|\r\r", body)
    for block in blocks[:-1]:
        data = [_value(line) for line in re.split(rb"\r\n|\n|\r", block) if line.startswith(b"data:")]
        if data:
            _hear(b"\n".join(data), api, told)
    return told


def _value(line: bytes) -> bytes:
    return line.removeprefix(b"data:").removeprefix(b" ")


def _hear(data: bytes, api: Api, told: Told) -> None:
    if data == b"[DONE]":
        told.done = True
        return
    try:
        hear(api, json.loads(data), told)
    except (ValueError, LookupError, TypeError, AttributeError):
        told.fails(f"an event that is none: {data[:40]!r}")
