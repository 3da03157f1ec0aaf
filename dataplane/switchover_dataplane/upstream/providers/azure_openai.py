"""Azure OpenAI (Microsoft Learn, Azure OpenAI REST API reference): `api-key`, the deployment in the path.

The deployment decides the model, so the body's `model` is left as the caller wrote it.
"""

from urllib.parse import quote

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


WIRE: Wire = Wire(name="azure-openai", path=path, token_header=("api-key", ""), model=keep_model, label=label)
