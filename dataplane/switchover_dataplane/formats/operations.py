"""A method and the path of a request to a model → whether a route to models serves it.

A route to a model is for what models do: text, embeddings, images, audio, moderation. But the same key opens the whole
API of a provider: files and stored answers of other callers, batches, fine-tuning, other keys. The gateway serves those
only if a FailoverPolicy has `operations: All`. Paths are compared exactly as they are sent, so no other spelling of a
path passes. Sources: OpenAI, Mistral and Anthropic API references, Cohere and Jina, Rerank.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote

API: Final = "/v1/"
"""The start of all paths of a model's API; any other path belongs to the route and means Chat Completions."""

_ASKED: Final = frozenset(
    API + name
    for name in (
        "chat/completions",
        "completions",
        "fim/completions",
        "messages",
        "messages/count_tokens",
        "responses",
        "responses/compact",
        "responses/input_tokens",
        "embeddings",
        "images/generations",
        "images/edits",
        "images/variations",
        "audio/speech",
        "audio/transcriptions",
        "audio/translations",
        "moderations",
        "chat/moderations",
        "rerank",
    )
)
_MODELS: Final = API + "models"
_MODEL_NAME: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._:@+~-]+)+")

_ASKING: Final = ("POST",)
_LOOKING: Final = ("GET", "HEAD")
_EVERY: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Refusal(NamedTuple):
    """Why a request is not sent: 403, or 405 with the allowed methods."""

    status: int
    methods: tuple[str, ...] = ()


def is_usual(method: str, path: str) -> bool:
    """Whether every model serves a request, whatever path its target has."""
    return method == "POST" and (path in _ASKED or not path.startswith(API))


def refusal(method: str, paths: Iterable[str], *, every: bool) -> Refusal | None:
    """Return why a request must not be sent to targets with these paths; None if it may be sent.

    `every`: the route serves the whole API. A path has no query.
    """
    for path in paths:
        methods = _methods(path, every=every)
        if method not in methods:
            return Refusal(405, methods) if methods else Refusal(403)
    return None


def _methods(path: str, *, every: bool) -> tuple[str, ...]:
    if every:
        return _EVERY
    if path in _ASKED or not path.startswith(API):
        return _ASKING
    return _LOOKING if _lists_models(path) else ()


def _lists_models(path: str) -> bool:
    """Whether a path is the list of models or one model, whose name may have slashes, encoded or not."""
    return path == _MODELS or (
        path.startswith(_MODELS + "/") and _MODEL_NAME.fullmatch(unquote(path)[len(_MODELS) :]) is not None
    )
