"""OpenAI and compatible APIs (platform.openai.com, API reference): bearer token, the model in the body.

A path of the API itself (`/v1/...`) is kept, so that embeddings or responses can be asked for; `operations.py` says
which ones may. Any other path is the
route's own and means chat completions, as in Gloo, which sends all chat traffic there.
"""

from switchover_dataplane.formats.operations import API
from switchover_dataplane.table.upstreams import OpenAI, Provider
from switchover_dataplane.upstream.providers.wire import Wire

CHAT_COMPLETIONS = "/v1/chat/completions"


def path(_provider: Provider, asked: str) -> str:
    """Keep an API path, else chat completions."""
    return asked if asked.startswith(API) else CHAT_COMPLETIONS


def model(provider: Provider) -> str:
    """Name the model that replaces the body's."""
    assert isinstance(provider, OpenAI)  # noqa: S101 - `wire` chose this module by the type
    return provider.model


WIRE: Wire = Wire(name="openai", path=path, token_header=("authorization", "Bearer "), model=model, label=model)
