"""What compilation reports about each object: plain data, printed by `switchover check` and merged into statuses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchover_operator.compiler.conditions import Condition
from switchover_operator.identity import Identity


class Standing(StrEnum):
    """Whose an object is, apart from whether it is accepted."""

    OURS = "ours"
    OTHERS = "not ours"
    """Another controller serves it: a Gateway of another class, a route that is attached to such Gateways only."""
    UNSERVED = "not served here"
    """A kind of the API groups that are served in part, which is not."""
    UNATTACHED = "attached to nothing"
    """A route without a parent, a policy without a target."""


Ref = Mapping[str, Any]
"""A parentRef or ancestorRef as it stands in a status."""


@dataclass(frozen=True, slots=True)
class ParentReport:
    """The conditions of an HTTPRoute at one parent, or of a policy at one ancestor."""

    ref: Ref
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ListenerReport:
    """The report on one listener of a Gateway. `serves`: the table has the listener."""

    name: str
    supported_kinds: tuple[str, ...]
    attached_routes: int
    conditions: tuple[Condition, ...]
    serves: bool

    @property
    def is_accepted(self) -> bool:
        """Whether it is accepted; a reference may still be unresolved."""
        return not any(each.type == "Accepted" and each.status == "False" for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Report:
    """The report on one object.

    `conditions` are the object's own; an HTTPRoute and a policy have theirs per parent. `serves`: a part of the object
    is in the table, so that data planes can acknowledge it. `pools`: the number of targets of each priority of an
    Upstream. `addresses_wanted` are the addresses that a Gateway requests and may have, `address_problem` says why it
    may not have one. `refers_to` are the objects that a route uses. `notes` are facts for people that are not faults.
    `standing` says whose the object is.
    """

    identity: Identity
    source: str = ""
    generation: int = 0
    conditions: tuple[Condition, ...] = ()
    parents: tuple[ParentReport, ...] = ()
    listeners: tuple[ListenerReport, ...] = ()
    pools: tuple[int, ...] | None = None
    addresses_wanted: tuple[str, ...] = ()
    address_problem: str = ""
    refers_to: tuple[Identity, ...] = ()
    notes: tuple[str, ...] = ()
    serves: bool = False
    standing: Standing = Standing.OURS

    @property
    def every_condition(self) -> tuple[Condition, ...]:
        """The conditions of the object, its parents and its listeners."""
        parts: Iterable[ParentReport | ListenerReport] = (*self.parents, *self.listeners)
        return (*self.conditions, *(condition for part in parts for condition in part.conditions))

    @property
    def is_accepted(self) -> bool:
        """Whether nothing of the object is refused, and all of its access controls are served."""
        parts: Iterable[Report | ParentReport | ListenerReport] = (self, *self.parents, *self.listeners)
        for part in parts:
            for each in part.conditions:
                if each.status == "False" and each.type in ("Accepted", "AccessControl"):
                    return False
                if each.type == "PartiallyInvalid":
                    return False
        return True
