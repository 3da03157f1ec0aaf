"""A method and the path of a request to a model → whether a route to models serves it.

A route to a model is for what models do: text, embeddings, images, audio, moderation. But the same key opens the whole
API of a provider: files and stored answers of other callers, batches, fine-tuning, other keys. The gateway serves those
only if a FailoverPolicy has `operations: All`. Paths are compared exactly as they are sent, so no other spelling of a
path passes. Which models there are is answered by the gateway, and asked of no provider (`request/models.py`). Sources:
OpenAI, Mistral and Anthropic API references, Cohere and Jina, Rerank; Gemini and Vertex AI API references (methods of
`models`, OpenAI compatibility).
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import unquote

API: Final = "/v1/"
"""The start of all paths of most models' APIs."""

APIS: Final = (API, "/v1alpha/", "/v1beta/", "/v1beta1/")
"""The starts of all paths of a model's API, Google's with their versions; any other path belongs to the route."""

_ASKED: Final = frozenset(
    start + name
    for start in (API, "/v1beta/openai/")
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
_MODEL_NAME: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._:@+~-]+)+")
_LOOKED_UP: Final = re.compile(r"/v1(?:alpha|beta1?|beta/openai)?/models(?P<name>/.*)?", re.DOTALL)
_ROUTES_LIST: Final = re.compile(r"(?:/.*)?/models(?P<name>)", re.DOTALL)
_ROUTES_MODEL: Final = re.compile(r"(?:/.*?/v1(?:alpha|beta1?|beta/openai)?|/.*?|)/models(?P<name>/.*)", re.DOTALL)
_NAME: Final = r"(?!\.{1,2}[/:])[A-Za-z0-9._@~-]+"
_GOOGLES: Final = re.compile(
    rf"/v1(?:alpha|beta1?)?/(?:projects/{_NAME}/locations/{_NAME}/publishers/{_NAME}/models|models|tunedModels)/{_NAME}"
    r":(?:generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)"
)
"""What a model of Google's is asked for; the name of the model stands in the path."""

_ASKING: Final = ("POST",)
LOOKING: Final = ("GET", "HEAD")
"""The methods by which models are looked up."""
_EVERY: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Refusal(NamedTuple):
    """Why a request is not sent: 403, or 405 with the allowed methods."""

    status: int
    methods: tuple[str, ...] = ()


def is_usual(method: str, path: str) -> bool:
    """Whether every model serves a request, whatever path its target has."""
    return method == "POST" and _is_asked(path)


def refusal(method: str, paths: Iterable[str], *, every: bool) -> Refusal | None:
    """Return why a request must not be sent to targets with these paths; None if it may be sent.

    `every`: the route serves the whole API. A path has no query.
    """
    for path in paths:
        methods = _methods(path, every=every)
        if method not in methods:
            return Refusal(405, methods) if methods else Refusal(403)
    return None


def asked_model(path: str) -> str | None:
    """Return which model a path looks up: its name, "" for the list of all; None if the path looks up none.

    Below the start of an API the path is exactly that. Another path belongs to the route, so what stands before
    `/models` may be anything. The name may have slashes, encoded or not.
    """
    if path.startswith(APIS):
        found = _LOOKED_UP.fullmatch(path)
    else:
        found = _ROUTES_LIST.fullmatch(path) or _ROUTES_MODEL.fullmatch(path)
    if found is None:
        return None
    name = unquote(found["name"] or "")
    return name.removeprefix("/") if not name or _MODEL_NAME.fullmatch(name) is not None else None


def _methods(path: str, *, every: bool) -> tuple[str, ...]:
    if every:
        return _EVERY
    if _is_asked(path):
        return _ASKING
    return LOOKING if asked_model(path) is not None else ()


def _is_asked(path: str) -> bool:
    return path in _ASKED or not path.startswith(APIS) or _GOOGLES.fullmatch(path) is not None
