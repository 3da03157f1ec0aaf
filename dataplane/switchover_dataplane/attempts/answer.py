"""What is asked of a target, and what came back: data that attempts, the exchange and the reply hand to each other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from multidict import CIMultiDict

from switchover_dataplane.formats.api import Api
from switchover_dataplane.request.json_body import JsonBody
from switchover_dataplane.streams.continuation import Continuation
from switchover_dataplane.streams.sse import Event, Scanner
from switchover_dataplane.upstream.connection import ConnectionBroken
from switchover_dataplane.upstream.transport import Response


@dataclass(slots=True)
class Call:
    """What is asked of whichever target: the request after routing, filters and header rules.

    `body` is a `JsonBody` for models (worded anew for each target) or a `Continuation` of an answer that broke off,
    bytes that can be sent again, an iterator that can be sent once, or None. `token` is the caller's own
    Authorization, for targets that pass it through.
    """

    method: str
    path: str
    query: str
    headers: "CIMultiDict[str]"
    body: JsonBody | Continuation | bytes | AsyncIterator[bytes] | None
    ai: bool
    token: str


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


@dataclass(slots=True)
class Answer:
    """An answer that can be handed to the client: `held` was read already, `rest` gives what is still to come.

    `opened` stands in the place of `held` where the answer is an event stream that can be followed.
    """

    status: int
    headers: "CIMultiDict[str]"
    held: list[bytes] = field(default_factory=list)
    rest: Response | None = None
    broken: ConnectionBroken | None = None
    opened: Opened | None = None

    @property
    def size(self) -> int:
        """How many bytes of the body are held."""
        return sum(map(len, self.held))

    async def put_away(self) -> None:
        """Give the answer up: its connection is kept if what is left of it is short."""
        if self.rest is not None:
            await self.rest.discard()
            self.rest = None

    def abort(self) -> None:
        """Give the answer up at once, with its connection."""
        if self.rest is not None:
            self.rest.abort()
            self.rest = None
