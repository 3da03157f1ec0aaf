"""One route of many is edited: when is it served, what is sent for it, and do other requests wait meanwhile?

The data plane has a core of its own; the operator shares the other one with mock and load, which go before it. Streams
whose events are close to each other run through the data plane all the time: the longest gap between two events of one
is how long it was held up, by whatever reason. The same is measured without edits, as the machine has pauses too.
"""

import http.client
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from switchover_bench import cells, processes
from switchover_bench.load import Client, Failed
from switchover_bench.scale import manifests
from switchover_bench.scale.gateway import Gateway, gateway
from switchover_bench.scale.line import Line
from switchover_bench.scale.setting import Setting
from switchover_bench.scenarios import STREAMS, SUCCESS

MOST_SERVED_MS, MOST_STALL_MS, MOST_SENT_PERCENT = 250.0, 20.0, 5.0
_EDITED = 7
_WARM_UP = 3
_STREAMS, _EVENTS, _EVENT_MS = 4, 100, 2.0
_EDITS_BESIDE_STREAMS = 3
_LOOK_S = 0.002
_LOOKS = 50
_NOT_SERVED_S = 30.0


def lines(setting: Setting) -> Iterator[Line]:
    """Time until served, bytes sent, and the longest stall."""
    routes = setting.edited_routes
    what = f"an edit of one of {routes:,} routes until it is served, p99 of {setting.edits}"
    try:
        with (
            processes.first_in_turn(),
            gateway(routes, setting.ports, SUCCESS, many=True, events=_EVENTS, interval_ms=_EVENT_MS) as running,
        ):
            processes.move(running.operator, cells.OTHER_CORE)
            editor = Editor(running, _bytes_of_a_look(running))
            for _ in range(_WARM_UP):
                editor.edit()
            edits = [editor.edit() for _ in range(setting.edits)]
            seconds = max(setting.seconds, _EDITS_BESIDE_STREAMS * max(edit.seconds for edit in edits))
            still = _longest_wait(running, seconds, lambda: time.sleep(0.1))
            stalled = _longest_wait(running, seconds, editor.edit)
            whole = _table_bytes(setting)
    except Failed as failed:
        yield Line(what, 0, "ms", MOST_SERVED_MS, str(failed))
        return
    served = sorted(1e3 * edit.seconds for edit in edits)
    sent = statistics.median(edit.bytes for edit in edits)
    yield Line(what, served[int(0.99 * len(served))], "ms", MOST_SERVED_MS)
    yield Line("the same, median", statistics.median(served), "ms")
    yield Line("what the data plane gets for an edit, of the whole table", 100 * sent / whole, "%", MOST_SENT_PERCENT)
    yield Line("the same in bytes, median", sent / 1e3, "kB")
    yield Line(f"longest wait for an event beyond its {_EVENT_MS:g} ms, without edits", still, "ms")
    yield Line("the same while one edit follows another", stalled, "ms", MOST_STALL_MS)


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: seconds until it was served, and bytes that the data plane read for it."""

    seconds: float
    bytes: float


@dataclass(slots=True)
class Editor:
    """Edits the file of one route, and asks the route until the edit is served; `look` is what asking once reads."""

    running: Gateway
    look: float
    number: int = 0

    def edit(self) -> Edit:
        """Replace the file at once, as an editor does.

        Raises:
            Failed: it was not served in time.
        """
        self.number += 1
        running, model = self.running, f"model-{self.number}"
        file = running.folder / "files" / f"r-{_EDITED:05}.yaml"
        new = file.with_suffix(".new")
        new.write_text(manifests.route(_EDITED, running.ports, model))
        read, looks, began = processes.bytes_read(running.worker), 0, time.perf_counter()
        new.replace(file)
        while model not in _served_by(running):
            looks += 1
            if time.perf_counter() - began > _NOT_SERVED_S:
                raise Failed(f"an edit was not served within {_NOT_SERVED_S:g} s")
            time.sleep(_LOOK_S)
        seconds = time.perf_counter() - began
        return Edit(seconds, processes.bytes_read(running.worker) - read - self.look * (looks + 1))


def _served_by(running: Gateway) -> str:
    """The header that names the model, of an answer of the edited route."""
    connection = http.client.HTTPConnection("127.0.0.1", running.ports.proxy, timeout=30)
    try:
        connection.request("POST", f"/r-{_EDITED}", running.body.read_bytes(), {"Content-Type": "application/json"})
        return connection.getresponse().getheader("x-switchover-served-by", "")
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"a request during an edit failed: {error}") from None
    finally:
        connection.close()


def _bytes_of_a_look(running: Gateway) -> float:
    before = processes.bytes_read(running.worker)
    for _ in range(_LOOKS):
        _served_by(running)
    return (processes.bytes_read(running.worker) - before) / _LOOKS


def _table_bytes(setting: Setting) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{setting.ports.admin}/v1/table", timeout=60) as response:
        return len(response.read())


def _longest_wait(running: Gateway, seconds: float, meanwhile: Callable[[], object]) -> float:
    """Milliseconds that an event was late at most, while something is done over and over beside the streams.

    Raises:
        Failed: it was not done once while there were streams.
    """
    body = running.folder / "stream.json"
    body.write_bytes(STREAMS.body)
    client = Client(cells.OTHER_CORE, running.ports.proxy, "/r-0", body)
    done = 0
    with ThreadPoolExecutor(1) as pool:
        streams = pool.submit(client.streams, _STREAMS, seconds, _EVENTS)
        while not streams.done():
            meanwhile()
            done += not streams.done()
        if not done:
            raise Failed("no edit was served while there were streams")
        return streams.result().longest_gap_ms - _EVENT_MS
