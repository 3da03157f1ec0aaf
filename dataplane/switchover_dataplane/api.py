"""The path that a target is asked for → which API it is, where the form of a good answer is known.

What a request means, what a whole answer must hold and how a stream ends is decided by this, never by what an answer
looks like. Of a path that is not known nothing is demanded.
"""

from enum import Enum, auto
from functools import lru_cache
from typing import Final


class Api(Enum):
    """The APIs of which the gateway knows the form of an answer.

    Sources: OpenAI API reference (Chat, Completions, Responses, Embeddings), Anthropic API reference (Messages),
    Gemini API reference (generateContent, streamGenerateContent).
    """

    CHAT = auto()
    COMPLETIONS = auto()
    MESSAGES = auto()
    RESPONSES = auto()
    GENERATE = auto()
    EMBEDDINGS = auto()


GENERATES_TEXT: Final = frozenset((Api.CHAT, Api.COMPLETIONS, Api.MESSAGES, Api.RESPONSES, Api.GENERATE))
"""Where a model writes: an Upstream's `model` replaces the request's there, and nowhere else."""

_ENDINGS: Final = (
    ("/chat/completions", Api.CHAT),
    ("/completions", Api.COMPLETIONS),
    ("/messages", Api.MESSAGES),
    ("/responses", Api.RESPONSES),
    ("/embeddings", Api.EMBEDDINGS),
    (":generateContent", Api.GENERATE),
    (":streamGenerateContent", Api.GENERATE),
)


@lru_cache(maxsize=256)
def api_of(path: str) -> Api | None:
    """Name the API of a path, whatever stands before its last part; a query is passed over."""
    asked = path.partition("?")[0].rstrip("/")
    return next((api for ending, api in _ENDINGS if asked.endswith(ending)), None)
