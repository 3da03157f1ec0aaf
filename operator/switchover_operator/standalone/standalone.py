"""`switchover run`: the loop with files as its source, worker processes as its data planes and the log as its status.

Wiring only: files, loop, publisher and workers each know nothing of the others, and here they meet.
"""

import asyncio
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from switchover_dataplane.table.table import Table
from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator.announce import Line, LogState, LoopStatus, Served, log_changes
from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.findings import Finding, Found
from switchover_operator.garbage import no_collection
from switchover_operator.identity import Identity
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone import check_report
from switchover_operator.standalone.files import View, locate
from switchover_operator.standalone.served_lines import served_routes
from switchover_operator.standalone.workers import GRACE, Command, Workers

log = logging.getLogger(__name__)

_LONGEST_SOCKET_FOLDER: Final = 80
"""Characters: the path of a Unix socket has at most 107 on Linux, 103 elsewhere."""


class Source(Protocol):
    """Where objects come from: `read` gives all of them, `changes` yields when they may be others."""

    def read(self) -> View:
        """Read what there is now."""

    def changes(self) -> AsyncGenerator[None, None]:
        """Yield each time it is worth to read again."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `switchover run` was started with."""

    source: Source
    workers: int
    command: Command
    allowed_targets: tuple[Network, ...] = LOOPBACK
    wait: bool = False
    """Start also where nothing is served yet."""
    remedy: str = ""
    """What to do where nothing is served."""
    ports: tuple[int, ...] = ()
    """Ports that have to be free; those of files are awaited."""
    base_path: str = ""
    """What a client puts behind an address."""
    served: Callable[[Table], Served] = served_routes
    """Table → what is said of it first."""


class CannotServe(Exception):
    """Nothing can be served; the message says why and what to do."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends everything at once.

    Raises:
        CannotServe: a port is taken, or there is nothing to serve.
    """
    check_admin_ports(settings.command, settings.workers)
    check_ports(settings.command.bind, settings.ports)
    with tempfile.TemporaryDirectory(prefix="switchover-", dir=_socket_folder()) as folder:
        await _serve(settings, Path(folder))


async def _serve(settings: Settings, folder: Path) -> None:
    source = _Source(settings)
    loop = Loop(source.look, source.report)
    async with loop.publisher as publisher:
        workers = Workers(settings.workers, settings.command, folder, publisher.serve)
        stop = _stop_on_signals(workers)
        loop.mark_dirty()
        try:
            async with asyncio.TaskGroup() as group:
                work = (loop.run(), _watch(settings.source, loop), stop.wait())
                tasks = [group.create_task(each) for each in work]
                # What the files lack is said before anything that a worker says.
                await asyncio.wait((source.first_round, tasks[-1]), return_when=asyncio.FIRST_COMPLETED)
                nothing = source.first_round.result() if source.first_round.done() and not settings.wait else ""
                if not nothing:
                    tasks.append(group.create_task(workers.run()))
                    await stop.wait()
                for task in tasks:
                    task.cancel()
            if nothing:
                raise CannotServe(nothing)
            log.info("stopping: requests in flight may take %g s more; a second Ctrl-C ends them", GRACE)
        finally:
            await workers.stop()


class _Source:
    """Objects → what the loop looks at; its rounds → the log.

    `first_round` tells when the first round is over why nothing is served, and what to do; "" where something is.
    """

    def __init__(self, settings: Settings) -> None:
        self.first_round: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._fleet = Standalone(settings.allowed_targets)
        self._view = View()
        self._snapshot = Snapshot({})
        self._logged = LogState()
        self._found = Found()
        self._compiled: Compiled | None = None
        self._findings: tuple[Finding, ...] = ()
        self._variables: set[str] = set()

    async def look(self) -> Seen:
        """Read the files as they are now, beside all else that goes on."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Seen:
        with no_collection():
            self._view = self._settings.source.read()
            self._snapshot = self._view.snapshot_after(self._snapshot)
        return Seen(self._snapshot, self._fleet)

    async def report(self, outcome: Round) -> None:
        """Log what is new."""
        self._logged, lines = await asyncio.to_thread(self._changes, outcome)
        for line in lines:
            log.log(line.level, "%s", line.msg, extra={"fields": line.fields, "more": line.more})
        if not self.first_round.done():
            checked = check_report.Checked(self._view, self._snapshot, outcome.compiled)
            self.first_round.set_result(_nothing(checked, self._settings.remedy))
        self._tell_variables()

    def _tell_variables(self) -> None:
        """Log the names of the variables that the files read, when they read others than before."""
        names = {name for each in self._view.variables.values() for name in each}
        if names - self._variables:
            log.info("the files read these variables of the environment: %s", ", ".join(sorted(names)))
        self._variables = names

    def _changes(self, outcome: Round) -> tuple[LogState, list[Line]]:
        compiled, command = outcome.compiled, self._settings.command
        if compiled is not self._compiled:
            self._findings = tuple(self._found.of(compiled.reports, self._place, self._view.documents.get))
            self._compiled = compiled
        return log_changes(
            self._logged,
            LoopStatus(
                compiled=compiled,
                acknowledgements=outcome.acknowledgements,
                findings=self._findings,
                problems=tuple(map(str, self._view.problems)),
                bind=command.bind,
                admin=f"{command.admin_host}:{command.admin_port}",
                base_path=self._settings.base_path,
                served=lambda: self._settings.served(compiled.table),
            ),
        )

    def _place(self, identity: Identity, path: str) -> str:
        return str(locate(self._view, identity, path) or "")


def _nothing(checked: check_report.Checked, remedy: str) -> str:
    """Say why nothing is served, and what to do; "" where a port is."""
    if checked.compiled.table.ports:
        return ""
    number = len(checked.view.problems)
    above = f" that can be read ({number} problem{'s' if number > 1 else ''} above)" if number else ""
    return f"nothing to serve: {checked.why_no_port}{above}; {remedy}"


async def _watch(source: Source, loop: Loop) -> None:
    async for _ in source.changes():
        loop.mark_dirty()


def _stop_on_signals(workers: Workers) -> asyncio.Event:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            workers.kill()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def check_admin_ports(command: Command, workers: int) -> None:
    """Try the admin port of every worker, so that a taken one is said once and clearly.

    Raises:
        CannotServe: one of them cannot be opened.
    """
    for port in range(command.admin_port, command.admin_port + workers):
        if problem := _port_problem(command.admin_host, port):
            raise CannotServe(
                f"the admin port {command.admin_host}:{port} cannot be opened: {problem}; "
                "stop what uses it (another `switchover run`?) or name another with --admin HOST:PORT"
            )


def check_ports(bind: str, ports: Iterable[int]) -> None:
    """Try ports that the command line names.

    Raises:
        CannotServe: one of them cannot be opened.
    """
    for port in ports:
        if problem := _port_problem(bind, port):
            raise CannotServe(
                f"port {bind}:{port} cannot be opened: {problem}; stop what uses it or name another with --port"
            )


def _port_problem(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _socket_folder() -> str | None:
    """Where the sockets' private folder goes: the usual place for temporary files unless its name is too long."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_SOCKET_FOLDER else "/tmp"  # noqa: S108 - a folder of mode 0700 below it
