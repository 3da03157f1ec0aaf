"""Processes that tests start: read by what they write, and gone with the test run, however that ends."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def wait_until(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    """Wait for a condition, by looking often and giving up late."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


class ProcessGroup:
    """Processes that are killed together, at the latest when the process that made the group is gone."""

    def __init__(self) -> None:
        # The first of them waits for the end of a pipe that nobody writes to: it ends when this process does, even by
        # SIGKILL, and then the group is killed. Ctrl-C at a terminal does not reach it, so that teardown comes first.
        self._first = subprocess.Popen(["/bin/sh", "-c", "read _; kill -9 0"], stdin=subprocess.PIPE, process_group=0)
        self._others: list[subprocess.Popen[bytes]] = []

    def start(self, command: list[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a process whose output goes to the end of a file."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                process_group=self._first.pid,
            )
        self._others.append(process)
        return process

    def kill(self) -> None:
        """End all of them at once."""
        assert self._first.stdin is not None
        self._first.stdin.close()
        for process in (self._first, *self._others):
            process.wait()


class Program:
    """A running program that uses the control plane, and everything that it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def written(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged as JSON."""
        whole = self.written.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def says(self, text: str) -> None:
        """Wait until it wrote this text."""
        wait_until(lambda: text in self.written or self.process.poll() is not None, f"output with {text!r}")
        assert text in self.written, f"it ended with {self.process.returncode}:\n{self.written}"

    def stop(self) -> int:
        """Ask it to end, as a kubelet does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)
