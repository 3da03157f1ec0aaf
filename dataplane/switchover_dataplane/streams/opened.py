"""The start of an event stream that was read so far."""

from dataclasses import dataclass, field

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import Chunk
from switchover_dataplane.formats.sse import Event, Scanner


@dataclass(slots=True)
class Opened:
    """The start of an event stream: the events that were read, and the scanner for the rest.

    `error` is the data of the error event, b"" if there is none. `turn` counts the events that were read since the
    reader last gave way to other requests. `api` is the API of the request, None if the form of its answers is unknown.
    `chunks` is what the first of the events were read as.
    """

    scanner: Scanner = field(default_factory=Scanner)
    events: list[Event] = field(default_factory=list)
    error: bytes = b""
    turn: int = 0
    api: Api | None = None
    chunks: list[Chunk] = field(default_factory=list)

    def take(self) -> list[Event]:
        """Return the events and keep them no longer."""
        events, self.events, self.chunks = self.events, [], []
        return events
