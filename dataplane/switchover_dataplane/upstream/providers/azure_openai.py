"""Azure OpenAI (Microsoft Learn, Azure OpenAI REST API reference): `api-key`, the deployment in the path.

The deployment decides the model, so the body's `model` is left as the caller wrote it.
"""

from urllib.parse import quote

from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import AzureOpenAI, Provider
from switchover_dataplane.upstream.providers import openai
from switchover_dataplane.upstream.providers.wire import Wire


def _azure(provider: Provider) -> AzureOpenAI:
    assert isinstance(provider, AzureOpenAI)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(provider: Provider, asked: str) -> str:
    """`/v1/OPERATION` → `/openai/deployments/DEPLOYMENT/OPERATION?api-version=VERSION`."""
    azure = _azure(provider)
    operation = openai.path(azure, asked).removeprefix("/v1/")
    return (
        f"/openai/deployments/{quote(azure.deployment, safe='')}/{operation}"
        f"?api-version={quote(azure.api_version, safe='')}"
    )


def keep_model(_provider: Provider) -> str:
    """Leave the body's model alone."""
    return ""


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
)
