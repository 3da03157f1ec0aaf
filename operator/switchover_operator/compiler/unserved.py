"""Objects of kinds that are not read → their reports, where their API is served in part.

Such an object is refused where its kind is misspelt or, in a file, where an API server would refuse it. A route of
another kind is another controller's unless it names a Gateway of ours.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Final

from switchover_operator.compiler import conditions
from switchover_operator.compiler.kind_names import misspelt
from switchover_operator.compiler.report import Report, Standing
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.identity import Body, Identity
from switchover_operator.resources import KINDS
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, Gateway
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream
from switchover_operator.schemas import violations
from switchover_operator.snapshot import Snapshot

_OUR_GROUPS: Final = frozenset(
    {GATEWAY_GROUP, Upstream.GROUP, RouteOption.GROUP, AuthConfig.GROUP, FailoverPolicy.GROUP}
)


def reports_of_unserved(snapshot: Snapshot, catalogue: Catalogue, gateways: Set[Identity]) -> Iterator[Report]:
    """Report on the objects of unserved kinds in the API groups that are served in part, and of misspelt kinds."""
    for identity in snapshot.objects.keys() - catalogue.objects.keys():
        source = snapshot.source(identity)
        problems = _problems(identity, snapshot)
        if problems:
            yield Report(identity, source, conditions=(conditions.invalid(problems),))
        elif identity.group in _OUR_GROUPS and (identity.group, identity.kind) not in KINDS:
            if _is_of_others(identity, snapshot.objects[identity], gateways):
                yield Report(identity, source, standing=Standing.OTHERS)
                continue
            note = f"kind: {identity.kind} of {identity.group} is not served; this object has no effect"
            yield Report(identity, source, notes=(note,), standing=Standing.UNSERVED)


def _problems(identity: Identity, snapshot: Snapshot) -> tuple[str, ...]:
    meant = misspelt(identity)
    if meant:
        return (meant,)
    if not snapshot.from_files or identity.group != GATEWAY_GROUP:
        return ()
    return tuple(map(str, violations(identity.group, identity.kind, snapshot.objects[identity])))


def _is_of_others(identity: Identity, body: Body, gateways: Set[Identity]) -> bool:
    """Tell whether an object of Gateway API has parents, none of which is a Gateway of ours."""
    spec = body.get("spec")
    refs = spec.get("parentRefs", spec.get("parentRef")) if isinstance(spec, dict) else None
    parents = [ref for ref in (refs if isinstance(refs, list) else [refs]) if isinstance(ref, dict)]
    return bool(parents) and not any(_gateway(ref, identity.namespace) in gateways for ref in parents)


def _gateway(ref: Mapping[str, Any], namespace: str) -> Identity:
    """Return the Gateway that a reference may name; of another kind, there is none of that identity."""
    group, kind = ref.get("group", GATEWAY_GROUP), ref.get("kind", Gateway.KIND)
    return Identity(str(group), str(kind), str(ref.get("namespace") or namespace), str(ref.get("name")))
