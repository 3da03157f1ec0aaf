"""Very many streams beside each other in one data plane: no event waits long, and each stream is small."""

import threading
import time
from collections.abc import Iterator

from switchover_bench import processes
from switchover_bench.load import Failed, Load
from switchover_bench.scale.gateway import Gateway, gateway
from switchover_bench.scale.line import Line
from switchover_bench.scale.setting import Setting
from switchover_bench.scenarios import STREAMS

MOST_STALL_MS, MOST_KB = 500.0, 60.0
_RAMP_S = 10.0
"""Seconds over which the streams begin."""


def lines(setting: Setting) -> Iterator[Line]:
    """The longest stall and the memory of a stream."""
    what = f"{setting.streams:,} streams at once, an event each {setting.event_ms:g} ms"
    try:
        with (
            processes.first_in_turn(),
            gateway(1, setting.ports, STREAMS, events=setting.stream_events, interval_ms=setting.event_ms) as running,
        ):
            load, before, most = _all_at_once(running, setting)
    except Failed as failed:
        yield Line(f"{what}: longest stall", 0, "ms", MOST_STALL_MS, str(failed))
        return
    late, each_kb = load.longest_gap_ms - setting.event_ms, (most - before) / 1e3 / setting.streams
    yield Line(f"{what}: longest wait for an event beyond that", late, "ms", MOST_STALL_MS)
    yield Line("memory of a stream: growth of the data plane, for each", each_kb, "kB", MOST_KB)


def _all_at_once(running: Gateway, setting: Setting) -> tuple[Load, int, int]:
    """The load, and bytes in memory before it and at most."""
    client = running.client()
    client.streams(1, 0.0, setting.stream_events)
    before = most = processes.resident(running.worker)
    found: list[Load | Failed] = []

    def read() -> None:
        try:
            found.append(client.streams(setting.streams, 0.0, setting.stream_events, 1000 * _RAMP_S))
        except Failed as failed:
            found.append(failed)

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        most = max(most, processes.resident(running.worker))
        time.sleep(0.2)
    [outcome] = found
    if isinstance(outcome, Failed):
        raise outcome
    return outcome, before, most
