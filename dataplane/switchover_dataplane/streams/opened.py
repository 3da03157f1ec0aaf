"""The start of an event stream that was read so far."""

from dataclasses import dataclass, field

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Event, Scanner


@dataclass(slots=True)
class Opened:
    """The start of an event stream: the events that were read, and the scanner for the rest.

    `error` is the data of the error event, b"" if there is none. `turn` counts the events that were read since the
    reader last gave way to other requests. `api` is the API of the request, None if the form of its answers is unknown.
    """

    scanner: Scanner = field(default_factory=Scanner)
    events: list[Event] = field(default_factory=list)
    error: bytes = b""
    turn: int = 0
    api: Api | None = None
