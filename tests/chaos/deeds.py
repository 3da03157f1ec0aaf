"""What a target does with one request: chance and a text → a behaviour of the simulator, under the name of its kind.

`WELL` are whole answers, however they come. `ODD` are whole answers under a wrong label or in a wrong form: they may be
taken or not. `BAD` are none: no client may be given one of them as an answer.
"""

import json
import random
from collections.abc import Callable
from typing import Any, Final

from switchover_simulator.behaviour import (
    Answer,
    Behaviour,
    Fin,
    NotHttp,
    Partial,
    Reset,
    Stall,
    Stream,
)
from switchover_simulator.events import Data, Event, Failed, Finished, Raw, Thought
from switchover_simulator.form import Content
from switchover_simulator.forms import form
from switchover_simulator.part import ProviderError
from switchover_simulator.request import Request

Deed = Callable[[random.Random, str, Request], Behaviour]
"""Chance, the text that would be right, and the request."""

_STATUSES: Final = (401, 402, 403, 404, 408, 429, 500, 502, 503, 504, 520, 529)
_SYLLABLES: Final = ("over", "quota", "abort", "engine", "net", "work", "time", "out", "guard", "shed", "fail", "sys")
_CODINGS: Final = (["gzip"], ["deflate"], ["br"], ["zstd"], ["gzip", "br"], ["zstd", "gzip"])
_PINGS: Final[dict[str, Event]] = {
    "chat": Data(data={"choices": []}),
    "messages": Data(data={"type": "ping"}, event="ping"),
    "responses": Data(data={"type": "response.in_progress", "response": {}}, event="response.in_progress"),
}
_PAGES: Final = (
    "<!doctype html><title>Bad gateway</title>",
    "upstream request failed",
    "error code: 1015",
    "",
    "\n\n",
)


def _well(_chance: random.Random, text: str, asked: Request) -> Behaviour:
    return Answer(content=text, stream=asked.wants_stream)


def _slow(chance: random.Random, text: str, asked: Request) -> Behaviour:
    if not asked.wants_stream:
        return Answer(content=text, stream=False, delay=chance.uniform(0.1, 0.4), framing="chunked")
    return Stream(events=[*_pieces(chance, text, most=20)], gap=0.01)


def _alive(chance: random.Random, text: str, asked: Request) -> Behaviour:
    if not asked.wants_stream:
        return Answer(content=text, stream=False, interim=[103], framing="close")
    signs: list[Event] = [Raw(raw=": still here\n\n"), _PINGS[asked.api or "chat"], Thought(thinks=" let me see")]
    return Stream(events=[each for piece in _pieces(chance, text) for each in (chance.choice(signs), piece)])


def _coded(chance: random.Random, text: str, asked: Request) -> Behaviour:
    return Answer(content=text, stream=asked.wants_stream, coding=chance.choice(_CODINGS))


def _early_finish(chance: random.Random, text: str, asked: Request) -> Behaviour:
    """A finish_reason with content behind it, and then another."""
    if not asked.wants_stream:
        return _well(chance, text, asked)
    pieces: list[Event] = [*_pieces(chance, text)]
    pieces.insert(chance.randrange(len(pieces)), Finished(finish="stop"))
    return Stream(events=pieces)


def _other_form(_chance: random.Random, text: str, asked: Request) -> Behaviour:
    return Answer(content=text, stream=not asked.wants_stream)


def _wrong_label(chance: random.Random, text: str, asked: Request) -> Behaviour:
    kinds = ["text/html", "text/plain; charset=utf-8", "application/octet-stream"]
    label = chance.choice([*kinds, "application/json" if asked.wants_stream else "text/event-stream"])
    return Answer(content=text, stream=asked.wants_stream, headers={"content-type": [label]})


def _status(chance: random.Random, _text: str, _asked: Request) -> Behaviour:
    return Answer(status=chance.choice(_STATUSES), delay=chance.choice([0, 0, 0, 0.3]))


def _nothing(chance: random.Random, _text: str, _asked: Request) -> Behaviour:
    if chance.random() < 0.5:
        return Answer(status=chance.choice([204, 205]), body="")
    where = ["http://127.0.0.1:9/elsewhere"]
    return Answer(status=chance.choice([301, 302, 303, 307, 308]), headers={"location": where}, body="")


def _page(chance: random.Random, _text: str, asked: Request) -> Behaviour:
    label = chance.choice(
        ["text/html", "text/plain", "application/json", "text/event-stream" if asked.wants_stream else ""]
    )
    return Answer(body=chance.choice(_PAGES), headers={"content-type": [label or "text/html"]})


