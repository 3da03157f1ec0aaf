"""Mistral (docs.mistral.ai, API): OpenAI's paths and bearer token, the model in the body."""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import Mistral, Provider
from switchover_dataplane.upstream.providers import openai
from switchover_dataplane.upstream.providers.wire import Wire


def model(provider: Provider) -> str:
    """Name the model that replaces the body's."""
    assert isinstance(provider, Mistral)  # noqa: S101 - `wire` chose this module by the type
    return provider.model


def takes(_provider: Provider, asked: Api) -> bool:
    """Take OpenAI's APIs without Responses."""
    return openai.has_api(asked, has_responses=False)


WIRE: Wire = Wire(
    name="mistral",
    path=openai.path,
    token_header=("authorization", "Bearer "),
    model=model,
    label=model,
    api=openai.api,
    takes=takes,
    translated_path=openai.translated_path,
)
