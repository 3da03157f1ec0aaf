"""A behaviour and a request → the steps that a connection then takes, one after the other.

Pure: bytes, times and endings as data. `server` plays them on a socket. Steps are made as they are taken, so that a
long stream takes no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from switchover_simulator import chat, provider_error
from switchover_simulator.behaviour import (
    Answer,
    Behaviour,
    Data,
    Delta,
    Event,
    Fin,
    Hold,
    NotHttp,
    Opening,
    Partial,
    Raw,
    Reset,
    ResetOnHead,
    Silence,
    Stall,
    Stream,
    words,
)
from switchover_simulator.request import Request


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Write nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AwaitRelease:
    """Write nothing until the server is told to go on."""


@dataclass(frozen=True, slots=True)
class AwaitPeer:
    """Write nothing until the peer closes."""


@dataclass(frozen=True, slots=True)
class SendReset:
    """End the connection by TCP RST."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in order."""


Step = Send | Pause | AwaitRelease | AwaitPeer | SendReset | Close

_ENDS: dict[str, Step] = {"rst": SendReset(), "fin": Close(), "hang": AwaitPeer()}
_LAST_CHUNK = b"0\r\n\r\n"


def steps(behaviour: Behaviour, request: Request, served_by: str = "") -> Iterator[Step]:
    """Say what a connection does with a request; after the last step it waits for the next one."""
    if isinstance(behaviour, Opening):
        yield from _before(behaviour)
    match behaviour:
        case Answer():
            yield from _answer(behaviour, request, served_by)
        case Stream():
            yield from _stream(behaviour, request, served_by)
        case Partial():
            yield from _partial(behaviour, request, served_by)
        case Stall(after="head"):
            head = {"content-type": ["text/event-stream"], "transfer-encoding": ["chunked"]}
            yield Send(_head(behaviour.status, head, behaviour.headers, request, served_by))
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
        yield Send(f"HTTP/1.1 {status} {_reason(status)}\r\n\r\n".encode())
    if _becomes_stream(behaviour, request):
        yield from _stream(_as_stream(behaviour), request, served_by)
        return
    body, kind = _body(behaviour, request, served_by)
    if request.method == "HEAD" or behaviour.status in (204, 304):
        body = b""
    framing, body = _framed(behaviour.framing, body)
    yield Send(_head(behaviour.status, {"content-type": [kind], **framing}, behaviour.headers, request, served_by))
    if body:
        yield Send(body)
    if behaviour.then == "keep":
        yield from _after(request, by_close=behaviour.framing == "close")
    else:
        yield _ENDS[behaviour.then]


def _becomes_stream(behaviour: Answer, request: Request) -> bool:
    plain = behaviour.body is None and behaviour.error is None and behaviour.status < 300
    wanted = request.wants_stream if behaviour.stream is None else behaviour.stream
    return plain and wanted


def _as_stream(behaviour: Answer) -> Stream:
    return Stream(
        status=behaviour.status,
        headers=behaviour.headers,
        events=[*_content(behaviour)],
        gap=behaviour.gap,
        finish=behaviour.finish,
    )


def _content(behaviour: Answer) -> list[str]:
    if behaviour.content is None:
        return words(behaviour.tokens)
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
    if request.is_chat and behaviour.status < 300:
        answer = behaviour if isinstance(behaviour, Answer) else Answer()
        return chat.completion(request, _content(answer), answer.finish)
    return {"served_by": served_by or "simulator", "method": request.method, "path": request.target}


def _kind(text: str) -> str:
    if text.startswith(("data:", "event:", ":")):
        return "text/event-stream"
    return "application/json" if text.startswith(("{", "[")) else "text/plain; charset=utf-8"


def _framed(framing: str, body: bytes) -> tuple[dict[str, list[str]], bytes]:
    if framing == "chunked":
        return {"transfer-encoding": ["chunked"]}, (_chunk(body) if body else b"") + _LAST_CHUNK
    if framing == "close":
        return {"connection": ["close"]}, body
    return {"content-length": [str(len(body))]}, body


def _partial(behaviour: Partial, request: Request, served_by: str) -> Iterator[Step]:
    body, kind = _body(behaviour, request, served_by)
    framing = {"content-type": [kind], "content-length": [str(len(body) + behaviour.missing)]}
    yield Send(_head(behaviour.status, framing, behaviour.headers, request, served_by) + body)
    yield _ENDS[behaviour.end]


# ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stream(behaviour: Stream, request: Request, served_by: str) -> Iterator[Step]:
    framing = {
        "content-type": ["text/event-stream; charset=utf-8"],
        "cache-control": ["no-cache"],
        "transfer-encoding": ["chunked"],
    }
    yield Send(_head(behaviour.status, framing, behaviour.headers, request, served_by))
    if behaviour.role:
        yield Send(_chunk(chat.opening(request)))
    for piece in behaviour.events:
        yield from _event(piece, request)
        if behaviour.gap:
            yield Pause(behaviour.gap)
    yield from _stream_end(behaviour, request)


def _event(piece: Event, request: Request) -> Iterator[Step]:
    match piece:
        case Silence(pause=seconds):
            yield Pause(seconds)
        case Hold():
            yield AwaitRelease()
        case Raw(raw=text):
            yield Send(_chunk(text.encode()))
        case Data(data=value):
            yield Send(_chunk(chat.event(value)))
        case Delta(delta=delta):
            yield Send(_chunk(chat.chunk(request, delta)))
        case text:
            yield Send(_chunk(chat.chunk(request, {"content": text})))


def _stream_end(behaviour: Stream, request: Request) -> Iterator[Step]:
    end = behaviour.end
    if end in ("done", "finish-hang", "finish-rst"):
        yield Send(_chunk(chat.ending(request, behaviour.finish, len(behaviour.events))))
    if end.startswith("error-event"):
        error = provider_error.body(request.provider, 500, request.model, behaviour.error)
        yield Send(_chunk(chat.event(error)))
    if end in ("done", "done-without-finish", "error-event-done"):
        yield Send(_chunk(chat.DONE))
    cut = _ENDS.get(end.removeprefix("finish-"))
    if cut is not None:
        yield cut
        return
    yield Send(_LAST_CHUNK)
    yield from _after(request)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# ── Heads ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(
    status: int,
    usual: dict[str, list[str]],
    written: dict[str, list[str]],
    request: Request,
    served_by: str,
) -> bytes:
    """Write status line and headers; what the scenario wrote wins over the usual."""
    fields = {"server": ["switchover-simulator"], **usual}
    if served_by:
        fields["x-served-by"] = [served_by]
    if not request.keep_alive:
        fields["connection"] = ["close"]
    replaced = {name.lower() for name in written}
    fields = {name: values for name, values in fields.items() if name not in replaced} | written
    lines = [f"{name}: {value}\r\n" for name, values in fields.items() for value in values]
    return f"HTTP/1.1 {status} {_reason(status)}\r\n{''.join(lines)}\r\n".encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def _after(request: Request, *, by_close: bool = False) -> Iterator[Step]:
    if by_close or not request.keep_alive:
        yield Close()
