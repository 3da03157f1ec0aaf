"""Raw bodies → `Catalogue`: every object parsed and checked, to be looked up by the objects that refer to it.

A bad object stays a value with its reasons. Where its last good version is known, that one keeps being served: a
nonsense edit harms nobody, and the status says both.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from operator import is_
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from switchover_operator.compiler import conditions
from switchover_operator.compiler.admission import Admitted, Refused, admit
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.faults import Fault
from switchover_operator.identity import Body, Identity
from switchover_operator.resources import KINDS, Resource
from switchover_operator.resources.core import EndpointSlice, Service
from switchover_operator.resources.gateway_api import HTTPRoute, ReferenceGrant
from switchover_operator.snapshot import Snapshot, without_status

R = TypeVar("R", bound=Resource)
R_co = TypeVar("R_co", bound=Resource, covariant=True)

_NO_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Object(Generic[R_co]):
    """One object. `model` is the version that is served (None: none), `refusal` says why it is not the present
    `body`. `left_out` are the faults of those parts of that version that are not served."""

    identity: Identity
    body: Body = field(repr=False)
    source: str
    generation: int
    model: R_co | None
    refusal: Condition | None = None
    without_effect: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[Fault, ...] = ()

    @property
    def accepted(self) -> Condition:
        """Its Accepted condition, from its content alone."""
        return self.refusal or conditions.accepted()

    @property
    def effect(self) -> tuple[Condition, ...]:
        """The condition about its fields without effect, if there are any."""
        return (conditions.fields_without_effect(self.without_effect),) if self.without_effect else ()

    @property
    def partial(self) -> tuple[Condition, ...]:
        """The condition about parts of its present content that are not served, if there are any."""
        if not self.left_out or self.refusal is not None:
            return ()
        if self.identity.kind == HTTPRoute.KIND:
            # Where a rule is dropped, the message has to begin with it (Gateway API, PartiallyInvalid).
            ordered = sorted(self.left_out, key=lambda fault: not fault.takes_out.endswith(".matches"))
            return (conditions.partially_invalid("UnsupportedValue", map(_of_a_rule, ordered)),)
        return (conditions.partially_invalid(_reason(self.left_out), (fault.text for fault in self.left_out)),)


def _of_a_rule(fault: Fault) -> str:
    if fault.takes_out.endswith(".matches"):
        return f"Dropped Rule: {fault.text}"
    return f"{fault.text}, so requests of {fault.takes_out} are answered 500"


def age(found: Object[Resource]) -> tuple[datetime, str, str]:
    """Sort key of Gateway API conflicts: the oldest first, then by namespace and name; without a time it is last."""
    created = found.model.metadata.creation_timestamp if found.model else None
    return created or _NO_TIME, found.identity.namespace, found.identity.name


@dataclass(frozen=True)
class Catalogue:
    """All objects that are read, by kind and name. `admitted` holds what is good now, for the next time.

    `changed` names the objects that are not as they were in the catalogue before, None where there was none. `bodies`
    and `repeated` are those of the snapshot.
    """

    objects: Mapping[Identity, Object[Resource]]
    admitted: Mapping[Identity, Admitted]
    changed: frozenset[Identity] | None = None
    bodies: Mapping[Identity, Body] = field(default_factory=dict, repr=False)
    repeated: frozenset[Identity] = frozenset()
    _readers: list[set[Identity]] = field(default_factory=list, repr=False)

    @contextmanager
    def reading(self) -> Iterator[set[Identity]]:
        """Note what is looked up meanwhile, whether it exists or not, into the set that this gives.

        EndpointSlices stand under the identity of their Service. ReferenceGrants and lists of a whole kind are not
        noted: `reuse` makes all anew when one of those changes that are looked up so.
        """
        reads: set[Identity] = set()
        self._readers.append(reads)
        try:
            yield reads
        finally:
            self._readers.pop()

    def note(self, reads: Iterable[Identity]) -> None:
        """Note what was looked up for a result that is used again."""
        for each in self._readers[-1:]:
            each.update(reads)

    def find(self, model: type[R], namespace: str, name: str) -> Object[R] | None:
        """Return an object; None if it does not exist."""
        identity = Identity(model.GROUP, model.KIND, namespace, name)
        self.note((identity,))
        return cast("Object[R] | None", self.objects.get(identity))

    def serving(self, model: type[R], namespace: str, name: str) -> R | None:
        """Return the served version of an object; None if it does not exist or no version of it is valid."""
        found = self.find(model, namespace, name)
        return found.model if found else None

    def every(self, model: type[R]) -> Iterator[Object[R]]:
        """Yield all objects of a kind, sorted by namespace and name."""
        yield from cast("list[Object[R]]", self._by_kind.get((model.GROUP, model.KIND), []))

    def permits(self, referrer: Identity, referred: Identity) -> bool:
        """Tell whether a reference may cross namespaces (Gateway API, ReferenceGrant)."""
        if referrer.namespace == referred.namespace:
            return True
        return any(
            any(
                (by.group, by.kind, by.namespace) == (referrer.group, referrer.kind, referrer.namespace)
                for by in grant.spec.from_
            )
            and any(
                (to.group, to.kind) == (referred.group, referred.kind) and to.name in (None, "", referred.name)
                for to in grant.spec.to
            )
            for grant in self._grants.get(referred.namespace, ())
        )

    def slices(self, namespace: str, service: str) -> tuple[EndpointSlice, ...]:
        """Return the EndpointSlices of a Service."""
        self.note((Identity(Service.GROUP, Service.KIND, namespace, service),))
        return tuple(self._slices.get((namespace, service), ()))

    def indexed_as(self, before: "Catalogue", replaced: Iterable[Identity]) -> None:
        """Take over the indices of one that has objects of the same names, of which some are `replaced` here."""
        kinds = {(each.group, each.kind) for each in replaced}
        anew = {kind: [self.objects[found.identity] for found in before._by_kind[kind]] for kind in kinds}
        self.__dict__["_by_kind"] = {**before._by_kind, **anew}
        for name, kind in (("_grants", ReferenceGrant), ("_slices", EndpointSlice)):
            if (kind.GROUP, kind.KIND) not in kinds and name in before.__dict__:
                self.__dict__[name] = before.__dict__[name]

    @cached_property
    def faulty(self) -> list[Object[Resource]]:
        """The objects whose present content is refused, or a part of it."""
        return [found for found in self.objects.values() if found.refusal is not None or found.left_out]

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], list[Object[Resource]]]:
        kinds: dict[tuple[str, str], list[Object[Resource]]] = {}
        for identity, found in self.objects.items():
            kinds.setdefault((identity.group, identity.kind), []).append(found)
        return kinds

    @cached_property
    def _grants(self) -> Mapping[str, list[ReferenceGrant]]:
        grants: dict[str, list[ReferenceGrant]] = {}
        for found in self.every(ReferenceGrant):
            if found.model is not None:
                grants.setdefault(found.identity.namespace, []).append(found.model)
        return grants

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], list[EndpointSlice]]:
        slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for found in self.every(EndpointSlice):
            if found.model is not None:
                service = found.model.metadata.labels.get("kubernetes.io/service-name", "")
                slices.setdefault((found.identity.namespace, service), []).append(found.model)
        return slices


def resolve(snapshot: Snapshot, last_good: Mapping[Identity, Admitted], before: Catalogue | None = None) -> Catalogue:
    """Parse and judge every object of a snapshot that is read here; kinds that are not read are passed over.

    An object of the catalogue `before` is taken over where nothing of it changed but its status and its place.
    """
    if before is not None and last_good is before.admitted and _has_the_same_names(snapshot, before):
        return _resolved_again(snapshot, before)
    objects: dict[Identity, Object[Resource]] = {}
    admitted: dict[Identity, Admitted] = {}
    known: Mapping[Identity, Object[Resource]] = before.objects if before else {}
    changed = set(known)
    for identity, body in snapshot.objects.items():
        old = known.get(identity)
        if old is not None and bool(old.notes) == (identity in snapshot.repeated):
            same = old if old.body is body else _with_other_status(old, body)
            if same is not None:
                objects[identity] = same
                changed.discard(identity)
                good = last_good.get(identity)
                if good is not None:
                    admitted[identity] = good if good.body is not old.body or same is old else replace(good, body=body)
                continue
        if (identity.group, identity.kind) not in KINDS:
            continue
        changed.add(identity)
        objects[identity], good = _judged(identity, body, snapshot, last_good.get(identity))
        if good is not None:
            admitted[identity] = good
    return Catalogue(
        MappingProxyType(objects),
        MappingProxyType(admitted),
        frozenset(changed) if before is not None else None,
        snapshot.objects,
        snapshot.repeated,
    )


def _has_the_same_names(snapshot: Snapshot, before: Catalogue) -> bool:
    return snapshot.objects.keys() == before.bodies.keys() and snapshot.repeated == before.repeated


def _resolved_again(snapshot: Snapshot, before: Catalogue) -> Catalogue:
    """Do the same where no object came or went: what did not change is not looked at one by one."""
    objects, admitted = dict(before.objects), dict(before.admitted)
    changed: set[Identity] = set()
    replaced: list[Identity] = []
    unchanged = map(is_, snapshot.objects.values(), before.bodies.values())
    for identity in (each for each, same in zip(snapshot.objects, unchanged, strict=True) if not same):
        old, body = objects.get(identity), snapshot.objects[identity]
        if old is None:
            continue
        replaced.append(identity)
        good = admitted.get(identity)
        same = _with_other_status(old, body)
        if same is not None:
            if good is not None and good.body is old.body:
                admitted[identity] = replace(good, body=body)
            objects[identity] = same
            continue
        changed.add(identity)
        objects[identity], good = _judged(identity, body, snapshot, good)
        if good is not None:
            admitted[identity] = good
        else:
            admitted.pop(identity, None)
    catalogue = Catalogue(
        MappingProxyType(objects),
        MappingProxyType(admitted),
        frozenset(changed),
        snapshot.objects,
        snapshot.repeated,
    )
    catalogue.indexed_as(before, replaced)
    return catalogue


def _judged(
    identity: Identity, body: Body, snapshot: Snapshot, good: Admitted | None
) -> tuple[Object[Resource], Admitted | None]:
    """Check a body, and tell what of the object is good now; `good` is what was good last."""
    # An unchanged body is checked once: the same body always has the same result.
    verdict = good if good is not None and good.body is body else admit(identity, body, from_file=snapshot.from_files)
    if isinstance(verdict, Admitted):
        good = verdict
    elif not KINDS[identity.group, identity.kind].KEEPS_LAST_GOOD:
        good = None
    return _object(identity, body, snapshot, verdict, good), good


def _with_other_status(old: Object[Resource], body: Body) -> Object[Resource] | None:
    """Return the same object with its new body, None where more of it changed than its status."""
    return replace(old, body=body) if without_status(old.body) == without_status(body) else None


def _object(
    identity: Identity, body: Body, snapshot: Snapshot, verdict: Admitted | Refused, good: Admitted | None
) -> Object[Resource]:
    notes = ("this object exists twice in the input; one of the two is used",) if identity in snapshot.repeated else ()
    source = snapshot.source(identity)
    if isinstance(verdict, Admitted):
        model, effect, out = verdict.model, verdict.without_effect, verdict.left_out
        return Object(identity, body, source, verdict.generation, model, None, effect, notes, out)
    refusal, generation = _refusal(verdict, good), _generation(body)
    if good is None:
        return Object(identity, body, source, generation, None, refusal, verdict.unknown, notes)
    # What is written now comes first; the rest is of the version that serves.
    effect, out = tuple(dict.fromkeys((*verdict.unknown, *good.without_effect))), good.left_out
    return Object(identity, body, source, generation, good.model, refusal, effect, notes, out)


def _refusal(verdict: Refused, good: Admitted | None) -> Condition:
    texts = [fault.text for fault in verdict.faults]
    last_good = _last_good_text(good) if good else ""
    if _reason(verdict.faults) == "Invalid":
        return conditions.invalid(texts, last_good)
    return conditions.unsupported_value(texts, last_good)


def _reason(faults: Iterable[Fault]) -> str:
    """Return the gravest reason of several faults."""
    reasons = {fault.reason for fault in faults}
    return next(reason for reason in ("Invalid", "UnsupportedValue") if reason in reasons)


def _last_good_text(good: Admitted) -> str:
    version = f" (generation {good.generation})" if good.generation else ""
    return f"the last accepted version{version} keeps serving"


def _generation(body: Body) -> int:
    metadata: Any = body.get("metadata")
    generation = metadata.get("generation") if isinstance(metadata, dict) else None
    return generation if isinstance(generation, int) else 0
