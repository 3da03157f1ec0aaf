"""Anthropic (Claude API reference, "Messages", "Versions"): `x-api-key`, the model in the body, a version beside it."""

from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.operations import APIS
from switchover_dataplane.table.upstreams import Anthropic, Provider
from switchover_dataplane.upstream.providers.wire import ANTHROPIC_VERSION, Field, Wire

MESSAGES: Final = "/v1/messages"
DEFAULT_VERSION: Final = "2023-06-01"
"""The version whose requests and answers the gateway writes and reads."""


def _anthropic(provider: Provider) -> Anthropic:
    assert isinstance(provider, Anthropic)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(_provider: Provider, asked: str) -> str:
    """Keep an API path, else Messages."""
    return asked if asked.startswith(APIS) else MESSAGES


def model(provider: Provider) -> str:
    """Name the model that replaces the body's."""
    return _anthropic(provider).model


def api(_provider: Provider) -> Api:
    """Name Messages."""
    return Api.MESSAGES


def takes(_provider: Provider, asked: Api) -> bool:
    """Take Messages alone."""
    return asked is Api.MESSAGES


def translated_path(_provider: Provider, _streamed: bool) -> str:
    """Return the path of Messages: the body says whether the answer is streamed."""
    return MESSAGES


def fields(provider: Provider) -> tuple[Field, ...]:
    """Return the version of callers that name none: the Upstream's, else the one that the gateway writes and reads."""
    return (Field(ANTHROPIC_VERSION, _anthropic(provider).version or DEFAULT_VERSION),)


WIRE: Wire = Wire(
    name="anthropic",
    path=path,
    token_header=("x-api-key", ""),
    model=model,
    label=model,
    api=api,
    takes=takes,
    translated_path=translated_path,
    fields=fields,
)
