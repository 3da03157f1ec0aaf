"""The clients of a port: what each of them may take, and how many there may be."""

import asyncio
from collections.abc import Callable
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
    an answer that waits for it, over a whole `send_timeout`, is given up.
    """

    head_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive: float = 75.0
    connections: int = 10_000
    send_timeout: float = 120.0


class Connections:
    """How many client connections are open, over all ports of the process."""

    __slots__ = ("limit", "open")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0


Tell = Callable[[str, int, str, str], None]
"""Writes down that the edge answered a request itself: its identifier, the status, the code, and why."""


@dataclass(slots=True)
class Clients:
    """The connections of one port, and the tasks that serve them; `none` is set when the last one has closed.

    With `leaving`, every answer says that its connection ends with it. `tell` gets what no handler hears of.
    """

    limits: Limits
    connections: Connections
    tell: Tell
    leaving: bool = False
    open: "set[ClientConnection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    none: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_full(self) -> bool:
        """Whether there are as many connections as there may be."""
        return self.connections.open >= self.connections.limit

    def forget(self, client: "ClientConnection") -> None:
        """Take a connection out that has closed."""
        self.open.discard(client)
        if not self.open:
            self.none.set()
