"""The clients of a port: what each of them may take, how many there may be, and who goes when there are too many."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switchover_dataplane.edge.client_connection import ClientConnection


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take, in seconds and connections.

    `head_timeout` runs from a connection's start, and from the first byte of a later head, to the end of the head.
    A body that brings nothing for a whole `body_timeout` while it is wanted is given up; so is one that is held in
    memory and brings less than 1 KiB a second, once it took 10 seconds. A client that takes less than 1 KiB a second of
    an answer that waits for it, over a whole `send_timeout`, is given up. With `makes_room`, a port that is full closes
    the connection that has been idle longest for a new one.
    """

    head_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive: float = 75.0
    connections: int = 10_000
    send_timeout: float = 120.0
    makes_room: bool = False


class Connections:
    """How many client connections are open, over all ports of the process."""

    __slots__ = ("limit", "open")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0


@dataclass(slots=True)
class Clients:
    """The connections of one port, and the tasks that serve them; `none` is set when the last one has closed.

    With `leaving`, every answer says that its connection ends with it.
    """

    limits: Limits
    connections: Connections
    leaving: bool = False
    open: "set[ClientConnection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    none: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_full(self) -> bool:
        """Whether there are as many connections as there may be."""
        return self.connections.open >= self.connections.limit

    @property
    def is_crowded(self) -> bool:
        """Whether connections are so many that none is kept for its next request."""
        connections = self.connections
        return connections.open * 2 > connections.limit and self.limits.makes_room

    def forget(self, client: "ClientConnection") -> None:
        """Take a connection out that has closed or is about to."""
        self.open.discard(client)
        if not self.open:
            self.none.set()

    def make_room(self) -> None:
        """Close the connection that nothing was answered on for longest, unless requests are served on all of them."""
        if self.limits.makes_room:
            idle = [client for client in self.open if client.may_go]
            if idle:
                min(idle, key=lambda client: client.last_used).make_way()
