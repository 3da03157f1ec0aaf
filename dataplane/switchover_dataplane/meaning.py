"""What an event of a stream can say about the answer that it is part of, whichever provider's it is."""

from enum import Enum, auto

import msgspec


class Meaning(Enum):
    """What an event says about the answer that it is part of.

    MALFORMED is no JSON and never was any; GARBLED is a piece of JSON, in which some of the answer may be lost.
    """

    CONTENT = auto()
    THINKING = auto()
    PRELUDE = auto()
    ERROR = auto()
    FINISH = auto()
    DONE = auto()
    MALFORMED = auto()
    GARBLED = auto()


class Dialect(Enum):
    """Whose events a stream is made of, which decides how it says that it is whole.

    CHAT by `finish_reason`, RESPONSES (OpenAI's other API) by its last event, MESSAGES (Anthropic) by `stop_reason` and
    `message_stop`, GENERATE (Gemini, Vertex AI) by `finishReason`, OTHER merely by its end.
    """

    CHAT = auto()
    RESPONSES = auto()
    MESSAGES = auto()
    GENERATE = auto()
    OTHER = auto()


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """What one event says.

    `text` is what it adds to the text of the only choice; `bound` names what it holds that another model cannot be
    asked to continue, "" if nothing. `choices` are the indexes that it speaks of, `finished` those that it ends.
    """

    meaning: Meaning
    dialect: Dialect | None = None
    text: str = ""
    bound: str = ""
    choices: tuple[int, ...] = ()
    finished: tuple[int, ...] = ()
