"""Measures one cell of the table: a fresh proxy, a check of its answers, a warm-up, then load."""

import http.client
import json
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from switchover_bench import cache, processes
from switchover_bench.load import Client, Failed, Load
from switchover_bench.proxies.proxy import Launch, Proxy
from switchover_bench.scenarios import EVENTS, INTERVAL_MS, Ports, Scenario

PROXY_CORE, OTHER_CORE = processes.two_cores()
_START_S = 60.0
_DRIFT = 0.01
"""By which share the number of requests at the targets may differ from the expected: requests in flight at the end."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where everything listens, and the seconds of warm-up and of measuring."""

    ports: Ports
    warm_up: float
    measured: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of a cell gave.

    Attributes:
        cpu_us: microseconds of processor time per request in the proxy's processes, in user mode and in the kernel.
        resident_mb: megabytes in memory after the load, of the largest of the proxy's processes.
        upstream_requests: requests at the targets per request of a client.
    """

    load: Load
    cpu_us: tuple[float, float] = (0.0, 0.0)
    resident_mb: float = 0.0
    upstream_requests: float = 1.0


def measure(proxy: Proxy, scenario: Scenario, connections: int, setting: Setting) -> Sample:
    """Run one cell once.

    Raises:
        Failed: answers were not what they should be.
        Missing: the proxy cannot be run here.
    """
    ports = setting.ports
    check_free(ports)
    with tempfile.TemporaryDirectory(prefix="switchover-bench-") as name:
        folder = Path(name)
        body = folder / "body.json"
        body.write_bytes(scenario.body)
        with mock(ports, folder), started(proxy, scenario, ports, folder) as pid:
            port = ports.proxy if proxy.launch else scenario.targets(ports)[0]
            client = Client(OTHER_CORE, port, proxy.path, body)
            check_answer(client, scenario)
            _run(client, scenario, connections, setting.warm_up)
            sample = _under_load(client, scenario, connections, setting, processes.tree(pid) if pid else [])
            check_answer(client, scenario)
            return sample


def _under_load(client: Client, scenario: Scenario, connections: int, setting: Setting, pids: list[int]) -> Sample:
    counts(setting.ports)
    before = processes.cpu(pids)
    load = _run(client, scenario, connections, setting.measured)
    used = processes.cpu(pids) - before
    upstream = sum(counts(setting.ports).values()) / load.requests
    _check_upstream(scenario, upstream, connections / load.requests)
    resident = max(map(processes.resident, pids), default=0)
    each = (1e6 * used.user / load.requests, 1e6 * used.system / load.requests)
    return Sample(load, each, resident / 1e6, upstream)


def _run(client: Client, scenario: Scenario, connections: int, seconds: float) -> Load:
    if scenario.stream:
        return client.streams(connections, seconds, EVENTS)
    return client.requests(connections, seconds)


def _check_upstream(scenario: Scenario, upstream: float, in_flight: float) -> None:
    """See that requests went the way that is described: one that did not fail over is no figure of failing over."""
    expected = scenario.upstream_requests
    if expected and abs(upstream / expected - 1) > _DRIFT + in_flight:
        raise Failed(f"{upstream:.2f} requests at the targets for each request instead of {expected}")


def check_answer(client: Client, scenario: Scenario) -> None:
    """Ask once, and look at the whole answer.

    Raises:
        Failed: it is no good answer.
    """
    url = f"http://127.0.0.1:{client.port}{client.path}"
    request = urllib.request.Request(url, scenario.body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"a single request failed: {error}") from None
    good = "data: [DONE]" in text if scenario.stream else "choices" in json.loads(text)
    if not good:
        raise Failed("a single request got an answer without content")


def check_free(ports: Ports) -> None:
    """See that nothing listens where the benchmark is to: it would be measured in the place of a proxy.

    Raises:
        Missing: a port is taken.
    """
    for port in (ports.proxy, ports.admin, ports.good, ports.limited, ports.spare):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise cache.Missing(f"port {port} is taken, by another benchmark? Name other ones with PORTS=20100")


@contextmanager
def mock(ports: Ports, folder: Path, events: int = EVENTS, interval_ms: float = INTERVAL_MS) -> Iterator[None]:
    """The mock provider at the targets' ports, on the core beside the proxy's."""
    command = [cache.compiled("mock"), str(events), str(round(interval_ms * 1000))]
    command += [f"{ports.good}:200", f"{ports.limited}:429", f"{ports.spare}:200"]
    log = folder / "mock.log"
    with processes.running(command, OTHER_CORE, log) as process:
        wait_for(f"http://127.0.0.1:{ports.spare}/counts", lambda: process.poll() is None, log)
        yield


@contextmanager
def started(proxy: Proxy, scenario: Scenario, ports: Ports, folder: Path) -> Iterator[int | None]:
    """A fresh process of a proxy that serves; its id, or None where there is no proxy."""
    if proxy.launch is None:
        yield None
        return
    with serving(proxy.launch(scenario, ports, folder), folder) as pid:
        yield pid


@contextmanager
def serving(launch: Launch, folder: Path, seconds: float = _START_S) -> Iterator[int]:
    """A fresh process of a proxy from when it serves; its id.

    Raises:
        Failed: it did not serve in time.
    """
    log = folder / "proxy.log"
    with processes.running(launch.command, PROXY_CORE, log, launch.environment) as process:
        wait_for(launch.ready, lambda: process.poll() is None, log, seconds)
        yield process.pid


def wait_for(url: str, alive: Callable[[], bool], log: Path, seconds: float = _START_S) -> None:
    """Wait until a URL is answered below 400.

    Raises:
        Failed: the process ended, with the last line that it wrote, or was not ready in time.
    """
    deadline = time.monotonic() + seconds
    while not answers(url):
        if not alive():
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it wrote nothing"]
            raise Failed(f"it ended before it was ready: {last[0][:200]}")
        if time.monotonic() > deadline:
            raise Failed(f"not ready after {seconds:g} s")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a GET is answered below 400."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (OSError, http.client.HTTPException):
        return False


def counts(ports: Ports) -> dict[str, int]:
    """Requests at each of the targets since this was asked before."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports.spare}/counts", timeout=10) as response:
        found: dict[str, int] = json.loads(response.read())
    return found
