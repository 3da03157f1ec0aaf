"""What a scripted server does with one request, as validated data: the words of a scenario file.

Each mode is a type of its own, so that a field that has no meaning in a mode is an error and not a wish unheard.
Short forms: a number is an answer with that status, a word is a mode. All times are seconds.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

Status = Annotated[int, Field(ge=200, le=599)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "function_call", "model_length", "error"]
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

MOST_EVENTS = 100_000


def _texts(value: Any) -> Any:
    """Spell `retry-after: 1` and single values out as lists of texts."""
    if not isinstance(value, dict):
        return value
    return {name: [_text(each) for each in _listed(values)] for name, values in value.items()}


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _one_line(value: str) -> str:
    if any(char in value for char in "\r\n\0"):
        raise ValueError("must be one line")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
Headers = Annotated[dict[Line, list[Line]], BeforeValidator(_texts)]


class Part(BaseModel):
    """Frozen, and without unknown fields; files are read strictly (`scenario.validate`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_LINES = (
    *("A function met itself upon the stair,", "one step below,", "the same in form and air;"),
    *("each asked the next for less,", "until the last", "said: done,"),
    *("and all returned,", "and overcast was sun."),
)
_WORDS = " ".join(_LINES).split()
POEM = len(_WORDS)
"""How many words the text has that answers are made of."""


def words(count: int) -> list[str]:
    """Return `count` pieces of text; together they read as sentences."""
    return [f"{' ' if index else ''}{_WORDS[index % POEM]}" for index in range(count)]


def _scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int):
        raise ValueError("must be text or a whole number")
    return value


class ProviderError(Part):
    """The error in a body or event, in the provider's own shape; what is unset follows from the status."""

    message: str | None = None
    type: str | None = None
    code: Annotated[Any, AfterValidator(_scalar)] = None
    param: str | None = None


class Opening(Part):
    """What comes before an answer: `delay` passes, and with `hold` the server waits until it is released."""

    delay: Seconds = 0.0
    hold: bool = False


class Answer(Opening):
    """A well-formed answer.

    Without `body` or `error` it is what the status means: a chat completion (a stream where the request asks for
    one and `stream` does not forbid it) or the provider's error. `body` is text, or anything else as JSON. `content`
    is the completion's text, else `tokens` words; `gap` passes between streamed words. `interim` are statuses sent
    before (1xx). `then` is what the connection does after the answer without having announced it.
    """

    mode: Literal["answer"] = "answer"
    status: Status = 200
    headers: Headers = {}
    body: Any = None
    error: ProviderError | None = None
    content: str | None = None
    tokens: Annotated[int, Field(ge=0, le=MOST_EVENTS)] = POEM
    gap: Seconds = 0.0
    finish: Finish = "stop"
    stream: bool | None = None
    framing: Literal["length", "chunked", "close"] = "length"
    interim: list[Annotated[int, Field(ge=100, le=199)]] = []
    then: Literal["keep", "fin", "rst"] = "keep"

    @model_validator(mode="after")
    def _one_body(self) -> "Answer":
        given = [name for name in ("body", "error", "content") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are each a body; give one of them")
        return self


class Delta(Part):
    """A well-formed chunk whose choice has this `delta`, as `{tool_calls: [...]}`."""

    delta: dict[str, Any]


class Data(Part):
    """A `data:` event with this value: text as it is, anything else as JSON."""

    data: Any


class Raw(Part):
    """Bytes that need not be an event at all."""

    raw: str


class Silence(Part):
    """Nothing for `pause` seconds."""

    pause: Seconds


class Hold(Part):
    """Nothing until the server is released."""

    hold: Literal[True]


def _event_kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((name for name in _EVENTS if name in value), None)
    return next((name for name, kind in _EVENTS.items() if isinstance(value, kind)), None)


_EVENTS: dict[str, type] = {"delta": Delta, "data": Data, "raw": Raw, "pause": Silence, "hold": Hold, "text": str}

Event = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[Delta, Tag("delta")]
    | Annotated[Data, Tag("data")]
    | Annotated[Raw, Tag("raw")]
    | Annotated[Silence, Tag("pause")]
    | Annotated[Hold, Tag("hold")],
    Discriminator(
        _event_kind,
        custom_error_type="event",
        custom_error_message="must be text (a piece of content), {delta}, {data}, {raw}, {pause} or {hold: true}",
    ),
]


def _pieces(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= MOST_EVENTS:
            raise ValueError(f"must be 0 to {MOST_EVENTS} events")
        return words(value)
    return value


class Stream(Opening):
    """Server-sent events in chunks, `gap` apart, whether or not the request asked for them.

    `events` is how many words of content, or what is sent one by one. `role` sends the role-only chunk first.
    `end`: `done` is finish_reason, usage where asked for, [DONE] and the last chunk; `clean` the last chunk alone;
    `rst`, `fin` and `hang` come after the events without any of it, `finish-...` after finish_reason; an error event
    is followed by a clean end, or by [DONE] and one.
    """

    mode: Literal["stream"] = "stream"
    status: Status = 200
    headers: Headers = {}
    events: Annotated[list[Event], BeforeValidator(_pieces)] = [*words(POEM)]
    gap: Seconds = 0.0
    role: bool = True
    end: End = "done"
    finish: Finish = "stop"
    error: ProviderError | None = None


class Partial(Opening):
    """An answer whose content-length promises `missing` bytes more than come; `body` as in `Answer`."""

    mode: Literal["partial"] = "partial"
    status: Status = 200
    headers: Headers = {}
    body: Any = None
    missing: Annotated[int, Field(ge=1)] = 100
    end: Literal["rst", "fin", "hang"] = "rst"


class Stall(Opening):
    """Silence until the peer closes: `after` the request was read, or after the head of an answer."""

    mode: Literal["stall"] = "stall"
    after: Literal["request", "head"] = "request"
    status: Status = 200
    headers: Headers = {}


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
    return value.get("mode", "answer") if isinstance(value, dict) else getattr(value, "mode", None)


Behaviour = Answer | Stream | Partial | Stall | Reset | ResetOnHead | Fin | NotHttp

Written = Annotated[
    Annotated[Answer, Tag("answer")]
    | Annotated[Stream, Tag("stream")]
    | Annotated[Partial, Tag("partial")]
    | Annotated[Stall, Tag("stall")]
    | Annotated[Reset, Tag("rst")]
    | Annotated[ResetOnHead, Tag("rst-on-head")]
    | Annotated[Fin, Tag("fin")]
    | Annotated[NotHttp, Tag("not-http")],
    Discriminator(
        _mode,
        custom_error_type="behaviour",
        custom_error_message=(
            f"must be a status (429), a mode ({', '.join(_MODES)}), or a mapping with `mode` and its fields"
        ),
    ),
    BeforeValidator(_spelled_out),
]
"""A behaviour as it stands in a scenario file."""


Behaviours = Annotated[list[Written], BeforeValidator(_listed), Field(min_length=1)]
"""One behaviour a request; the last one sticks. One alone may stand without its list."""
