"""Azure OpenAI (Microsoft Learn, Azure OpenAI REST API reference): `api-key`, the deployment in the path.

The deployment in the path decides the model, so the body's `model` is left as the caller wrote it. The Responses
API has no deployment in its path: there the body names it (Microsoft Learn, "Use the Azure OpenAI Responses API").
"""

from typing import Final
from urllib.parse import quote

from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import AzureOpenAI, Provider
from switchover_dataplane.upstream.providers import openai
from switchover_dataplane.upstream.providers.wire import Wire

_RESPONSES: Final = ("/v1/responses", "/v1/responses/compact", "/v1/responses/input_tokens")


def _azure(provider: Provider) -> AzureOpenAI:
    assert isinstance(provider, AzureOpenAI)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(provider: Provider, asked: str) -> str:
    """`/v1/OPERATION` → `/openai/deployments/DEPLOYMENT/OPERATION?api-version=VERSION`, `/v1/responses` → the same
    below `/openai`."""
    azure = _azure(provider)
    if asked in _RESPONSES:
        return f"/openai{asked}"
    operation = openai.path(azure, asked).removeprefix("/v1/")
    return (
        f"/openai/deployments/{quote(azure.deployment, safe='')}/{operation}"
        f"?api-version={quote(azure.api_version, safe='')}"
    )


def keep_model(_provider: Provider) -> str:
    """Leave the body's model alone."""
    return ""


def model_at(provider: Provider, asked: str) -> str:
    """Name the deployment where the path does not."""
    return _azure(provider).deployment if asked in _RESPONSES else ""


def label(provider: Provider) -> str:
    """Name the deployment: it is what tells targets apart."""
    return _azure(provider).deployment


def takes(provider: Provider, asked: Api) -> bool:
    """Take OpenAI's APIs."""
    return openai.has_api(asked, has_responses=_azure(provider).has_responses)


def translated_path(provider: Provider, _streamed: bool) -> str:
    """Return the path of the deployment's Chat Completions."""
    return path(provider, openai.CHAT_COMPLETIONS)


WIRE: Wire = Wire(
    name="azure-openai",
    path=path,
    token_header=("api-key", ""),
    model=keep_model,
    label=label,
    api=openai.api,
    takes=takes,
    translated_path=translated_path,
    model_at=model_at,
)