def _hollow(chance: random.Random, _text: str, asked: Request) -> Behaviour:
    if asked.wants_stream and chance.random() < 0.6:
        streams = [
            Stream(events=[]),
            Stream(events=["", ""]),
            Stream(events=[], end="done-without-finish"),
            Stream(events=[], role=False, end="clean"),
            Stream(events=[Raw(raw=": still here\n\n")], role=False, end="done-without-finish"),
        ]
        return chance.choice(streams)
    hollow = form(asked).whole(asked, Content("", (), 0), None)
    name = next(name for name in ("choices", "content", "output") if name in hollow)
    bodies: list[Any] = [{}, None, [], "", 0, hollow, {**hollow, name: []}, {**hollow, name: None}]
    bodies += [{field: value for field, value in hollow.items() if field != name}]
    return _json(json.dumps(chance.choice(bodies)))


def _error(chance: random.Random, _text: str, asked: Request) -> Behaviour:
    word = _word(chance)
    said: list[dict[str, Any]] = [
        {"error": {"message": word, "type": word}},
        {"error": word},
        {"code": chance.randrange(1000, 60_000), "message": word},
        {"detail": word},
        {"success": False, "msg": word},
        {"base_resp": {"status_code": 1002, "status_msg": word}},
        {"type": "error", "error": {"type": word, "message": word}},
    ]
    error = chance.choice(said)
    if asked.wants_stream and chance.random() < 0.7:
        end = chance.choice(["clean", "done-without-finish", "fin"])
        return Stream(events=[Data(data=error)], role=chance.random() < 0.3, end=end)
    return _json(json.dumps(error))


def _late_error(chance: random.Random, text: str, asked: Request) -> Behaviour:
    if not asked.wants_stream:
        return _error(chance, text, asked)
    failed = Failed(error=ProviderError(message=_word(chance)))
    end = chance.choice(["clean", "done-without-finish", "done"])
    return Stream(events=[*_some(chance, text), failed], end=end)


def _bad_finish(chance: random.Random, text: str, asked: Request) -> Behaviour:
    """Stopped by the provider, under a word of its own, with a part of the text or without any."""
    said = "".join(_some(chance, text))
    word = f"{_word(chance)}_{_word(chance)}"
    return Answer(content=said, finish=word, stream=asked.wants_stream)


def _cut(chance: random.Random, text: str, asked: Request) -> Behaviour:
    if asked.wants_stream:
        end = chance.choice(["rst", "fin", "clean", "done-without-finish"])
        return Stream(events=[*_some(chance, text)], end=end)
    whole = json.dumps(form(asked).whole(asked, Content(text, (), 1), None))
    said = whole[: chance.randrange(len(whole))]
    if chance.random() < 0.3:  # in order, by its length
        return _json(said)
    return Partial(body=said or "{", missing=len(whole) - len(said) or 1, end=chance.choice(["rst", "fin"]))


def _stalled(chance: random.Random, text: str, asked: Request) -> Behaviour:
    if chance.random() < 0.3:
        return Stall(after=chance.choice(["request", "head"]))
    return (
        Stream(events=[*_some(chance, text)], end="hang") if asked.wants_stream else Partial(body='{"id":', end="hang")
    )


def _broken(chance: random.Random, _text: str, _asked: Request) -> Behaviour:
    ways: list[Behaviour] = [Reset(), Fin(), NotHttp(), Reset(delay=0.4)]
    return chance.choice(ways)


def _not_coded(_chance: random.Random, text: str, asked: Request) -> Behaviour:
    """A label of a coding, and no coding."""
    return Answer(content=text, stream=asked.wants_stream, headers={"content-encoding": ["gzip"]})


WELL: Final[dict[str, Deed]] = {"well": _well, "slow": _slow, "signs of life": _alive, "coded": _coded}
ODD: Final[dict[str, Deed]] = {"early finish": _early_finish, "other form": _other_form, "wrong label": _wrong_label}
BAD: Final[dict[str, Deed]] = {
    "status": _status,
    "no answer": _nothing,
    "page": _page,
    "hollow": _hollow,
    "error under 200": _error,
    "late error": _late_error,
    "bad finish": _bad_finish,
    "cut": _cut,
    "stalled": _stalled,
    "broken": _broken,
    "not coded": _not_coded,
}
DEEDS: Final = WELL | ODD | BAD
MIDWAY: Final = frozenset({"late error", "bad finish", "cut", "stalled", "early finish", "not coded"})
"""Kinds that a stream may show after its first content."""


def _pieces(chance: random.Random, text: str, most: int = 12) -> list[str]:
    pieces = []
    while text:
        length = chance.randint(1, most)
        pieces.append(text[:length])
        text = text[length:]
    return pieces


def _some(chance: random.Random, text: str) -> list[str]:
    """Return the beginning of a text, without its end."""
    pieces = _pieces(chance, text)
    return pieces[: chance.randrange(len(pieces))]


def _word(chance: random.Random) -> str:
    """Make a word that no list has."""
    return "_".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(1, 3)))


def _json(body: str) -> Answer:
    return Answer(body=body, headers={"content-type": ["application/json"]})
