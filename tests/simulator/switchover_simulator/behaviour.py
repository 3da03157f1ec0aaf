"""What a scripted server does with one request, as validated data: the words of a scenario file.

Each mode is a type of its own, so that a field that has no meaning in a mode is an error and not a wish unheard.
Short forms: a number is an answer with that status, a word is a mode. All times are seconds.
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
    """What comes before an answer: `delay` passes, and with `hold` the server waits until it is released."""

    delay: Seconds = 0.0
    hold: bool = False


class Answer(Opening):
    """A well-formed answer.

    Without `body` or `error` it is what the status means: an answer of the request's API (a stream where the request
    asks for one and `stream` does not forbid it) or the provider's error. `body` is text, or anything else as JSON.
    `content` is the answer's text, else `tokens` words; `gap` passes between streamed words. `call` adds a tool call,
    true that of the request's first tool. `finish` is the API's word for a good end where it is unset. `coding` is
    what the body is encoded by. `interim` are statuses sent before (1xx). `then` is what the connection does after
    the answer without having announced it.
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
    """Server-sent events in chunks, `gap` apart, whether or not the request asked for them.

    `events` is how many words of content, or what is sent one by one. `role` sends what the API begins with: the
    role-only chunk, `message_start`, `response.created`. `end`: `done` is finish_reason, usage where asked for, [DONE]
    and the last chunk; `clean` the last chunk alone; `rst`, `fin` and `hang` come after the events without any of it,
    `finish-...` after finish_reason; an error event is followed by a clean end, or by [DONE] and one.
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
    """An answer whose content-length promises `missing` bytes more than come; `body` as in `Answer`."""

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
