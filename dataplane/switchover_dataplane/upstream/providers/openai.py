"""OpenAI and compatible APIs (platform.openai.com, API reference): bearer token, the model in the body.

A path of the API itself (`/v1/...`) is kept, so that embeddings or responses can be asked for; `operations.py` says
which ones may. Any other path is the
route's own and means chat completions, as in Gloo, which sends all chat traffic there.
"""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.operations import API
from switchover_dataplane.table.upstreams import OpenAI, Provider
from switchover_dataplane.upstream.providers.wire import Wire

CHAT_COMPLETIONS = "/v1/chat/completions"
_APIS = frozenset((Api.CHAT, Api.COMPLETIONS, Api.EMBEDDINGS))


def path(_provider: Provider, asked: str) -> str:
    """Keep an API path, else chat completions."""
    return asked if asked.startswith(API) else CHAT_COMPLETIONS


def model(provider: Provider) -> str:
    """Name the model that replaces the body's."""
    assert isinstance(provider, OpenAI)  # noqa: S101 - `wire` chose this module by the type
    return provider.model


def api(_provider: Provider) -> Api:
    """Name Chat Completions."""
    return Api.CHAT


def has_api(asked: Api, *, has_responses: bool) -> bool:
    """Tell whether an API is one of OpenAI's; a compatible server need not have Responses."""
    return asked in _APIS or (asked is Api.RESPONSES and has_responses)


def takes(provider: Provider, asked: Api) -> bool:
    """Take the APIs that OpenAI made."""
    assert isinstance(provider, OpenAI)  # noqa: S101 - `wire` chose this module by the type
    return has_api(asked, has_responses=provider.has_responses)


def translated_path(_provider: Provider, _streamed: bool) -> str:
    """Return the path of Chat Completions: the body says whether the answer is streamed."""
    return CHAT_COMPLETIONS


WIRE: Wire = Wire(
    name="openai",
    path=path,
    token_header=("authorization", "Bearer "),
    model=model,
    label=model,
    api=api,
    takes=takes,
    translated_path=translated_path,
)
