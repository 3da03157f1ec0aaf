"""Runs a load generator and reads what it counted."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from switchover_bench import cache

RAMP_MS = 200
"""Streams begin spread over this time, as long as one of them lasts, so that they are not in step."""
_LONGEST_END_S = 180.0
_AFTER_CONTENT = 3
"""Events of a stream beside those with content: the role, the finish reason and the usage."""


class Failed(Exception):
    """A figure is not one: requests failed, or were answered otherwise than expected; the message says how."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a load generator measured: requests or whole streams, latencies in milliseconds.

    `longest_gap_ms` is the longest time between two events of any stream, 0 for other requests.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    longest_gap_ms: float = 0.0


def of_wrk(output: str) -> Load:
    """The figures in what `wrk` printed with `native/wrk.lua`.

    Raises:
        Failed: a request was not answered below 400.
    """
    counted = _last_json(output)
    errors = {kind: int(counted[kind]) for kind in ("connect", "read", "write", "status", "timeout")}
    if any(errors.values()):
        kinds = ", ".join(f"{count} {kind}" for kind, count in errors.items() if count)
        raise Failed(f"errors of {int(counted['requests'])} requests: {kinds}")
    if not counted["requests"]:
        raise Failed("no request was answered")
    return Load(int(counted["requests"]), counted["seconds"], counted["p50_ms"], counted["p99_ms"])


def of_streams(output: str) -> Load:
    """The figures in what `native/streams.c` printed.

    Raises:
        Failed: a stream was not whole.
    """
    counted = _last_json(output)
    wrong = int(counted["bad"] + counted["unfinished"])
    if wrong or not counted["streams"]:
        reason = counted["reason"] or "not at its end in time"
        raise Failed(f"{wrong} of {wrong + int(counted['streams'])} streams were not whole: {reason}")
    times = (counted[name] for name in ("seconds", "p50_ms", "p99_ms", "longest_gap_ms"))
    return Load(int(counted["streams"]), *times)


def _last_json(output: str) -> dict[str, float]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed(f"the load generator wrote no figures: {output.strip()[-200:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found


@dataclass(frozen=True, slots=True)
class Client:
    """A load generator on a core: `body` is the file of the request's body, `path` where it is sent."""

    core: int
    port: int
    path: str
    body: Path

    def requests(self, connections: int, seconds: float) -> Load:
        """Ask with `wrk` over so many connections.

        Raises:
            Failed: a request was not answered below 400.
            Missing: `wrk` is not installed.
        """
        return of_wrk(self._run(self._wrk(connections, seconds, cache.NATIVE / "wrk.lua"), seconds))

    def routes(self, connections: int, seconds: float, count: int) -> Load:
        """Ask each of `count` routes, /r-0 and on, in turn.

        Raises:
            Failed: a request was not answered below 400.
            Missing: `wrk` is not installed.
        """
        script = cache.NATIVE / "routes.lua"
        environment = {"BENCH_ROUTES": str(count), "BENCH_WRK_LUA": str(cache.NATIVE / "wrk.lua")}
        return of_wrk(self._run(self._wrk(connections, seconds, script), seconds, environment))

    def _wrk(self, connections: int, seconds: float, script: Path) -> list[str]:
        command = [cache.program("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        return [*command, "--timeout", "30s", "-s", str(script), f"http://127.0.0.1:{self.port}{self.path}"]

    def streams(self, connections: int, seconds: float, events: int, ramp_ms: float = RAMP_MS) -> Load:
        """Read streams with so many events of content over so many connections.

        Raises:
            Failed: a stream was not whole.
            Missing: there is no C compiler.
        """
        numbers = map(str, (connections, seconds, ramp_ms, events + _AFTER_CONTENT))
        command = [cache.compiled("streams"), str(self.port), self.path, *numbers, str(self.body)]
        return of_streams(self._run(command, seconds))

    def _run(self, command: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
        try:
            outcome = subprocess.run(
                ["taskset", "-c", str(self.core), *command],
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + _LONGEST_END_S,
                env={**os.environ, "BENCH_BODY": str(self.body), **(environment or {})},
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"the load did not end within {_LONGEST_END_S:g} s of its time") from None
        return outcome.stdout + outcome.stderr
