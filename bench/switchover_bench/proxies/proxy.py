"""What a benchmark has to know of a proxy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from switchover_bench.scenarios import Ports, Scenario

MODEL_PATH = "/v1/chat/completions"
"""Where the targets are asked."""
ROUTE_PATH = "/model"
"""Where proxies are asked, as in the guide; they rewrite it to `MODEL_PATH`."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a proxy is started, and the URL that answers with a status below 400 once it serves."""

    command: list[str]
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        launch: writes the configuration for a scenario into a folder; None where clients ask the target itself.
        translates: whether it is measured where targets have another API than clients.
        version: makes sure that the proxy is on this machine and says which; raises `Missing` if it cannot be.
    """

    name: str
    title: str
    launch: Callable[[Scenario, Ports, Path], Launch] | None
    version: Callable[[], str]
    path: str = ROUTE_PATH
    translates: bool = False
