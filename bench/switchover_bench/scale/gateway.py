"""One `switchover run` with its mock provider, and the processes in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from switchover_bench import cells, processes
from switchover_bench.load import Client, Failed
from switchover_bench.proxies import switchover
from switchover_bench.scale import manifests
from switchover_bench.scenarios import EVENTS, INTERVAL_MS, Ports, Scenario

READY_S = 60.0
"""Seconds after which a gateway that is not ready is given up."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that serves: its processes, and the folder of its files with the body of a request."""

    operator: int
    worker: int
    folder: Path
    ports: Ports

    @property
    def body(self) -> Path:
        """The file with the request's body."""
        return self.folder / "body.json"

    def client(self, number: int = 0) -> Client:
        """A load generator for the route of a number."""
        return Client(cells.OTHER_CORE, self.ports.proxy, f"/r-{number}", self.body)


@contextmanager
def gateway(
    routes: int,
    ports: Ports,
    scenario: Scenario,
    *,
    many: bool = False,
    events: int = EVENTS,
    interval_ms: float = INTERVAL_MS,
) -> Iterator[Gateway]:
    """A fresh gateway with so many routes, in one file or in one for each.

    Raises:
        Failed: it did not serve in time.
    """
    cells.check_free(ports)
    with tempfile.TemporaryDirectory(prefix="switchover-bench-") as name:
        folder = Path(name)
        (folder / "body.json").write_bytes(scenario.body)
        files = (manifests.many_files if many else manifests.one_file)(folder, routes, ports)
        launch = switchover.run(files, ports)
        with cells.mock(ports, folder, events, interval_ms), cells.serving(launch, folder, READY_S) as pid:
            serving = Gateway(pid, worker_of(pid), folder, ports)
            cells.check_answer(serving.client(routes - 1), scenario)
            yield serving


def worker_of(pid: int) -> int:
    """The data-plane process below `switchover run`.

    Raises:
        Failed: there is not exactly one.
    """
    found = [each for each in processes.tree(pid) if "switchover_dataplane" in processes.command_line(each)]
    if len(found) != 1:
        raise Failed(f"{len(found)} data-plane processes instead of one")
    return found[0]
