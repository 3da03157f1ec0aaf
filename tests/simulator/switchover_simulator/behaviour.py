"""The behaviour of a scripted server for one request, as validated data of a scenario file.

Each mode is a type of its own, so that a field of another mode is an error and is not ignored. Short forms: a number is
an answer with that status, a word is a mode. All times are seconds.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from switchover_simulator.codings import Coding
from switchover_simulator.events import MOST_EVENTS, POEM, Call, Events, poem
from switchover_simulator.part import Headers, Part, ProviderError, Seconds, Status, listed

End = Literal[
    "done",
    "rst",
    "fin",
    "hang",
    "clean",
    "done-without-finish",
    "error-event",
    "error-event-done",
    "finish-hang",
    "finish-rst",
]

Codings = Annotated[list[Coding], BeforeValidator(listed)]


class Opening(Part):
    """The time before an answer: `delay`, and with `hold` the wait for the release."""

    delay: Seconds = 0.0
    hold: bool = False


class Answer(Opening):
    """A well-formed answer.

    Without `body` or `error` the status decides: an answer of the request's API (a stream if the request asks for one
    and `stream` allows it) or the provider's error. `body` is text, or anything else as JSON. `content` is the answer's
    text, else `tokens` words; `gap` is the time between streamed words. `call` adds a tool call, true for the request's
    first tool. `finish` is the finish reason, by default that of a good end. `coding` are the content codings of the
    body. `interim` are statuses (1xx) before the answer. `then` is what the connection does after the answer, without
    notice.
    """

    mode: Literal["answer"] = "answer"
    status: Status = 200
    headers: Headers = Field(default_factory=dict)
    body: Any = None
    error: ProviderError | None = None
    content: str | None = None
    tokens: Annotated[int, Field(ge=0, le=MOST_EVENTS)] = POEM
    gap: Seconds = 0.0
    call: Call | Literal[True] | None = None
    finish: str | None = None
    coding: Codings = Field(default_factory=list)
    stream: bool | None = None
    framing: Literal["length", "chunked", "close"] = "length"
    interim: list[Annotated[int, Field(ge=100, le=199)]] = Field(default_factory=list)
    then: Literal["keep", "fin", "rst"] = "keep"

    @model_validator(mode="after")
    def _one_body(self) -> "Answer":
        given = [name for name in ("body", "error", "content") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are each a body; give one of them")
        return self


class Stream(Opening):
    """Server-sent events in chunks, `gap` apart, also if the request did not ask for a stream.

    `events` is a number of words, or a list of items. `role` sends the first events of the API: the role-only chunk,
    `message_start`, `response.created`. `end`: `done` is finish_reason, usage if requested, [DONE] and the last chunk;
    `clean` is the last chunk alone; `rst`, `fin` and `hang` come directly after the events, `finish-...` after
    finish_reason; an error event is followed by a clean end, or by [DONE] and a clean end.
    """

    mode: Literal["stream"] = "stream"
    status: Status = 200
    headers: Headers = Field(default_factory=dict)
    events: Events = Field(default_factory=poem)
    gap: Seconds = 0.0
    role: bool = True
    end: End = "done"
    finish: str | None = None
    coding: Codings = Field(default_factory=list)
    error: ProviderError | None = None


class Partial(Opening):
    """An answer with `missing` bytes less than its content-length; `body` as in `Answer`."""

    mode: Literal["partial"] = "partial"
    status: Status = 200
    headers: Headers = Field(default_factory=dict)
    body: Any = None
    missing: Annotated[int, Field(ge=1)] = 100
    end: Literal["rst", "fin", "hang"] = "rst"


class Stall(Opening):
    """Silence until the peer closes: `after` the request was read, or after the head of an answer."""

    mode: Literal["stall"] = "stall"
    after: Literal["request", "head"] = "request"
    status: Status = 200
    headers: Headers = Field(default_factory=dict)


class Reset(Opening):
    """The request is read, then TCP RST."""

    mode: Literal["rst"] = "rst"


class ResetOnHead(Part):
    """TCP RST as soon as the request's head arrived; its body is not read."""

    mode: Literal["rst-on-head"] = "rst-on-head"


class Fin(Opening):
    """The request is read, then an orderly close without a byte of an answer."""

    mode: Literal["fin"] = "fin"


class NotHttp(Opening):
    """A line that is not HTTP, then a close."""

    mode: Literal["not-http"] = "not-http"
    text: str = "this is not HTTP\r\n"


_MODES = ("answer", "stream", "partial", "stall", "rst", "rst-on-head", "fin", "not-http")


def _spelled_out(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"status": value}
    return {"mode": value} if isinstance(value, str) and value in _MODES else value


def _mode(value: Any) -> Any:
    if isinstance(value, dict):
        return "turns" if "turns" in value else value.get("mode", "answer")
    return "turns" if isinstance(value, ByTurn) else getattr(value, "mode", None)


Behaviour = Answer | Stream | Partial | Stall | Reset | ResetOnHead | Fin | NotHttp

_Played = (
    Annotated[Answer, Tag("answer")]
    | Annotated[Stream, Tag("stream")]
    | Annotated[Partial, Tag("partial")]
    | Annotated[Stall, Tag("stall")]
    | Annotated[Reset, Tag("rst")]
    | Annotated[ResetOnHead, Tag("rst-on-head")]
    | Annotated[Fin, Tag("fin")]
    | Annotated[NotHttp, Tag("not-http")]
)
_BY_MODE = Discriminator(
    _mode,
    custom_error_type="behaviour",
    custom_error_message=(
        f"must be a status (429), a mode ({', '.join(_MODES)}), or a mapping with `mode` and its fields"
    ),
)


class ByTurn(Part):
    """A behaviour for each turn of a conversation: the first for what begins one; the last one sticks."""

    turns: list[Annotated[_Played, _BY_MODE, BeforeValidator(_spelled_out)]] = Field(min_length=1)


Written = Annotated[_Played | Annotated[ByTurn, Tag("turns")], _BY_MODE, BeforeValidator(_spelled_out)]
"""A behaviour, or one for each turn, as it stands in a scenario file."""


Behaviours = Annotated[list[Written], BeforeValidator(listed), Field(min_length=1)]
"""One behaviour a request; the last one sticks. One alone may stand without its list."""
