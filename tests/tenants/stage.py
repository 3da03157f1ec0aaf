"""The product with both tenants on it, as processes: `switchover run`, tenant B, and tenant A's tools here."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import Switchover, free_port, switchover
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document
from tenants.attacker import Attacker
from tenants.attacks import Attack
from tenants.manifests import B_MARK, NAMES, gateway, tenant_a, tenant_b
from tenants.neighbour import Measured

TESTS = Path(__file__).parents[1]
SETTLED = 0.1
"""Seconds in which /healthz is answered again when an attack is over."""


@dataclass(frozen=True)
class Seen:
    """What one attack did to B and to the worker: `peak` in MiB, `accounted` in bytes, `leaks` of B's to A."""

    measured: Measured
    p99: float
    peak: float
    accounted: int
    leaks: list[str] = field(default_factory=list)
    alive: bool = True


@dataclass
class Stage:
    """Both tenants at work."""

    running: Switchover
    attacker: Attacker
    neighbour: asyncio.subprocess.Process
    port: int
    admin: int

    async def measure(self, seconds: float) -> tuple[Measured, float]:
        """Let B ask for a while; what it saw, and its 99th percentile in seconds."""
        assert self.neighbour.stdin is not None
        asked = {"port": self.port, "admin": self.admin, "seconds": seconds}
        self.neighbour.stdin.write(json.dumps(asked).encode() + b"\n")
        told: dict[str, Any] = await _line(self.neighbour)
        p99 = float(told.pop("p99"))
        return Measured(**told), p99

    async def under(self, attack: Attack, seconds: float) -> Seen:
        """Let B ask for a while that A attacks."""
        worker = self.worker
        (Path("/proc") / str(worker) / "clear_refs").write_text("5")  # the peak begins anew
        attacking = asyncio.ensure_future(attack.run(self.attacker))
        try:
            await asyncio.sleep(0.2)
            measured, p99 = await self.measure(seconds)
        finally:
            attacking.cancel()
            await asyncio.gather(attacking, return_exceptions=True)
        peak = _peak(worker)
        leaks = [*self.attacker.eye.found, *self._leaks_in_statuses()]
        self.attacker.eye.found.clear()
        seen = Seen(measured, p99, peak, self.attacker.accounted, leaks, self.worker == worker)
        await self.attacker.clean()
        return seen

    async def settled(self) -> None:
        """Wait until nothing of an attack is being worked off."""
        for _ in range(60):
            measured, _ = await self.measure(0.2)
            if measured.longest_hold < SETTLED:
                return

    @property
    def worker(self) -> int:
        """The process that serves."""
        for pid in _descendants(self.running.process.pid):
            if b"switchover_dataplane" in (Path("/proc") / str(pid) / "cmdline").read_bytes():
                return pid
        return 0

    def _leaks_in_statuses(self) -> list[str]:
        """Look in the statuses of A's objects and in the log for what is B's and not written by A."""
        folder = self.attacker.folder
        files = [documents(file.read_bytes()) for file in sorted(folder.glob("*.yaml"))]
        bodies = [found.body for file in files for found in file if isinstance(found, Document)]
        reports = compile_snapshot(Snapshot.of(bodies), {}, Standalone()).reports
        told = repr([report for report in reports if report.identity.namespace == "tenant-a"])
        secrets = [f"sk-{B_MARK}", f"{B_MARK} prompt", f"{B_MARK} answer", f"{B_MARK}-header"]
        logged = "".join(self.running.written)
        return [f"a status or the log tells {word!r}" for word in secrets if word in told or word in logged]


async def _end(running: Switchover) -> None:
    """End the product at once: what an attack left to be worked off need not be."""
    for pid in [running.process.pid, *_descendants(running.process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await running.process.wait()


async def _line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


def _descendants(pid: int) -> list[int]:
    try:
        tasks = [task / "children" for task in (Path("/proc") / str(pid) / "task").iterdir()]
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return []
    return children + [below for child in children for below in _descendants(child)]


def _peak(pid: int) -> float:
    """MiB that a process held at most."""
    try:
        status = (Path("/proc") / str(pid) / "status").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start everything; stop it at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "gateway.yaml").write_text(gateway(port))
        (folder / "a.yaml").write_text(tenant_a())
        (folder / "b.yaml").write_text(tenant_b())
        attacker = Attacker(port, folder)
        command = [sys.executable, "-m", "tenants.neighbour"]
        neighbour = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(TESTS)},
            limit=1 << 24,
        )
        try:
            model = int(await _line(neighbour))
            async with attacker.upstream():
                ports = zip(NAMES, (attacker.upstream_port, model), strict=True)
                flags = [flag for host, to in ports for flag in ("--connect-to", f"{host}:80:127.0.0.1:{to}")]
                async with switchover(folder, port, model, *flags) as running:
                    await running.says("ready: ")
                    admin = int(running.admin.rpartition(":")[2])
                    try:
                        yield Stage(running, attacker, neighbour, port, admin)
                    finally:
                        await _end(running)
        finally:
            neighbour.kill()
            await neighbour.wait()
