"""Failures without a reason → whether they count for the target.

A header, a path or a prompt may cause a bare status ("500", "404"). It counts for the target, for one caller, after
several different requests of that caller failed in a row; for all callers, if the requests are of several callers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from switchover_dataplane.health.health_keys import ALL_CALLERS, Address, Key, health_keys, tally
from switchover_dataplane.table.upstreams import Target

MAX_REQUESTS: Final = 100
"""Maximum number of distinct requests: failures without a reason do not reach a larger `coolDown.after`."""

CAPACITY: Final = 2_000
"""Maximum number of keys: the number of callers has no limit."""


class RequestIdentity(Protocol):
    """A caller and a request as numbers greater than 0, computed when they are read."""

    @property
    def caller(self) -> int:
        """The caller."""

    @property
    def request(self) -> int:
        """The request: equal requests have equal numbers."""


@dataclass(slots=True)
class FailedRequests:
    """The requests that failed without a reason since the last success: request → caller.

    `interrupted` are those whose answers broke off after their first content. The good start of another answer does
    not remove them.
    """

    callers: dict[int, int] = field(default_factory=dict[int, int])
    interrupted: set[int] = field(default_factory=set[int])

    def add(self, request: int, caller: int, after: int, *, interrupted: bool) -> None:
        """Count a request once, however often it is sent; at most `after` are held, and one of another caller."""
        limit = min(after, MAX_REQUESTS)
        if request in self.callers or len(self.callers) > limit:
            return
        if len(self.callers) < limit or caller not in self._distinct_callers:
            self.callers[request] = caller
            if interrupted:
                self.interrupted.add(request)

    def is_enough(self, after: int, callers: int) -> bool:
        """Whether at least `after` requests of at least `callers` callers failed in a row."""
        return len(self.callers) >= after and len(self._distinct_callers) >= callers

    def begin(self) -> None:
        """Record a good start of a stream: it refutes the failures before the first content."""
        self.callers = {request: caller for request, caller in self.callers.items() if request in self.interrupted}

    @property
    def _distinct_callers(self) -> set[int]:
        return set(self.callers.values())


class UnexplainedFailures:
    """The failed requests of all targets; at `CAPACITY` the oldest entry makes room for the newest.

    `ids` maps the id of each of these targets to the number of its keys.
    """

    __slots__ = ("_found", "ids")

    def __init__(self) -> None:
        self._found: dict[Key, FailedRequests] = {}
        self.ids: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def count(
        self, target: Target, model: str, identity: RequestIdentity, after: int, *, interrupted: bool
    ) -> Iterator[tuple[Key, bool]]:
        """Count a failure; yield for its caller, then for all callers, whether the failures count for the target."""
        for key in health_keys(target, model, identity.caller):
            failed = self._of(key)
            request, callers = identity.request, 2
            if key[3] != ALL_CALLERS:
                callers = 1
                # For the caller itself even repeats of one interrupted request count, as no other caller is affected.
                request = min(0, *failed.callers) - 1 if interrupted and failed.callers else request
            failed.add(request, identity.caller, after, interrupted=interrupted)
            yield key, failed.is_enough(after, callers)

    def begin(self, key: Key) -> None:
        """Record a good start of a stream of this target."""
        if key in self._found:
            self._found[key].begin()

    def forget(self, key: Key) -> None:
        """Record a complete answer of this target."""
        if self._found.pop(key, None) is not None:
            tally(self.ids, key[0], -1)

    def keep(self, targets: set[tuple[str, Address]]) -> None:
        """Drop the targets that are gone or have a new address; `targets` are id and address."""
        for key in [key for key in self._found if key[:2] not in targets]:
            self.forget(key)

    def _of(self, key: Key) -> FailedRequests:
        failed = self._found.get(key)
        if failed is None:
            if len(self._found) >= CAPACITY:
                self.forget(next(iter(self._found)))
            failed = self._found[key] = FailedRequests()
            tally(self.ids, key[0], 1)
        return failed
