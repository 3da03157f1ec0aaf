"""Amazon Bedrock (Amazon Bedrock API reference, "Converse", "ConverseStream"): the model in the path.

An API key of Bedrock is a bearer token. Other credentials sign the whole request, which is done where it is sent.
"""

import re
from typing import Final
from urllib.parse import quote

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.operations import APIS
from switchover_dataplane.table.upstreams import Bedrock, Provider
from switchover_dataplane.upstream.providers.wire import Wire

_OF_MODEL: Final = re.compile(r"/model/[^/]+(?P<method>/(?:converse|converse-stream|count-tokens))")


def _bedrock(provider: Provider) -> Bedrock:
    assert isinstance(provider, Bedrock)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(provider: Provider, asked: str) -> str:
    """Ask the target's model for the same; keep other API paths, else Converse."""
    found = _OF_MODEL.fullmatch(asked)
    if found is not None:
        return _of_model(provider) + found["method"]
    return asked if asked.startswith(APIS) else translated_path(provider, False)


def keep_model(_provider: Provider) -> str:
    """Leave the body alone: it names no model."""
    return ""


def label(provider: Provider) -> str:
    """Name the model."""
    return _bedrock(provider).model


def api(_provider: Provider) -> Api:
    """Name Converse."""
    return Api.CONVERSE


def takes(_provider: Provider, asked: Api) -> bool:
    """Take Converse alone."""
    return asked is Api.CONVERSE


def translated_path(provider: Provider, streamed: bool) -> str:
    """Return the path of Converse or ConverseStream."""
    return f"{_of_model(provider)}/{'converse-stream' if streamed else 'converse'}"


def _of_model(provider: Provider) -> str:
    # An ARN has colons and slashes, and is one segment of the path.
    return f"/model/{quote(_bedrock(provider).model, safe='')}"


WIRE: Wire = Wire(
    name="bedrock",
    path=path,
    token_header=("authorization", "Bearer "),
    model=keep_model,
    label=label,
    api=api,
    takes=takes,
    translated_path=translated_path,
)
