"""Processes on a core of their own, and what the system says that they used."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in seconds, in user mode and in the kernel."""

    user: float = 0.0
    system: float = 0.0

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user + other.user, self.system + other.system)

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user - other.user, self.system - other.system)


def cpu_of(stat: str) -> Cpu:
    """The processor time in a text of /proc/PID/stat; proc(5)."""
    fields = stat.rpartition(")")[2].split()
    return Cpu(int(fields[11]) / _TICKS, int(fields[12]) / _TICKS)


def parent_of(stat: str) -> int:
    """The parent's id in a text of /proc/PID/stat; proc(5)."""
    return int(stat.rpartition(")")[2].split()[1])


def descendants(root: int, parents: Mapping[int, int]) -> list[int]:
    """A process and all below it, of a map from each process to its parent."""
    found = [root]
    for each in found:
        found += sorted(child for child, parent in parents.items() if parent == each)
    return found


def tree(root: int) -> list[int]:
    """The ids of a process and of all processes below it, as they are now."""
    return descendants(root, {pid: parent_of(stat) for pid, stat in _stats()})


def _stats() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (stat := _read(path / "stat")):
            yield int(path.name), stat


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""


def cpu(pids: list[int]) -> Cpu:
    """Processor time of these processes so far."""
    return sum((cpu_of(stat) for pid in pids if (stat := _read(Path(f"/proc/{pid}/stat")))), Cpu())


def command_line(pid: int) -> str:
    """A process's command line, its arguments parted by spaces."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def bytes_read(pid: int) -> int:
    """Bytes that a process took by read(2) so far, from files, pipes and, where libuv reads, sockets; proc(5)."""
    lines = _read(Path(f"/proc/{pid}/io")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("rchar")), 0)


def resident(pid: int) -> int:
    """Bytes of a process that are in memory (VmRSS)."""
    lines = _read(Path(f"/proc/{pid}/status")).splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def two_cores() -> tuple[int, int]:
    """The core of the proxy and the core of everything else: the first and the last that this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def move(pid: int, core: int) -> None:
    """Give all threads of a process another core, and turns as any other process has them."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
        with suppress(PermissionError):
            os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def first_in_turn() -> Iterator[None]:
    """What is started in the block runs before all other processes (SCHED_RR), where the system allows it.

    Without it, a pause of the process under test may be the turn of another one.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def running(
    command: list[str], core: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process and its children on one core, all ended when the block ends; their output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; after 10 s, kill its group, which is of its own."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
