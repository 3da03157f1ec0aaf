"""What a provider module has to say: the shape that `providers/__init__.py` collects."""

from collections.abc import Callable
from dataclasses import dataclass

from switchover_dataplane.table.upstreams import Provider


@dataclass(frozen=True, slots=True)
class Wire:
    """How one provider is spoken to.

    `name` is the provider's name in traces and metrics. `path` maps (provider, the path after all rewrites without
    its query) to the path and query to send; a result without "?" keeps the caller's query. `token_header` is the
    (lower-case name, value prefix) of its credential. `model` gives the model to put into the body, "" to keep the
    caller's; `label` the model's name in traces, "" for the caller's.
    """

    name: str
    path: Callable[[Provider, str], str]
    token_header: tuple[str, str]
    model: Callable[[Provider], str]
    label: Callable[[Provider], str]
