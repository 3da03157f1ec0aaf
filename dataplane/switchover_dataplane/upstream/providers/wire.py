"""What a provider module has to say: the shape that `providers/__init__.py` collects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import Provider

ANTHROPIC_VERSION: Final = "anthropic-version"
ANTHROPIC_BETA: Final = "anthropic-beta"


class Field(NamedTuple):
    """A header field that a provider wants where the caller has none. `name` is lower case."""

    name: str
    value: str


def no_fields(_provider: Provider) -> tuple[Field, ...]:
    """Return the fields of a provider that wants none."""
    return ()


class Envelope(NamedTuple):
    """What a body of an API is without at a provider, and what it has there beside the caller's fields.

    `dropped` are names of top-level fields, `added` are names and JSON texts; a field that is there stays.
    """

    dropped: frozenset[str]
    added: tuple[tuple[str, bytes], ...]


def no_envelope(_provider: Provider) -> Envelope | None:
    """Return none, as the body is that of the API itself."""
    return None


def no_model_at(_provider: Provider, _asked: str) -> str:
    """Name no model, as one path is like another to a provider."""
    return ""


@dataclass(frozen=True, slots=True)
class Wire:
    """How one provider is spoken to.

    `name` is the provider's name in traces and metrics. `path` maps (provider, the path after all rewrites without
    its query) to the path and query to send where the request goes as it is; a result without "?" keeps the caller's
    query. `token_header` is the (lower-case name, value prefix) of its credential. `model` gives the model to put into
    the body, "" to keep the caller's; `model_at` the same for a path whose body names the model though others do not;
    `label` the model's name in traces, "" for the caller's.

    `api` is the API in which the provider is asked by a client of another one, None where nothing is known of it.
    `takes` tells whether a request of an API goes to the provider as it is. `translated_path` maps (provider, whether
    the answer is streamed) to the path and query of a request in `api`; "" where none can be made, as the path names a
    model and the provider has none. `fields` are the header fields of every request in `api`, of translated ones too.
    `envelope` tells how a body in `api` differs here; None where the provider `takes` it as it is, or knows no such.
    """

    name: str
    path: Callable[[Provider, str], str]
    token_header: tuple[str, str]
    model: Callable[[Provider], str]
    label: Callable[[Provider], str]
    api: Callable[[Provider], Api | None]
    takes: Callable[[Provider, Api], bool]
    translated_path: Callable[[Provider, bool], str]
    fields: Callable[[Provider], tuple[Field, ...]] = no_fields
    model_at: Callable[[Provider, str], str] = no_model_at
    envelope: Callable[[Provider], Envelope | None] = no_envelope
