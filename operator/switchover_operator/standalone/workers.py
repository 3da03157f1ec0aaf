"""A number of data-plane processes on this machine, each with its socket for tables; one that dies is replaced.

What a process serves is none of this module's business: it says where tables can be pushed, whenever that changes.
"""

import asyncio
import itertools
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from switchover_operator.publish import Endpoint
from switchover_operator.standalone.data_plane import DATA_PLANE

log = logging.getLogger(__name__)

GRACE: Final = 30.0
"""Seconds that requests in flight may take to end when the processes are stopped."""
LAST_MOMENT: Final = 5.0
"""Seconds after the grace time before a process that still runs is killed."""
STEADY: Final = 10.0
"""Seconds after which a process counts as one that runs; one that dies sooner is replaced later and later."""
LONGEST_WAIT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Command:
    """How workers are started. Worker k has its admin port at `admin_port` + k, from 0.

    `allow_targets` are the networks, and `own_ports` the admin ports of all workers, that each of them gets to know.
    """

    bind: str
    admin_host: str
    admin_port: int
    connect_to: tuple[str, ...]
    log_format: str
    share_ports: bool
    log_all: bool = False
    allow_targets: tuple[str, ...] = ()
    own_ports: tuple[int, ...] = ()

    def arguments(self, number: int, socket: Path) -> list[str]:
        """The command line of one worker."""
        host = f"[{self.admin_host}]" if ":" in self.admin_host else self.admin_host
        return [
            *(sys.executable, *DATA_PLANE),
            *("--bind", self.bind),
            *("--admin", f"{host}:{self.admin_port + number}"),
            *("--push", f"unix:{socket}"),
            *("--log-format", self.log_format),
            *("--grace", str(GRACE)),
            *(argument for rule in self.connect_to for argument in ("--connect-to", rule)),
            *(argument for each in self.allow_targets for argument in ("--allow-targets", each)),
            *(argument for port in self.own_ports for argument in ("--own-port", str(port))),
            *(("--log-all",) if self.log_all else ()),
            *(("--share-ports",) if self.share_ports else ()),
            "--ready-with-port",
            "--die-with-parent",
        ]


class Workers:
    """Runs `count` workers until `run` is cancelled; `folder` holds their sockets, `moved` gets those that are there.

    The workers' lines go to this process's own standard output.
    """

    def __init__(self, count: int, command: Command, folder: Path, moved: Callable[[Iterable[Endpoint]], None]) -> None:
        self._count = count
        self._command = command
        self._folder = folder
        self._moved = moved
        self._running: dict[int, tuple[Endpoint, asyncio.subprocess.Process]] = {}

    async def run(self) -> None:
        """Start the workers and replace each that dies, for ever."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._keep(number), name=f"worker {number}")

    async def stop(self) -> None:
        """Let the workers finish what they have in flight; kill what is left after the grace time."""
        processes = [process for _, process in self._running.values() if process.returncode is None]
        _signal(processes, signal.SIGTERM)
        ends = [asyncio.create_task(process.wait()) for process in processes]
        if ends:
            await asyncio.wait(ends, timeout=GRACE + LAST_MOMENT)
        self.kill()
        await asyncio.gather(*ends)

    def kill(self) -> None:
        """End the workers at once."""
        _signal([process for _, process in self._running.values()], signal.SIGKILL)

    async def _keep(self, number: int) -> None:
        early_deaths = 0
        for generation in itertools.count():
            started = asyncio.get_running_loop().time()
            code = await self._live(number, generation)
            steady = asyncio.get_running_loop().time() - started > STEADY
            early_deaths = 0 if steady else early_deaths + 1
            wait = wait_after(early_deaths)
            log.error(
                "worker %d ended (%s) and is started again%s", number, ending(code), f" in {wait:g} s" if wait else ""
            )
            await asyncio.sleep(wait)

    async def _live(self, number: int, generation: int) -> int:
        """One worker from its start to its end; its exit code."""
        socket = self._folder / f"{number}-{generation}"
        # In a process group of its own: Ctrl-C is for the parent, which lets the workers finish. The pipe is never
        # written to: it ends with this process, however that ends, and the worker with it.
        process = await asyncio.create_subprocess_exec(
            *self._command.arguments(number, socket), stdin=asyncio.subprocess.PIPE, process_group=0
        )
        self._running[number] = Endpoint(f"worker-{number}.{generation}", str(socket)), process
        self._tell()
        code = await process.wait()
        del self._running[number]
        self._tell()
        with suppress(FileNotFoundError):
            socket.unlink()
        return code

    def _tell(self) -> None:
        self._moved([endpoint for endpoint, _ in self._running.values()])


def wait_after(early_deaths: int) -> float:
    """Seconds before a worker is started again: none after the first death, then doubled from 0.5 s up to a cap."""
    return min(0.5 * 2.0 ** min(early_deaths - 2, 32), LONGEST_WAIT) if early_deaths > 1 else 0.0


def ending(code: int) -> str:
    """Exit code → what a person calls it."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def _signal(processes: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for process in processes:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)
