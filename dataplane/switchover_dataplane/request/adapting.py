"""A target and the head of a request → whether the target is asked in the client's API, in another, or not at all."""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.formats.api import Api, api_of, client_api, has_operation, is_of_responses
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.translation import Enveloped, Translation
from switchover_dataplane.translation.format import Asker, ProviderKind
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.upstream.providers import Envelope
from switchover_dataplane.upstream.targets import Route

_KINDS: Final[Mapping[str, ProviderKind]] = {
    "openai": "openai",
    "azure-openai": "azure-openai",
    "mistral": "mistral",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "vertex": "vertex",
    "bedrock": "bedrock",
}
_OF_ONE_API: Final = ("accept", "content-type", "idempotency-key", "x-goog-api-client")
_PREFIXES: Final = ("anthropic-", "openai-", "x-stainless-")


class AskedHead(Protocol):
    """The part of a request's head that decides: `path` is the one after its rewrites; `ai`: models are asked."""

    @property
    def ai(self) -> bool: ...  # noqa: D102

    @property
    def method(self) -> str: ...  # noqa: D102

    @property
    def path(self) -> str: ...  # noqa: D102

    @property
    def headers(self) -> "CIMultiDict[str]": ...  # noqa: D102

    @property
    def token(self) -> str: ...  # noqa: D102


def adapting_to(route: Route, head: AskedHead) -> Translation | Enveloped | str | None:
    """Return how the requests of a head are made those of a target, None if they go as they are.

    A text says why the target cannot be asked at all.
    """
    target = api_of(route.target.full_path) or route.speaks
    if not head.ai or target is None:
        return None
    client = client_api(head.path)
    if client is None or client not in FORMATS:
        return None if _serves(route, target, head.path) else f"does not serve {_shown(head.path)}"
    if route.takes(client) or (route.target.full_path and client is target):
        return None
    if head.method != "POST":
        return f"does not serve {_shown(head.path)}"
    value_path, events_path = route.translated_path(streamed=False), route.translated_path(streamed=True)
    if not route.label or not value_path:
        return "has no `model`, which a request of another API needs"
    envelope = route.wire.envelope(route.target.provider) if client is target else None
    if envelope is not None:
        return Enveloped(target, envelope, value_path, events_path)
    asker = Asker(_KINDS[route.wire.name], model_of(route.label))
    return Translation(FORMATS[client], FORMATS[target], asker, value_path, events_path)


def _serves(route: Route, target: Api, path: str) -> bool:
    """Tell whether a target serves an operation that is not translated."""
    if is_of_responses(path) and not (route.takes(Api.RESPONSES) or route.may_speak(Api.RESPONSES)):
        return False
    return has_operation(target, path)


def enveloped(content: bytes, envelope: Envelope) -> bytes:
    """Write a body of an API for a provider that has another envelope; the other fields keep their bytes."""
    body = JsonBody.parse(content)
    fields = {name: value for name, value in body.fields.items() if name not in envelope.dropped}
    for name, text in envelope.added:
        fields.setdefault(name, msgspec.Raw(text))
    return body.edited(fields).for_model("")


def fields_for(head: AskedHead, route: Route, host: str, path: str, *, is_translated: bool) -> "CIMultiDict[str]":
    """Return the header fields for a target; of a translated request those of the client's API stay behind."""
    fields = head.headers.copy()
    if is_translated:
        for name in list(fields):
            if name.lower() in _OF_ONE_API or name.lower().startswith(_PREFIXES):
                fields.popall(name, None)
        fields["content-type"] = "application/json"
    fields["host"] = host
    if head.ai:
        route.address(fields, path)
    credential = route.credential or (route.passed_through(head.token) if head.token else None)
    if credential is not None:
        fields[credential[0]] = credential[1]
    return fields


def _shown(path: str) -> str:
    """Name an operation by the end of its path, which a client wrote."""
    last = path.rpartition("/")[2][:64]
    return last if last.isprintable() else "this path"
