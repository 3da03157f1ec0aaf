"""Something changed → short pause → look → compile → publish → report, one round after the other.

The loop is level-triggered: a round acts on everything there is at its moment, so that signals may be lost, doubled or
late without harm. The loop is given where objects come from and where rounds are reported: files and a log in
standalone mode, kopf's indices and statuses in a cluster.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from switchover_operator.acknowledgements import Acknowledgements
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.reuse import Work
from switchover_operator.garbage import no_collection
from switchover_operator.identity import Identity
from switchover_operator.publish import Publisher
from switchover_operator.snapshot import Snapshot, same_content

log = logging.getLogger(__name__)

PAUSE: Final = 0.02
"""Seconds for which changes are gathered, as they seldom come alone."""
TOUCHED: Final = 0.3
"""Seconds for which writes of statuses are gathered: each of ours comes back as one."""
RETRY: Final = 1.0
"""Seconds after which a round that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All objects at one moment, and the data planes that they are compiled for."""

    snapshot: Snapshot
    fleet: Fleet

    def compiles_to_the_same_as(self, other: "Seen") -> bool:
        """Tell whether the two differ in nothing but what nobody compiles, such as statuses."""
        return self.fleet == other.fleet and same_content(self.snapshot, other.snapshot)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to: what was seen, what was made of it, and what the data planes have answered by now.

    `seconds` is how long compiling took, 0 in a round that compiled nothing.
    """

    seen: Seen
    compiled: Compiled
    acknowledgements: Acknowledgements
    seconds: float = 0.0


def advance(accepted: Mapping[Identity, Admitted], seen: Seen, before: Work | None = None) -> Compiled:
    """Compile what is seen now; an object that is broken now counts as it was when it was last `accepted`.

    `before` is the work of the compilation that `accepted` is of.
    """
    with no_collection():
        return compile_snapshot(seen.snapshot, accepted, seen.fleet, before)


class Loop:
    """Runs rounds, never two at once.

    `look` gives all objects, or None until the first view of them is complete: nothing is published before. `report`
    gets the outcome of every round, also of those in which only a data plane answered. An error ends its round
    only; the round is tried again. The data planes are those that `publisher` serves.
    """

    def __init__(self, look: Callable[[], Awaitable[Seen | None]], report: Callable[[Round], Awaitable[None]]) -> None:
        self.publisher = Publisher(self.mark_report_due)
        self._look = look
        self._report = report
        self._woken = asyncio.Event()
        self._dirty = False
        self._before: Mapping[Identity, Admitted] = {}
        self._later: asyncio.TimerHandle | None = None
        self._seen: Seen | None = None
        self._compiled: Compiled | None = None

    def remember(self, accepted: Mapping[Identity, Admitted]) -> None:
        """Take over what was good before this loop began, for objects that are broken at its first round."""
        if self._compiled is None:
            self._before = accepted

    def mark_dirty(self) -> None:
        """Some object may have changed."""
        self._dirty = True
        self._woken.set()

    def mark_status_changed(self) -> None:
        """Only a status changed, which is not compiled: look soon, and once for several of them."""
        self._dirty = True
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(TOUCHED, self._wake)

    def mark_report_due(self) -> None:
        """Report again: a data plane answered, or something may be reported that could not be before."""
        self._woken.set()

    def _wake(self) -> None:
        self._later = None
        self._woken.set()

    async def run(self) -> NoReturn:
        """Run a round for every change, for ever; the first one compiles, whatever was seen by an earlier run."""
        self._seen = None
        while True:
            await self._woken.wait()
            await asyncio.sleep(PAUSE)
            self._woken.clear()
            if self._later is not None:
                self._later.cancel()
                self._later = None
            try:
                await self._round()
            except Exception:  # whatever went wrong, the last good table serves on and the next round may succeed
                log.exception("this round failed and is tried again")
                asyncio.get_running_loop().call_later(RETRY, self._woken.set)

    async def _round(self) -> None:
        seconds = 0.0
        if self._dirty:
            self._dirty = False
            try:
                seconds = await self._see()
            except BaseException:
                self._dirty = True
                raise
        if self._seen is not None and self._compiled is not None:
            await self._report(Round(self._seen, self._compiled, self.publisher.acknowledgements, seconds))

    @property
    def _accepted(self) -> Mapping[Identity, Admitted]:
        return self._compiled.accepted if self._compiled is not None else self._before

    @property
    def _work(self) -> Work | None:
        return self._compiled.work if self._compiled is not None else None

    async def _see(self) -> float:
        """Look, and compile what is new; return the seconds that this took."""
        seen = await self._look()
        if seen is None:
            self._dirty = True
            return 0.0
        seconds = 0.0
        before = self._seen
        if before is None or not await asyncio.to_thread(seen.compiles_to_the_same_as, before):
            began = time.monotonic()
            # In a thread: pushes, probes and watches go on while much is compiled.
            self._compiled = await asyncio.to_thread(advance, self._accepted, seen, self._work)
            self.publisher.publish(self._compiled.table.revision, self._compiled.parts)
            seconds = time.monotonic() - began
        self._seen = seen
        return seconds
