"""How many bytes of request bodies the process holds for replay, and which body is given up when there is no room.

Nobody can hold the memory by being slow or by asking often: what one client's bodies may hold is limited, small bodies
have a reserve, and when there is no room, the slowest body that is still coming is given up first.
"""

from collections.abc import Callable
from itertools import islice
from typing import Final

SMALL: Final = 64 * 1024
"""Bytes up to which a body may use the reserve."""

_RESERVE: Final = 8
_SHARE: Final = 2
_STRETCH: Final = 5.0
_FAST: Final = 64 * 1024
_LOOKED_AT: Final = 256


class OutOfMemoryBudget(Exception):
    """Bodies held for replay already fill the process's budget."""


class MemoryBudget:
    """The memory for all bodies: `total` bytes, and an eighth of that beside it for bodies of up to 64 KiB.

    A client may hold a body as large as there is room for, unless its other bodies hold more than half of `total`;
    small bodies may be held in any case. `clock` gives seconds that never go back.
    """

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self.total = total
        self.clock = clock
        self.held = 0
        self.by_client: dict[str, int] = {}
        self.coming: dict[Hold, None] = {}

    def open(self, client: str) -> "Hold":
        """Hold one request's bytes, none at first. `client` is the address that the request came from."""
        return Hold(self, client)

    def make_room(self, asking: "Hold", size: int, *, is_small: bool) -> None:
        """Give slow bodies up until `size` more bytes fit; those of a small body fit into the reserve, too.

        Raises:
            OutOfMemoryBudget: they do not fit, whatever is given up.
        """
        limit = self.total + self.total // _RESERVE if is_small else self.total
        while self.held + size > limit:
            self._give_up_slowest(asking, None)
        while not is_small and self._of_others(asking) > self.total // _SHARE:
            self._give_up_slowest(asking, asking.client)

    def _of_others(self, asking: "Hold") -> int:
        return self.by_client.get(asking.client, 0) - asking.size

    def _give_up_slowest(self, asking: "Hold", client: str | None) -> None:
        # The oldest come first, and looking at some of them is enough: it is repeated for each piece of a body.
        paces = [
            (pace, hold)
            for hold in islice(self.coming, _LOOKED_AT)
            if (client is None or hold.client == client) and (pace := hold.pace()) is not None
        ]
        pace, slowest = min(paces, key=lambda each: each[0], default=(_FAST, asking))
        if pace >= _FAST or slowest is asking:
            raise OutOfMemoryBudget(f"the gateway holds as much for replay as it may, {self.total} bytes")
        slowest.give_up()


class Hold:
    """What one request holds: its body, and copies of it that are worded anew. `close` it when the request ends."""

    __slots__ = ("_began", "_budget", "_closed", "_end", "_last", "_small", "_stretch", "_this", "client", "size")

    def __init__(self, budget: MemoryBudget, client: str) -> None:
        self._budget = budget
        self._closed = False
        self._end: Callable[[], None] | None = None
        self._small = SMALL
        self.client = client
        self.size = 0

    def add(self, size: int) -> None:
        """Count `size` more bytes as held.

        Raises:
            OutOfMemoryBudget: there is no room for them, or this body was given up.
        """
        budget, held = self._budget, self.size + size
        if self._closed:
            raise OutOfMemoryBudget("this body was given up, as others needed its room")
        if held > self._small or budget.held + size > budget.total:
            budget.make_room(self, size, is_small=held <= self._small)
        self.size = held
        budget.held += size
        by_client = budget.by_client
        by_client[self.client] = by_client.get(self.client, 0) + size
        if self._end is not None:
            self._turn(budget.clock())
            self._this += size

    def add_with_copy(self, size: int) -> None:
        """Count a body that is there as a whole, and a copy of it; that of a small body is small as well.

        Raises:
            OutOfMemoryBudget: as `add`.
        """
        self._small += self._small
        self.add(size + size)

    def add_copy(self) -> None:
        """Count a copy of all that is held; that of a small body is small as well.

        Raises:
            OutOfMemoryBudget: as `add`.
        """
        self._small += self._small
        self.add(self.size)

    def begin_coming(self, end: Callable[[], None]) -> None:
        """From now on the body is still coming; `end` is called when it is given up for others."""
        self._end = end
        self._began = self._stretch = self._budget.clock()
        self._last = self._this = 0
        self._budget.coming[self] = None

    def end_coming(self) -> None:
        """The body is there as a whole, and is not given up any more."""
        if self._end is not None:
            self._end = None
            del self._budget.coming[self]

    def pace(self) -> float | None:
        """Return how many bytes a second have come lately; None for a body that began a moment ago."""
        now = self._budget.clock()
        if now - self._began < _STRETCH:
            return None
        self._turn(now)
        return (self._last * (1 - (now - self._stretch) / _STRETCH) + self._this) / _STRETCH

    def give_up(self) -> None:
        """End the request, whose bytes are counted as free from now on."""
        end = self._end
        self.close()
        if end is not None:
            end()

    def close(self) -> None:
        """Count all bytes as free again."""
        if self._end is not None:
            self.end_coming()
        self._closed = True
        size = self.size
        if size:
            self.size = 0
            budget = self._budget
            budget.held -= size
            left = budget.by_client[self.client] - size
            if left:
                budget.by_client[self.client] = left
            else:
                del budget.by_client[self.client]

    def _turn(self, now: float) -> None:
        """Begin a new stretch of time where the last one has ended."""
        passed = now - self._stretch
        if passed >= _STRETCH:
            self._last = self._this if passed < 2 * _STRETCH else 0
            self._this = 0
            self._stretch = now - passed % _STRETCH
