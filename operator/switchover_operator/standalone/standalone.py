"""`switchover run`: the loop with files as its source, worker processes as its data planes and the log as its status.

Wiring only: files, loop, publisher and workers each know nothing of the others, and here they meet.
"""

import asyncio
import logging
import re
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator.announce import Line, LogState, LoopStatus, log_changes
from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.findings import Finding, Found
from switchover_operator.garbage import no_collection
from switchover_operator.identity import Identity
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.files import Manifests, View, locate
from switchover_operator.standalone.workers import GRACE, Command, Workers

log = logging.getLogger(__name__)

_LONGEST_SOCKET_FOLDER: Final = 80
"""Characters: the path of a Unix socket has at most 107 on Linux, 103 elsewhere."""

_HOST: Final = r"(?:\[[^\[\]]*\]|[^:\[\]]*)"
_REDIRECTION: Final = re.compile(rf"{_HOST}:\d*:{_HOST}:\d*")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `switchover run` was started with."""

    paths: tuple[Path, ...]
    workers: int
    command: Command
    allowed_targets: tuple[Network, ...] = LOOPBACK


class AdminPortTaken(Exception):
    """An admin port cannot be opened; the message says which and what to do."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends everything at once.

    Raises:
        AdminPortTaken: before anything was started.
    """
    check_admin_ports(settings.command, settings.workers)
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
                work = (workers.run(), loop.run(), _watch(source.manifests, loop))
                tasks = [group.create_task(each) for each in work]
                await stop.wait()
                for task in tasks:
                    task.cancel()
            log.info("stopping: requests in flight may take %g s more; a second Ctrl-C ends them", GRACE)
        finally:
            await workers.stop()


class _Source:
    """Files → what the loop looks at; its rounds → the log."""

    def __init__(self, settings: Settings) -> None:
        self.manifests = Manifests(settings.paths)
        self._command = settings.command
        self._fleet = Standalone(settings.allowed_targets)
        self._view = View()
        self._snapshot = Snapshot({})
        self._logged = LogState()
        self._found = Found()
        self._compiled: Compiled | None = None
        self._findings: tuple[Finding, ...] = ()

    async def look(self) -> Seen:
        """Read the files as they are now, beside all else that goes on."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Seen:
        with no_collection():
            self._view = self.manifests.read()
            self._snapshot = self._view.snapshot_after(self._snapshot)
        return Seen(self._snapshot, self._fleet)

    async def report(self, outcome: Round) -> None:
        """Log what is new."""
        self._logged, lines = await asyncio.to_thread(self._changes, outcome)
        for line in lines:
            log.log(line.level, "%s", line.msg, extra={"fields": line.fields})

    def _changes(self, outcome: Round) -> tuple[LogState, list[Line]]:
        compiled = outcome.compiled
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
                bind=self._command.bind,
                admin=f"{self._command.admin_host}:{self._command.admin_port}",
            ),
        )

    def _place(self, identity: Identity, path: str) -> str:
        return str(locate(self._view, identity, path) or "")


async def _watch(manifests: Manifests, loop: Loop) -> None:
    async for _ in manifests.changes():
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
        AdminPortTaken: one of them cannot be opened.
    """
    for port in range(command.admin_port, command.admin_port + workers):
        family = socket.AF_INET6 if ":" in command.admin_host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((command.admin_host, port))
            except OSError as error:
                raise AdminPortTaken(
                    f"the admin port {command.admin_host}:{port} cannot be opened: {error.strerror}; "
                    "stop what uses it (another `switchover run`?) or name another with --admin HOST:PORT"
                ) from None


def _socket_folder() -> str | None:
    """Where the sockets' private folder goes: the usual place for temporary files unless its name is too long."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_SOCKET_FOLDER else "/tmp"  # noqa: S108 - a folder of mode 0700 below it


def redirection(text: str) -> str:
    """A --connect-to rule as it is.

    Raises:
        ValueError: it is not HOST:PORT:HOST:PORT (curl's, where any part may be empty).
    """
    if not _REDIRECTION.fullmatch(text):
        raise ValueError(f"{text!r} is no HOST:PORT:HOST:PORT, such as api.openai.com:443:127.0.0.1:8443")
    return text
