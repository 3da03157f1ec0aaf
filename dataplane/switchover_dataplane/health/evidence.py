"""Failures that nobody explained → whether they are about the target, or about what one caller sent.

A status alone ("500", "404") may be the answer to a header, a path or a prompt. It says something of the target once
several different requests met it in a row; of the target for everybody, once they were not all of one caller.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from switchover_dataplane.health.places import EVERYBODY, Key, keys
from switchover_dataplane.table import Target

MOST: Final = 100
"""So many requests are told apart at most: a `coolDown.after` beyond is not reached by failures without a reason."""

CAPACITY: Final = 2_000
"""Evidence of so many keys is held at most: callers are as many as they like."""


class Asker(Protocol):
    """Whose request it is and which, by numbers more than 0; they are made only when they are asked for."""

    @property
    def caller(self) -> int:
        """Who asks."""

    @property
    def request(self) -> int:
        """What is asked: equal where the same is asked again."""


@dataclass(slots=True)
class Evidence:
    """The requests that failed for no reason that was given, since the last one that did not: request → its caller.

    `broken` are those whose answers broke off after their first content, so that another beginning refutes nothing.
    """

    met: dict[int, int] = field(default_factory=dict[int, int])
    broken: set[int] = field(default_factory=set[int])

    def add(self, request: int, caller: int, after: int, *, broke: bool) -> None:
        """Count a request, once however often it is sent; no more are held than `after` and one of another caller."""
        most = min(after, MOST)
        if request in self.met or len(self.met) > most:
            return
        if len(self.met) < most or caller not in self._callers:
            self.met[request] = caller
            if broke:
                self.broken.add(request)

    def is_enough(self, after: int, callers: int) -> bool:
        """Tell whether so many requests of so many callers met it in a row."""
        return len(self.met) >= after and len(self._callers) >= callers

    def begin(self) -> None:
        """Note that a stream began well: what fails before its first content is over."""
        self.met = {request: caller for request, caller in self.met.items() if request in self.broken}

    @property
    def _callers(self) -> set[int]:
        return set(self.met.values())


class Doubts:
    """The evidence against all targets, bounded: the oldest is forgotten for the newest."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Key, Evidence] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def ids(self) -> set[str]:
        """The ids of the targets that there is evidence against."""
        return {key[0] for key in self._found}

    def count(self, target: Target, model: str, asker: Asker, after: int, *, broke: bool) -> Iterator[tuple[Key, bool]]:
        """Count a failure; yield for its caller, then for everybody, whether that is enough to be about the target."""
        for key in keys(target, model, asker.caller):
            evidence = self._of(key)
            request, callers = asker.request, 2
            if key[3] != EVERYBODY:
                callers = 1
                # Whose answer breaks off each time is sent elsewhere, be it the same request: it harms nobody else.
                request = min(0, *evidence.met) - 1 if broke and evidence.met else request
            evidence.add(request, asker.caller, after, broke=broke)
            yield key, evidence.is_enough(after, callers)

    def begin(self, key: Key) -> None:
        """Note that a stream of this target began well."""
        if key in self._found:
            self._found[key].begin()

    def forget(self, key: Key) -> None:
        """Note that an answer of this target ended whole."""
        self._found.pop(key, None)

    def keep(self, places: set[tuple[str, tuple[str, int]]]) -> None:
        """Forget the targets that are gone or moved."""
        self._found = {key: evidence for key, evidence in self._found.items() if key[:2] in places}

    def _of(self, key: Key) -> Evidence:
        evidence = self._found.get(key)
        if evidence is None:
            if len(self._found) >= CAPACITY:
                del self._found[next(iter(self._found))]
            evidence = self._found[key] = Evidence()
        return evidence
