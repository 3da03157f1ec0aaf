"""What compilation reports about each object: plain data, printed by `switchover check` and merged into statuses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from switchover_operator.compiler.conditions import Condition
from switchover_operator.identity import Identity

Ref = Mapping[str, Any]
"""A parentRef or ancestorRef as it stands in a status."""


@dataclass(frozen=True, slots=True)
class ParentReport:
    """What holds for an HTTPRoute at one parent, or for a policy at one ancestor."""

    ref: Ref
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ListenerReport:
    """What holds for one listener of a Gateway. `serves` tells whether the data planes are asked to listen there."""

    name: str
    supported_kinds: tuple[str, ...]
    attached_routes: int
    conditions: tuple[Condition, ...]
    serves: bool

    @property
    def is_accepted(self) -> bool:
        """Whether nothing stands in its way but, perhaps, a reference that leads nowhere."""
        return not any(each.type == "Accepted" and each.status == "False" for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be said about one object.

    `conditions` are the object's own; an HTTPRoute and a policy have theirs per parent. `serves` tells whether any of
    it is in the table, so that data planes can acknowledge it. `pools` are an Upstream's: how many targets each of its
    priorities has. `addresses_wanted` are those that a Gateway asks for and may have, `address_problem` says why it may
    not. `refers_to` are the objects that a route is served by. `notes` are for people: facts that are no faults.
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

    @property
    def every_condition(self) -> tuple[Condition, ...]:
        """The conditions of the object, its parents and its listeners."""
        parts: Iterable[ParentReport | ListenerReport] = (*self.parents, *self.listeners)
        return (*self.conditions, *(condition for part in parts for condition in part.conditions))

    @property
    def is_accepted(self) -> bool:
        """Whether nothing of the object was refused, and no access control of it is not served."""
        return not any(
            each.type in ("Accepted", "AccessControl") and each.status == "False" for each in self.every_condition
        )
