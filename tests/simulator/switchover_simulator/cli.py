"""`switchover simulate`: the failing model of the failover guide as a command."""

import asyncio
import signal
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import click
import msgspec
from watchfiles import awatch

from switchover_simulator.scenario import BadScenario, Behaviour, Scenario, parse
from switchover_simulator.server import Server
from switchover_simulator.wire import Request

CONTROL_PATH = "/__scenario"


class Simulator:
    """Follows a scenario, prints a line for each request, and takes a new scenario while it runs."""

    def __init__(self, scenario: Scenario, *, verbose: bool) -> None:
        self._scenario = scenario
        self._verbose = verbose
        self._seen: Counter[str] = Counter()

    def follow(self, scenario: Scenario) -> None:
        """Follow this scenario from its beginning."""
        self._scenario = scenario
        self._seen.clear()

    def choose(self, request: Request) -> Behaviour:
        """Print the request and say what it gets."""
        sys.stdout.write(line(request, verbose=self._verbose) + "\n")
        sys.stdout.flush()
        seen = self._seen[request.model]
        self._seen[request.model] += 1
        return self._scenario.behaviour(request.model, seen)

    def own(self, request: Request) -> tuple[int, bytes] | None:
        """Answer `GET /healthz` and `PUT /__scenario`."""
        if request.path == "/healthz":
            return 200, b"ok\n"
        if request.path != CONTROL_PATH:
            return None
        if request.method != "PUT":
            return 405, b"PUT a scenario\n"
        try:
            self.follow(parse(request.body.decode("utf-8", "replace")))
        except BadScenario as error:
            return 422, f"{error}\n".encode()
        return 200, b"ok\n"


def line(request: Request, *, verbose: bool) -> str:
    """Request → the line that the guide shows: the body, compact and with sorted keys, under a second `msg`."""
    body = msgspec.json.encode(request.fields, order="sorted").decode() if request.fields else repr(request.body[:200])
    nanoseconds = time.time_ns()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9)) + f".{nanoseconds % 10**9:09d}Z"
    text = f'{{"time":"{stamp}","level":"INFO","msg":"Request received","msg":{_quoted(body)}'
    if verbose:
        digest = sha256(request.headers.get("authorization", "").encode()).hexdigest()[:8]
        text += f',"method":{_quoted(request.method)},"path":{_quoted(request.path)},"authorization":"sha256:{digest}"'
    return text + "}"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


async def _run(host: str, port: int, simulator: Simulator, scenario: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(simulator.choose, own=simulator.own)
    await server.open(host, port)
    watching = asyncio.create_task(_reload(simulator, scenario)) if scenario is not None else None
    await stop.wait()
    if watching is not None:
        watching.cancel()
    await server.close()


async def _reload(simulator: Simulator, scenario: Path) -> None:
    """Follow the file as it changes; a broken edit is told and the last good scenario goes on."""
    async for _ in awatch(scenario):
        try:
            simulator.follow(await asyncio.to_thread(_read, scenario))
        except (OSError, BadScenario) as error:
            click.echo(f"{scenario}: {error}", err=True)


def _read(scenario: Path) -> Scenario:
    return parse(scenario.read_text())


@click.command(context_settings={"auto_envvar_prefix": "SWITCHOVER_SIMULATE"})
@click.option("--bind", default="127.0.0.1:8080", show_default=True, help="HOST:PORT to serve at.")
@click.option("--scenario", type=click.Path(exists=True, path_type=Path), help="YAML: what each model answers.")
@click.option("--verbose", is_flag=True, help="Add method, path and a digest of the credential to each line.")
def simulate(bind: str, scenario: Path | None, verbose: bool) -> None:
    """Be a model that fails: 429 to every request, unless a scenario says otherwise.

    Each request is printed as one JSON line. A scenario can be changed while it runs: edit the file, or PUT a new one
    to /__scenario.
    """
    host, _, port = bind.rpartition(":")
    if not port.isdigit():
        raise click.BadParameter(f"{bind!r} must be HOST:PORT, as 127.0.0.1:8080", param_hint="--bind")
    try:
        followed = _read(scenario) if scenario is not None else Scenario()
        asyncio.run(_run(host.strip("[]"), int(port), Simulator(followed, verbose=verbose), scenario))
    except BadScenario as error:
        raise click.ClickException(f"{scenario}: {error}") from None
    except OSError as error:
        raise click.ClickException(f"cannot serve at {bind}: {error.strerror or error}") from None
