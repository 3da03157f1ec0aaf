"""Google's Vertex AI: access tokens, and project, location, publisher, model and method in the path.

Its models have one of three APIs. Sources: Vertex AI API reference, "Method: models.generateContent"; Vertex AI,
"Request predictions with Claude models" (rawPredict, streamRawPredict) and "Call Vertex AI models by using the OpenAI
library" (endpoints/openapi).
"""

from typing import Final, NamedTuple
from urllib.parse import quote

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.operations import API, APIS
from switchover_dataplane.table.upstreams import Provider, VertexAi
from switchover_dataplane.upstream.providers import google_paths
from switchover_dataplane.upstream.providers.wire import Envelope, Wire


class _Methods(NamedTuple):
    """What stands behind a model and a colon."""

    whole: str
    streamed: str


_GENERATE: Final = _Methods("generateContent", "streamGenerateContent")
_PREDICT: Final = _Methods("rawPredict", "streamRawPredict")
_APIS: Final = {"anthropic": Api.MESSAGES, "openai": Api.CHAT, "gemini": Api.GENERATE}
_COUNT_TOKENS: Final = "/messages/count_tokens"
_CHAT: Final = "chat/completions"
_OF_CLAUDE: Final = Envelope(frozenset(("model",)), (("anthropic_version", b'"vertex-2023-10-16"'),))
"""The path names the model, and the body the version ("Request predictions with Claude models")."""


def _vertex(provider: Provider) -> VertexAi:
    assert isinstance(provider, VertexAi)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(provider: Provider, asked: str) -> str:
    """Ask the target's model for the same at the target's place; keep API paths that are about no model."""
    vertex = _vertex(provider)
    kind = api(vertex)
    if kind is Api.CHAT:
        operation = asked.removeprefix(API) if asked.startswith(API) else _CHAT
        return f"{_place(vertex)}/endpoints/openapi/{operation}"
    of_model = google_paths.asked(asked)
    if of_model is not None:
        return of_model.below(_publisher(vertex), vertex.model)
    if kind is Api.MESSAGES and asked.endswith(_COUNT_TOKENS):
        return f"{_publisher(vertex)}/models/count-tokens:{_PREDICT.whole}"
    ours = kind is Api.MESSAGES or not asked.startswith(APIS)
    return (translated_path(vertex, False) if ours else "") or asked


def body_model(provider: Provider) -> str:
    """Name the model with its publisher where the path does not name it, which is so for Chat Completions."""
    vertex = _vertex(provider)
    if api(vertex) is not Api.CHAT or not vertex.model:
        return ""
    return vertex.model if "/" in vertex.model else f"{vertex.publisher}/{vertex.model}"


def model_at(provider: Provider, asked: str) -> str:
    """Name Claude where its tokens are counted: that path names no model ("Count tokens for Claude models")."""
    vertex = _vertex(provider)
    return vertex.model if api(vertex) is Api.MESSAGES and asked.endswith(_COUNT_TOKENS) else ""


def envelope(provider: Provider) -> Envelope | None:
    """Return that of Claude."""
    return _OF_CLAUDE if api(provider) is Api.MESSAGES else None


def label(provider: Provider) -> str:
    """Name the model."""
    return _vertex(provider).model


def api(provider: Provider) -> Api:
    """Name the API of the model, which follows from its publisher if nothing else is said."""
    vertex = _vertex(provider)
    return _APIS[vertex.json_schema or ("anthropic" if vertex.publisher == "anthropic" else "gemini")]


def takes(provider: Provider, asked: Api) -> bool:
    """Take generateContent or Chat Completions. Messages has another body here, without its model."""
    return asked is api(provider) and asked is not Api.MESSAGES


def translated_path(provider: Provider, streamed: bool) -> str:
    """Return the path of the model's API, "" where it names the model and there is none."""
    vertex = _vertex(provider)
    kind = api(vertex)
    if kind is Api.CHAT:
        return f"{_place(vertex)}/endpoints/openapi/{_CHAT}"
    if not vertex.model:
        return ""
    methods = _PREDICT if kind is Api.MESSAGES else _GENERATE
    if vertex.model_path and vertex.model_path not in (*_PREDICT, *_GENERATE):
        methods = _Methods(vertex.model_path, vertex.model_path)
    method = methods.streamed if streamed else methods.whole
    query = "?alt=sse" if streamed and kind is Api.GENERATE else ""
    return f"{_publisher(vertex)}/{google_paths.of_model(vertex.model)}:{method}{query}"


def _place(vertex: VertexAi) -> str:
    project, location = quote(vertex.project, safe=":"), quote(vertex.location, safe="")
    return f"/{vertex.api_version}/projects/{project}/locations/{location}"


def _publisher(vertex: VertexAi) -> str:
    return f"{_place(vertex)}/publishers/{'anthropic' if api(vertex) is Api.MESSAGES else vertex.publisher}"


WIRE: Wire = Wire(
    name="vertex",
    path=path,
    token_header=("authorization", "Bearer "),
    model=body_model,
    label=label,
    api=api,
    takes=takes,
    translated_path=translated_path,
    model_at=model_at,
    envelope=envelope,
)
