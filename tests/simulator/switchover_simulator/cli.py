"""`switchover simulate`: serves a scenario on a port and logs to standard output, until a signal stops it."""

import asyncio
import os
import signal
import ssl
import sys
import time
from pathlib import Path

import click
import uvloop
from watchfiles import awatch

from switchover_simulator import admin, lines
from switchover_simulator.behaviour import Behaviour
from switchover_simulator.request import Request
from switchover_simulator.scenario import BadScenario, Playback, Scenario, parse
from switchover_simulator.server import Server
from switchover_simulator.tls import Authority


class Simulator:
    """One scenario at one port. `quiet`: of its own messages it writes only errors."""

    def __init__(self, scenario: Scenario, *, verbose: bool, quiet: bool) -> None:
        self._quiet = quiet
        self._playback = Playback(scenario)
        self._verbose = verbose
        self._stop = asyncio.Event()
        self._server = Server(self._choose, self._observe, scenario.name)

    async def run(
        self, host: str, port: int, file: Path | None, content: bytes, tls: ssl.SSLContext | None = None
    ) -> None:
        """Serve until SIGTERM or SIGINT; `content` is the content of the file.

        Raises:
            OSError: the address cannot be used.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        had = await self._server.start(host, port, tls)
        self._say("Listening", address=f"[{host}]:{had}" if ":" in host else f"{host}:{had}")
        following = asyncio.create_task(self._follow(file, content)) if file else None
        await self._stop.wait()
        if following is not None:
            await following
        await self._server.stop()

    def _say(self, message: str, **fields: object) -> None:
        if not self._quiet:
            _tell("INFO", message, **fields)

    def _use(self, playback: Playback) -> None:
        self._playback = playback
        self._server.served_by = playback.scenario.name

    def _choose(self, request: Request) -> Behaviour | None:
        if request.path not in admin.PATHS:
            return self._playback.choose(request)
        if request.body is None:
            return None
        answer, playback = admin.answer(request, self._playback)
        if request.path == admin.RELEASE and answer.status == 204:
            self._server.release()
        if playback is not self._playback:
            self._use(playback)
            self._say("Scenario replaced")
        return answer

    def _observe(self, request: Request, behaviour: Behaviour) -> None:
        if request.path in admin.PATHS:
            return
        now = time.time_ns()
        line = lines.received_verbosely(request, behaviour, now) if self._verbose else lines.received(request, now)
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self._stop.set()

    async def _follow(self, file: Path, content: bytes) -> None:
        """Start the scenario again when the content of its file changes; an invalid one is reported and not used.

        The folder is watched, not the file: editors and ConfigMaps replace files instead of writing into them. The file
        is also read each second, as an edit may come before the watch, or on a volume without notifications.
        """
        changes = awatch(
            file.parent, stop_event=self._stop, step=50, recursive=False, rust_timeout=1000, yield_on_timeout=True
        )
        last: bytes | None = content
        async for _ in changes:
            now = await asyncio.to_thread(_content, file)
            if now == last:
                continue
            last = now
            try:
                if now is None:
                    raise BadScenario(["the file cannot be read"])
                self._use(Playback(parse(now)))
                self._say("Scenario reloaded", file=str(file))
            except BadScenario as error:
                _tell("ERROR", "Scenario kept, as the new one is not valid", file=str(file), problems=error.problems)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _tell(level: str, message: str, **fields: object) -> None:
    """Write a message of the simulator to standard error: standard output has only requests."""
    sys.stderr.write(f"{lines.event(level, message, time.time_ns(), **fields)}\n")
    sys.stderr.flush()


class Address(click.ParamType["tuple[str, int]"]):
    """HOST:PORT; IPv6 in brackets, port 0 for a free one."""

    name = "HOST:PORT"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Split the text."""
        if isinstance(value, tuple):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} must be HOST:PORT, as 127.0.0.1:8080 or [::1]:8080", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command()
@click.option(
    "--bind",
    type=Address(),
    default="127.0.0.1:18080",
    show_default=True,
    envvar="SWITCHOVER_SIMULATE_BIND",
    show_envvar=True,
    help="Address to listen on.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="SWITCHOVER_SIMULATE_SCENARIO",
    show_envvar=True,
    help="YAML or JSON file with the answers for requests. It is read again when it changes.",
)
@click.option(
    "--verbose",
    is_flag=True,
    envvar="SWITCHOVER_SIMULATE_VERBOSE",
    show_envvar=True,
    help="Add method, path, digests of credentials and the answer to each line.",
)
@click.option(
    "--quiet",
    is_flag=True,
    envvar="SWITCHOVER_SIMULATE_QUIET",
    show_envvar=True,
    help="Log only requests and errors.",
)
@click.option(
    "--tls",
    is_flag=True,
    envvar="SWITCHOVER_SIMULATE_TLS",
    show_envvar=True,
    help="Serve TLS, with a certificate for every requested host name; clients must trust the authority in --ca.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SWITCHOVER_SIMULATE_CA",
    show_envvar=True,
    help="PEM file for the certificate authority of --tls. Every start writes a new one.",
)
def simulate(  # noqa: PLR0917 - one argument a flag; click names them
    bind: tuple[str, int], scenario: Path | None, verbose: bool, quiet: bool, tls: bool, ca: Path | None
) -> None:
    """Act as an LLM provider that fails: 429 to every request, unless a scenario says otherwise.

    Each request is one JSON line on standard output. PUT /__scenario replaces the scenario (GET shows it),
    POST /__release continues everything that the scenario holds, GET /healthz answers 200.
    """
    try:
        content = scenario.read_bytes() if scenario else b""
        playing = parse(content)
    except BadScenario as error:
        raise click.ClickException(f"{scenario} is no valid scenario:\n  " + "\n  ".join(error.problems)) from None
    host, port = bind
    if tls is (ca is None):
        raise click.UsageError("--tls and --ca FILE need each other: clients must trust the authority in FILE")
    context = _tls(ca) if ca else None
    try:
        uvloop.run(Simulator(playing, verbose=verbose, quiet=quiet).run(host, port, scenario, content, context))
    except OSError as error:
        # asyncio's own message repeats the address.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise click.ClickException(f"cannot listen on {host}:{port}: {reason}") from None


def _tls(ca: Path) -> ssl.SSLContext:
    authority = Authority()
    try:
        ca.write_text(authority.pem)
    except OSError as error:
        raise click.ClickException(f"cannot write {ca}: {error.strerror}") from None
    return authority.server()
