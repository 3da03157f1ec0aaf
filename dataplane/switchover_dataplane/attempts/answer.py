"""What came back from a target: data that attempts, the exchange and the reply hand to each other."""

import asyncio
import contextlib
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.upstream.connection import ConnectionBroken
from switchover_dataplane.upstream.transport import Response

DRAIN_TIME: Final = 0.05
"""Seconds for which the rest of an answer that nobody wants is read, so that its connection is kept."""


class Answer:
    """An answer that can be handed to the client: `held` was read already, `rest` gives what is still to come.

    `opened` stands in the place of `held` where the answer is an event stream that can be followed.
    """

    __slots__ = ("broken", "headers", "held", "opened", "rest", "status")

    def __init__(
        self, status: int, headers: "CIMultiDict[str]", held: list[bytes] | None = None, rest: Response | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.held: list[bytes] = [] if held is None else held
        self.rest = rest
        self.broken: ConnectionBroken | None = None
        self.opened: Opened | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the body is held."""
        return self.rest is None and self.broken is None

    @property
    def size(self) -> int:
        """How many bytes of the body are held."""
        size = 0
        for piece in self.held:
            size += len(piece)
        return size

    async def put_away(self) -> None:
        """Give the answer up: its connection is kept if what is left of it is short."""
        if self.rest is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIME):
                    await self.rest.drain()
            self.abort()

    def abort(self) -> None:
        """Give the answer up at once, with its connection."""
        if self.rest is not None:
            self.rest.abort()
            self.rest = None
