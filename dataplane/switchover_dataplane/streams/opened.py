"""The start of an event stream, as far as it was read."""

from dataclasses import dataclass, field

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Event, Scanner


@dataclass(slots=True)
class Opened:
    """The start of an event stream: the events that were read, and the scanner that reads on.

    `error` is the data of the event that says that it failed, b"" if there is none; `turn` counts the events that were
    read in this turn of the event loop, or since one before. `api` is what the target was asked for, None where the
    form of its answers is not known.
    """

    scanner: Scanner = field(default_factory=Scanner)
    events: list[Event] = field(default_factory=list)
    error: bytes = b""
    turn: int = 0
    api: Api | None = None
