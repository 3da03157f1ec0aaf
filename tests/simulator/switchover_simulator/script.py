"""A behaviour and a request → the steps that a connection then takes, one after the other.

Pure: `server` plays the steps on a socket. They are made as they are taken, so that a long stream takes no memory.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from switchover_simulator import provider_error, streamed
from switchover_simulator.behaviour import (
    Answer,
    Behaviour,
    Fin,
    NotHttp,
    Opening,
    Partial,
    Reset,
    ResetOnHead,
    Stall,
    Stream,
)
from switchover_simulator.codings import Codings
from switchover_simulator.events import Called, words
from switchover_simulator.form import Content
from switchover_simulator.forms import called, form
from switchover_simulator.heads import LAST_CHUNK, after, chunk, head, reason
from switchover_simulator.request import Request
from switchover_simulator.steps import ENDS, AwaitPeer, AwaitRelease, Close, Pause, Send, SendReset, Step


def steps(behaviour: Behaviour, request: Request, served_by: str = "") -> Iterator[Step]:
    """Say what a connection does with a request; after the last step it waits for the next one."""
    if isinstance(behaviour, Opening):
        yield from _before(behaviour)
    match behaviour:
        case Answer():
            yield from _answer(behaviour, request, served_by)
        case Stream():
            yield from streamed.steps(behaviour, request, served_by)
        case Partial():
            yield from _partial(behaviour, request, served_by)
        case Stall(after="head"):
            usual = {"content-type": ["text/event-stream"], "transfer-encoding": ["chunked"]}
            yield Send(head(behaviour.status, usual, behaviour.headers, request, served_by))
            yield AwaitPeer()
        case Stall():
            yield AwaitPeer()
        case Reset() | ResetOnHead():
            yield SendReset()
        case Fin():
            yield Close()
        case NotHttp():
            yield Send(behaviour.text.encode())
            yield Close()


def _before(behaviour: Opening) -> Iterator[Step]:
    if behaviour.delay:
        yield Pause(behaviour.delay)
    if behaviour.hold:
        yield AwaitRelease()


# ── Whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


def _answer(behaviour: Answer, request: Request, served_by: str) -> Iterator[Step]:
    for status in behaviour.interim:
        yield Send(f"HTTP/1.1 {status} {reason(status)}\r\n\r\n".encode())
    if _becomes_stream(behaviour, request):
        yield from streamed.steps(_as_stream(behaviour), request, served_by)
        return
    body, kind = _body(behaviour, request, served_by)
    if request.method == "HEAD" or behaviour.status in (204, 304):
        body = b""
    usual = {"content-type": [kind]}
    if behaviour.coding:
        coding = Codings(behaviour.coding)
        body = coding.feed(body) + coding.end()
        usual["content-encoding"] = [", ".join(behaviour.coding)]
    framing, body = _framed(behaviour.framing, body)
    yield Send(head(behaviour.status, usual | framing, behaviour.headers, request, served_by))
    if body:
        yield Send(body)
    if behaviour.then == "keep":
        yield from after(request, by_close=behaviour.framing == "close")
    else:
        yield ENDS[behaviour.then]


def _becomes_stream(behaviour: Answer, request: Request) -> bool:
    plain = behaviour.body is None and behaviour.error is None and behaviour.status < 300
    wanted = request.wants_stream if behaviour.stream is None else behaviour.stream
    return plain and wanted


def _as_stream(behaviour: Answer) -> Stream:
    return Stream(
        status=behaviour.status,
        headers=behaviour.headers,
        events=[*_content(behaviour), *([Called(call=behaviour.call)] if behaviour.call else [])],
        gap=behaviour.gap,
        finish=behaviour.finish,
        coding=behaviour.coding,
    )


def _content(behaviour: Answer) -> list[str]:
    if behaviour.content is None:
        return words(behaviour.tokens)
    if not behaviour.content:
        return []
    pieces = behaviour.content.split(" ")
    return [f"{' ' if index else ''}{piece}" for index, piece in enumerate(pieces)]


def _body(behaviour: Answer | Partial, request: Request, served_by: str) -> tuple[bytes, str]:
    """Return body and content type."""
    if isinstance(behaviour.body, str):
        return behaviour.body.encode(), _kind(behaviour.body)
    return msgspec.json.encode(_json(behaviour, request, served_by)), "application/json"


def _json(behaviour: Answer | Partial, request: Request, served_by: str) -> Any:
    if behaviour.body is not None:
        return behaviour.body
    error = behaviour.error if isinstance(behaviour, Answer) else None
    if error is not None or behaviour.status >= 400:
        return provider_error.body(request.provider, behaviour.status, request.model, error)
    if request.api and behaviour.status < 300:
        answer = behaviour if isinstance(behaviour, Answer) else Answer()
        pieces = _content(answer)
        content = Content("".join(pieces), called(answer.call, request), len(pieces))
        return form(request).whole(request, content, answer.finish)
    return {"served_by": served_by or "simulator", "method": request.method, "path": request.target}


def _kind(text: str) -> str:
    if text.startswith(("data:", "event:", ":")):
        return "text/event-stream"
    return "application/json" if text.startswith(("{", "[")) else "text/plain; charset=utf-8"


def _framed(framing: str, body: bytes) -> tuple[dict[str, list[str]], bytes]:
    if framing == "chunked":
        return {"transfer-encoding": ["chunked"]}, (chunk(body) if body else b"") + LAST_CHUNK
    if framing == "close":
        return {"connection": ["close"]}, body
    return {"content-length": [str(len(body))]}, body


def _partial(behaviour: Partial, request: Request, served_by: str) -> Iterator[Step]:
    body, kind = _body(behaviour, request, served_by)
    framing = {"content-type": [kind], "content-length": [str(len(body) + behaviour.missing)]}
    yield Send(head(behaviour.status, framing, behaviour.headers, request, served_by) + body)
    yield ENDS[behaviour.end]
