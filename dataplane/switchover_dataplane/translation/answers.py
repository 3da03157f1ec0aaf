"""The neutral form of an answer: whole, and as the events of a stream.

A whole answer is what its events add up to (`joining.py`), and no format reads or writes it in a way of its own that
would say something else.
"""

from enum import Enum, auto

import msgspec

from switchover_dataplane.translation.neutral import Maker, Refusal, Text, Thinking, ToolCall


class Stop(Enum):
    """Why an answer ended.

    END: the model was finished. STOP_TEXT: a stop sequence of the request came. TOOLS: the model waits for results.
    LIMIT: the request's token limit; CONTEXT: the model's. REFUSAL: the model or the provider refused. PAUSE: the
    provider asks to be sent the answer back to go on. FAILED: a word that means a failure.
    """

    END = auto()
    STOP_TEXT = auto()
    TOOLS = auto()
    LIMIT = auto()
    CONTEXT = auto()
    REFUSAL = auto()
    PAUSE = auto()
    FAILED = auto()


class Usage(msgspec.Struct, frozen=True):
    """Tokens. `input` includes `cached` and `cache_written`, `output` includes `reasoning`; None is not known."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_written: int | None = None
    reasoning: int | None = None


class Citation(msgspec.Struct, frozen=True):
    """A source of a text: where it is, and the words in it that say so, "" where not known."""

    url: str = ""
    title: str = ""
    quote: str = ""


AnswerBlock = Text | ToolCall | Thinking | Refusal


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `model` is the one that answered; `stop_text` is the stop sequence that came, "" if not known.

    `refusal` are the words that the provider gives for a REFUSAL outside of the blocks, "" for none. `citations`
    belong to the text as a whole.
    """

    blocks: tuple[AnswerBlock, ...] = ()
    stop: Stop = Stop.END
    model: str = ""
    stop_text: str = ""
    refusal: str = ""
    usage: Usage | None = None
    citations: tuple[Citation, ...] = ()


class BadAnswer(Exception):
    """An answer that cannot be read; the text says why in words that hold nothing of it."""


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Started(msgspec.Struct, frozen=True):
    """The first event of a stream; `usage` may be known already."""

    model: str = ""
    usage: Usage | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """More text of the answer; never empty."""

    text: str


class RefusalDelta(msgspec.Struct, frozen=True):
    """More of the words with which the model refuses; never empty."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True):
    """More reasoning of the model; the text may be empty where it is kept secret and only its progress is known."""

    text: str
    maker: Maker


class ThinkingEnd(msgspec.Struct, frozen=True):
    """The end of a block of reasoning, with what proves it: `Thinking` says what its fields mean."""

    maker: Maker
    signature: str = ""
    is_redacted: bool = False
    id: str = ""


class CallStart(msgspec.Struct, frozen=True):
    """A tool call begins. `index` counts the calls of an answer from 0; `id` may be "" (Gemini)."""

    index: int
    id: str
    name: str
    namespace: str = ""
    is_custom: bool = False
    signature: str = ""


class CallDelta(msgspec.Struct, frozen=True):
    """More of the arguments of a call, a piece of JSON text; never empty."""

    index: int
    arguments: str


class CallEnd(msgspec.Struct, frozen=True):
    """A call is whole. A reader says so as soon as it is known, and for each call before `Stopped`."""

    index: int


class Cited(msgspec.Struct, frozen=True):
    """A source of the text that came last."""

    citation: Citation


class Counted(msgspec.Struct, frozen=True):
    """The tokens that are known by now; what it says replaces what was said, None leaves it."""

    usage: Usage


class Stopped(msgspec.Struct, frozen=True):
    """The answer ended for a reason. Only `Counted` and `Ended` may follow."""

    stop: Stop
    stop_text: str = ""
    refusal: str = ""


class Ended(msgspec.Struct, frozen=True):
    """The stream itself ended in the way in which its format ends a whole answer."""


class Alive(msgspec.Struct, frozen=True):
    """A sign of life without content: a ping, an unknown event, a tool that the provider runs."""


class Failed(msgspec.Struct, frozen=True):
    """An error in the midst of a stream, or the words of one in an answer. `status` 0 is not known."""

    message: str
    status: int = 0
    kind: str = ""
    code: str = ""


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ThinkingEnd
    | CallStart
    | CallDelta
    | CallEnd
    | Cited
    | Counted
    | Stopped
    | Ended
    | Alive
    | Failed
)
