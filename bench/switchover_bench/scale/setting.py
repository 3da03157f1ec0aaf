"""How much is measured, and where."""

from dataclasses import dataclass

from switchover_bench.scenarios import Ports


@dataclass(frozen=True, slots=True)
class Setting:
    """The sizes of a run.

    Attributes:
        seconds: of measuring where load is measured.
        route_counts: the numbers of routes that are compared, the least first.
        edited_routes: how many routes there are while one of them is edited, `edits` times.
        streams: how many are open beside each other, of `stream_events` events, `event_ms` milliseconds apart.
        requests: after how many requests the growth of memory is read.
    """

    ports: Ports
    seconds: float
    repetitions: int
    route_counts: tuple[int, ...]
    edited_routes: int
    edits: int
    streams: int
    stream_events: int
    event_ms: float
    requests: int

    @property
    def most_routes(self) -> int:
        """The largest number of routes."""
        return self.route_counts[-1]
