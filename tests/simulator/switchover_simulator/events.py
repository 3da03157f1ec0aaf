"""What a scripted stream sends one by one, as validated data: the words of `events` in a scenario file.

An item says what happens (a piece of text, of reasoning, a tool call, an end), and the request's API how it is worded.
`data` and `raw` are worded by the scenario itself.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from switchover_simulator.part import Line, Part, ProviderError, Seconds

MOST_EVENTS = 100_000

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


class Call(Part):
    """A tool call: `arguments` is text as it is, anything else as JSON; after `until` characters of it, it stops."""

    name: str
    arguments: Any = Field(default_factory=dict)
    until: Annotated[int, Field(ge=0)] | None = None


class Delta(Part):
    """A well-formed chunk of Chat Completions whose choice has this `delta`, as `{tool_calls: [...]}`."""

    delta: dict[str, Any]


class Data(Part):
    """A `data:` event with this value, text as it is and anything else as JSON; `event` names it."""

    data: Any
    event: Line = ""


class Raw(Part):
    """Bytes that need not be an event at all."""

    raw: str


class Silence(Part):
    """Nothing for `pause` seconds."""

    pause: Seconds


class Hold(Part):
    """Nothing until the server is released."""

    hold: Literal[True]


class Thought(Part):
    """A piece of reasoning."""

    thinks: str


class Called(Part):
    """A tool call; true: of the first tool that the request offers, with arguments of its schema."""

    call: Call | Literal[True]


class Finished(Part):
    """What says that the answer has ended, and how; null: well."""

    finish: str | None


class Counted(Part):
    """The usage, with so many tokens of the answer."""

    usage: Annotated[int, Field(ge=0)]


class Done(Part):
    """The mark behind the last event: `[DONE]`, `message_stop`."""

    done: Literal[True]


class Failed(Part):
    """An error event."""

    error: ProviderError


class Repeated(Part):
    """The same items `repeat` times."""

    repeat: Annotated[int, Field(ge=0, le=MOST_EVENTS)]
    of: list["Event"]


_KINDS: dict[str, type] = {
    "delta": Delta,
    "data": Data,
    "raw": Raw,
    "pause": Silence,
    "hold": Hold,
    "thinks": Thought,
    "call": Called,
    "finish": Finished,
    "usage": Counted,
    "done": Done,
    "error": Failed,
    "repeat": Repeated,
    "text": str,
}


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((name for name in _KINDS if name in value), None)
    return next((name for name, kind in _KINDS.items() if isinstance(value, kind)), None)


Event = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[Delta, Tag("delta")]
    | Annotated[Data, Tag("data")]
    | Annotated[Raw, Tag("raw")]
    | Annotated[Silence, Tag("pause")]
    | Annotated[Hold, Tag("hold")]
    | Annotated[Thought, Tag("thinks")]
    | Annotated[Called, Tag("call")]
    | Annotated[Finished, Tag("finish")]
    | Annotated[Counted, Tag("usage")]
    | Annotated[Done, Tag("done")]
    | Annotated[Failed, Tag("error")]
    | Annotated[Repeated, Tag("repeat")],
    Discriminator(
        _kind,
        custom_error_type="event",
        custom_error_message=(
            "must be text (a piece of content), or a mapping with one of "
            f"{', '.join(name for name in _KINDS if name != 'text')}"
        ),
    ),
]


def poem() -> list[Event]:
    """Return the whole text, word by word."""
    return [*words(POEM)]


def _pieces(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= MOST_EVENTS:
            raise ValueError(f"must be 0 to {MOST_EVENTS} events")
        return words(value)
    return value


Events = Annotated[list[Event], BeforeValidator(_pieces)]
"""How many words of content, or a list of items."""
