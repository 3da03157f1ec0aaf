"""A provider of an Upstream → its host, its part of the table, and which APIs of clients reach it in which way.

Whatever depends on the kind of a provider is here; where its credential comes from is `credentials.py`'s.
"""

import re
from typing import Final, Literal

from switchover_dataplane.table import upstreams
from switchover_dataplane.table.upstreams import Target
from switchover_operator.resources.ai import (
    Anthropic,
    ApiJsonSchema,
    AzureOpenAI,
    Bedrock,
    Gemini,
    Mistral,
    OpenAI,
    Provider,
    Publisher,
    VertexAi,
)
from switchover_operator.resources.model import listed

_OPENAI: Final = "api.openai.com"
_HOSTS: Final[dict[type[Provider], str]] = {
    OpenAI: _OPENAI,
    Mistral: "api.mistral.ai",
    Anthropic: "api.anthropic.com",
    Gemini: "generativelanguage.googleapis.com",
}
_OF_AZURE: Final = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.us")
"""Ends of the hosts of Azure's resources (Microsoft Learn, Azure OpenAI, "Endpoints" and "Azure Government")."""

_GEMINI_VERSION: Final = "v1beta"
_VERTEX_VERSION: Final = "v1"
_MULTI_REGIONS: Final = ("us", "eu")
_NAME_OF_MODEL: Final = "models/"


def default_host(provider: Provider) -> str:
    """Return where a provider is, without `customHost`.

    Sources: the providers' API references; Vertex AI, "Locations" (global and multi-regional endpoints); AWS General
    Reference, "Amazon Bedrock endpoints and quotas", and the suffix of the partition of China.
    """
    match provider:
        case AzureOpenAI():
            return azure_host(provider.endpoint)
        case VertexAi(location="global"):
            return "aiplatform.googleapis.com"
        case VertexAi(location=location) if location in _MULTI_REGIONS:
            return f"aiplatform.{location}.rep.googleapis.com"
        case VertexAi(location=location):
            return f"{location}-aiplatform.googleapis.com"
        case Bedrock(region=region):
            return f"bedrock-runtime.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
        case _:
            return _HOSTS[type(provider)]


def azure_host(endpoint: str) -> str:
    """Strip the scheme and the trailing slash of Azure's `endpoint`."""
    return re.sub(r"^https?://", "", endpoint, flags=re.IGNORECASE).rstrip("/")


def in_table(provider: Provider, host: str) -> upstreams.Provider:
    """Make the provider of a target. `host` is the name that it is asked by."""
    match provider:
        case OpenAI():
            return upstreams.OpenAI(provider.model, host == _OPENAI or host.endswith(f".{_OPENAI}"))
        case Mistral():
            return upstreams.Mistral(provider.model)
        case AzureOpenAI():
            return upstreams.AzureOpenAI(provider.deployment_name, provider.api_version, host.endswith(_OF_AZURE))
        case Anthropic():
            return upstreams.Anthropic(provider.model, provider.version)
        case Gemini():
            model = provider.model.removeprefix(_NAME_OF_MODEL)
            return upstreams.Gemini(model, provider.api_version or _GEMINI_VERSION)
        case VertexAi():
            return _vertex(provider)
        case Bedrock():
            return upstreams.Bedrock(provider.model, provider.region)
    raise AssertionError(f"{type(provider).__name__} is no provider")


_JSON_SCHEMAS: Final[dict[ApiJsonSchema, Literal["anthropic", "gemini", "openai"]]] = {
    ApiJsonSchema.ANTHROPIC: "anthropic",
    ApiJsonSchema.GEMINI: "gemini",
    ApiJsonSchema.OPENAI: "openai",
}


def _vertex(provider: VertexAi) -> upstreams.VertexAi:
    # Models of Anthropic have one API, and what has that API is one of them: Gloo knows no publisher but Google.
    of_publisher: Literal["anthropic", "gemini"] = (
        "anthropic" if provider.publisher is Publisher.ANTHROPIC else "gemini"
    )
    api = _JSON_SCHEMAS.get(provider.json_schema, of_publisher)
    return upstreams.VertexAi(
        project=provider.project_id,
        location=provider.location,
        model=provider.model,
        api_version=provider.api_version or _VERTEX_VERSION,
        publisher="anthropic" if api == "anthropic" else "google",
        model_path=provider.model_path,
        json_schema=api,
    )


# ── For people ──────────────────────────────────────────────────────────────────────────────────────────────────────

_CHAT: Final = "Chat Completions"
_MESSAGES: Final = "Messages"
_RESPONSES: Final = "Responses"
_GENERATE: Final = "generateContent"
_CONVERSE: Final = "Converse"
_OF_CLIENTS: Final = (_CHAT, _MESSAGES, _RESPONSES, _GENERATE)
"""The APIs of clients that every target can be asked for."""


def kind_of(provider: upstreams.Provider) -> str:
    """Return the name of a provider in log lines and metrics."""
    return str(provider.__struct_config__.tag)


def model_of(provider: upstreams.Provider) -> str:
    """Return the model that a target names, which is a deployment at Azure; "" for none."""
    match provider:
        case upstreams.Http():
            return ""
        case upstreams.AzureOpenAI(deployment=name):
            return name
        case _:
            return provider.model


def described(target: Target) -> str:
    """Describe a target: the model, and where it is."""
    match target.provider:
        case upstreams.Http():
            name = "plain HTTP"
        case upstreams.AzureOpenAI(deployment=deployment):
            name = f"deployment {deployment}"
        case provider:
            name = provider.model or "the request's model"
    return f"{name} at {target.host}:{target.port}{' (TLS)' if target.tls else ''}"


def native_apis(provider: upstreams.Provider) -> tuple[str, ...]:
    """Name the APIs of a provider, the one first in which it is asked by translation."""
    match provider:
        case upstreams.OpenAI(has_responses=has_responses) | upstreams.AzureOpenAI(has_responses=has_responses):
            return (_CHAT, _RESPONSES) if has_responses else (_CHAT,)
        case upstreams.Mistral() | upstreams.VertexAi(json_schema="openai"):
            return (_CHAT,)
        case upstreams.Anthropic() | upstreams.VertexAi(json_schema="anthropic"):
            return (_MESSAGES,)
        case upstreams.Gemini() | upstreams.VertexAi():
            return (_GENERATE,)
        case upstreams.Bedrock():
            return (_CONVERSE,)
        case upstreams.Http():
            return ()


def reached_by(provider: upstreams.Provider) -> str:
    """Say which APIs of clients reach a provider as they are, and which by translation."""
    native = native_apis(provider)
    others = [api for api in _OF_CLIENTS if api not in native]
    own = f"takes {listed(native)} natively"
    if needs_model(provider):
        return f"{own}; model: not set, so that this target serves only clients of its own API"
    return f"{own}, and {listed(others)} by translation"


def needs_model(provider: upstreams.Provider) -> bool:
    """Tell whether clients of other APIs cannot be served, as the path names the model and none is set."""
    match provider:
        case upstreams.Gemini(model="") | upstreams.VertexAi(model="", json_schema="gemini"):
            return True
        case _:
            return False


def is_of_openai_kind(provider: upstreams.Provider) -> bool:
    """Tell whether a provider has Chat Completions, the API that every OpenAI client speaks."""
    return _CHAT in native_apis(provider)
