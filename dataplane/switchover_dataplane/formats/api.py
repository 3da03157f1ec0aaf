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

_OF_THE_SAME_MODEL: Final = ("/messages/count_tokens", "/responses/compact", "/responses/input_tokens", ":countTokens")
"""What is asked about a text that the model is to write, or wrote: it has to be the same model."""

_OF_VECTORS: Final = ("embeddings", "/embed", ":embedContent", ":batchEmbedContents")
"""OpenAI, Mistral, Voyage, Jina (embeddings), Cohere (embed) and Gemini API references."""

_OF_OTHER_MODELS: Final = (
    *("/images/generations", "/images/edits", "/images/variations", "/moderations", "/rerank"),
    *("/audio/speech", "/audio/transcriptions", "/audio/translations"),
)
"""OpenAI and Mistral API references; Cohere and Jina, Rerank: other models than those that write."""

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


@lru_cache(maxsize=256)
def writes(path: str) -> bool | None:
    """Tell whether a path asks a model to write text, or is about such a text; None where that is not known.

    A query is passed over.
    """
    asked = path.partition("?")[0].rstrip("/")
    if api_of(asked) in GENERATES_TEXT or asked.endswith(_OF_THE_SAME_MODEL):
        return True
    return False if asked.endswith((*_OF_VECTORS, *_OF_OTHER_MODELS)) else None


@lru_cache(maxsize=256)
def is_for_vectors(path: str) -> bool:
    """Tell whether a path asks for embeddings, in whatever form; a query is passed over."""
    return path.partition("?")[0].rstrip("/").endswith(_OF_VECTORS)
