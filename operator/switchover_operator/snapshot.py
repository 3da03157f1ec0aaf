"""Every raw object at one moment: any iterable of bodies → one `Snapshot`, sorted, each object once.

It stands between what brings objects (kopf's indices, files) and what understands them, so that compilation is a
function of one value and no order of arrival can show in its result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from switchover_operator.identity import Body, Identity, identity_of


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects by identity, in order. `sources` says where one stands ("chat.yaml:12"), where that is known.

    Bodies are shared with whoever handed them in and are never changed. An object given twice with unequal content
    stands in `repeated`; the content that sorts first is taken, as that does not depend on the order of arrival.
    `from_files`: no API server has seen the objects.
    """

    objects: Mapping[Identity, Body] = field(repr=False)
    sources: Mapping[Identity, str] = field(default_factory=dict)
    repeated: frozenset[Identity] = frozenset()
    from_files: bool = False

    @classmethod
    def of(
        cls, bodies: Iterable[Body], sources: Mapping[Identity, str] | None = None, before: "Snapshot | None" = None
    ) -> "Snapshot":
        """Make a snapshot of bodies that have `apiVersion`, `kind` and `metadata.name`.

        `before` is one of much the same objects: what is nearly in order is sorted faster.
        """
        found: dict[Identity, Body] = {}
        repeated: set[Identity] = set()
        for body in bodies:
            identity = identity_of(body)
            other = found.setdefault(identity, body)
            if other is not body and other != body:
                repeated.add(identity)
                found[identity] = min(other, body, key=_content)
        return cls(_ordered(found, before), sources or {}, frozenset(repeated))

    @classmethod
    def of_files(
        cls, objects: Mapping[Identity, Body], sources: Mapping[Identity, str], before: "Snapshot | None" = None
    ) -> "Snapshot":
        """Make a snapshot of bodies that were read from files, each once."""
        return cls(_ordered(objects, before), sources, from_files=True)

    def source(self, identity: Identity) -> str:
        """Return where an object stands, "" if that is not known."""
        return self.sources.get(identity, "")


def _ordered(found: Mapping[Identity, Body], before: Snapshot | None) -> Mapping[Identity, Body]:
    """Sort objects. Those that were there before are in order."""
    if before is not None and before.objects.keys() == found.keys():
        order: Iterable[Identity] = before.objects
    else:
        known = [identity for identity in before.objects if identity in found] if before is not None else []
        order = sorted([*known, *(found.keys() - set(known))])
    return MappingProxyType({identity: found[identity] for identity in order})


def same_content(one: Snapshot, other: Snapshot) -> bool:
    """Tell whether two snapshots hold the same objects but for their statuses, at the same places."""
    if one.objects.keys() != other.objects.keys() or (one.sources, one.repeated) != (other.sources, other.repeated):
        return False
    return all(
        body is known or without_status(body) == without_status(known)
        for body, known in zip(one.objects.values(), other.objects.values(), strict=True)
    )


def without_status(body: Body) -> Body:
    """A body without what moves when only its status is written."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}
    return {key: value for key, value in body.items() if key != "status"} | {"metadata": metadata}


def _content(body: Body) -> bytes:
    return msgspec.json.encode(body, order="sorted")
