"""A method and the path that a model would be asked for → whether a route to models is for it.

Whoever writes a route to a model means what models do: answer, embed, draw, speak, judge. The same key opens all of a
provider's API, though: files and stored answers of other callers, batches, fine-tuning, other keys. That is served only
where a FailoverPolicy says `operations: All`. Paths are compared as they are sent, letter by letter, so that no other
spelling of a path gets by. Sources: OpenAI, Mistral and Anthropic API references, Cohere and Jina, Rerank.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote

API: Final = "/v1/"
"""How the paths of a model's API begin; another path is the route's own and means Chat Completions."""

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
    """Why a request is not sent: 403, or 405 with the methods that would be right."""

    status: int
    methods: tuple[str, ...] = ()


def is_usual(method: str, path: str) -> bool:
    """Tell whether a request is one that every model is for, whatever path its target has instead."""
    return method == "POST" and (path in _ASKED or not path.startswith(API))


def refusal(method: str, paths: Iterable[str], *, every: bool) -> Refusal | None:
    """Say why a request must not be sent to targets that would be asked for these paths; None if it may.

    `every`: the route is for all of an API. A path has no query.
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
    """Tell whether a path is the list of models or one of them, whose name may have slashes, encoded or not."""
    return path == _MODELS or (
        path.startswith(_MODELS + "/") and _MODEL_NAME.fullmatch(unquote(path)[len(_MODELS) :]) is not None
    )
