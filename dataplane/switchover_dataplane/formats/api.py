"""The path of a request to a target → its API, if the form of a good answer is known.

The API decides how a request is read, what a whole answer must contain and how a stream ends; the look of an answer
never does. For an unknown path nothing is required.
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final


class Api(Enum):
    """The APIs whose answers the gateway knows.

    Sources: OpenAI API reference (Chat, Completions, Responses, Embeddings), Anthropic API reference (Messages),
    Gemini API reference (generateContent, streamGenerateContent), Amazon Bedrock API Reference (Converse,
    ConverseStream). CONVERSE is spoken to targets alone, so that no client's path means it.
    """

    CHAT = auto()
    COMPLETIONS = auto()
    MESSAGES = auto()
    RESPONSES = auto()
    GENERATE = auto()
    EMBEDDINGS = auto()
    CONVERSE = auto()


GENERATES_TEXT: Final = frozenset((Api.CHAT, Api.COMPLETIONS, Api.MESSAGES, Api.RESPONSES, Api.GENERATE, Api.CONVERSE))
"""The APIs in which a model writes text: only there an Upstream's `model` replaces the request's."""

_OF_THE_SAME_MODEL: Final = (
    *("/messages/count_tokens", "/models/count-tokens:rawPredict", ":countTokens"),
    *("/responses/compact", "/responses/input_tokens"),
)
"""Paths about a text that a model writes or wrote: the model must be the same."""

_OF_VECTORS: Final = ("embeddings", "/embed", ":embedContent", ":batchEmbedContents")
"""OpenAI, Mistral, Voyage, Jina (embeddings), Cohere (embed) and Gemini API references."""

_OF_OTHER_MODELS: Final = (
    *("/images/generations", "/images/edits", "/images/variations", "/moderations", "/rerank"),
    *("/audio/speech", "/audio/transcriptions", "/audio/translations"),
)
"""OpenAI and Mistral API references; Cohere and Jina, Rerank: models that do not write text."""

_BESIDE_RESPONSES: Final = re.compile(r"/v1/responses/.")
_OF_MESSAGES: Final = re.compile(r"/v1/messages(?:/|\Z)")

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
    """Return the API of a path by its ending; a query is ignored."""
    asked = path.partition("?")[0].rstrip("/")
    return next((api for ending, api in _ENDINGS if asked.endswith(ending)), None)


def client_api(path: str) -> Api | None:
    """Return the API that a client speaks, by the path after the route's rewrites, None if it is not known.

    A path that is none of an API belongs to the route alone and means Chat Completions, as in Gloo.
    """
    return api_of(path) or (None if _OF_AN_API.match(path) else Api.CHAT)


def has_operation(api: Api, path: str) -> bool:
    """Whether a provider whose models speak an API has the other operation that a path asks for.

    OpenAI's shape is that of many servers, which have many operations, but not those of Anthropic and Google. The
    others have a few about their own texts.
    """
    asked = path.partition("?")[0].rstrip("/")
    if api is Api.CHAT:
        return not is_of_messages(asked) and ":" not in asked.rpartition("/")[2]
    if api is Api.MESSAGES:
        return asked.endswith("/messages/count_tokens")
    return api is Api.GENERATE and ":" in asked.rpartition("/")[2]


_OF_AN_API: Final = re.compile(r"/v1(?:(?:alpha|beta)\d*)?/")


def is_of_responses(path: str) -> bool:
    """Whether a path is one of the Responses API but not the one that asks for a response; a query is ignored."""
    return _BESIDE_RESPONSES.search(path.partition("?")[0]) is not None


@lru_cache(maxsize=256)
def writes(path: str) -> bool | None:
    """Whether a path asks a model to write text, or is about such a text; None if that is not known.

    A query is ignored.
    """
    asked = path.partition("?")[0].rstrip("/")
    if api_of(asked) in GENERATES_TEXT or asked.endswith(_OF_THE_SAME_MODEL):
        return True
    return False if asked.endswith((*_OF_VECTORS, *_OF_OTHER_MODELS)) else None


@lru_cache(maxsize=256)
def is_for_vectors(path: str) -> bool:
    """Whether a path asks for embeddings in any form; a query is ignored."""
    return path.partition("?")[0].rstrip("/").endswith(_OF_VECTORS)


def is_of_messages(path: str) -> bool:
    """Whether a path is Anthropic's: Messages, what counts its tokens, and its batches; a query is ignored."""
    return _OF_MESSAGES.search(path.partition("?")[0]) is not None
