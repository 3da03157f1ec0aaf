"""Tables whose rules choose by the name of the model."""

from collections.abc import Mapping, Sequence

from as_written import resolved_policy
from serving import KEY
from switchover_dataplane.routing.headers import MODEL_NAME
from switchover_dataplane.table.access import Access
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port, ValueMatch
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed

ANY = "*"
"""The rule for every other request."""


def by_model(
    port: int,
    rules: Mapping[str, Sequence[tuple[Provider, int]]],
    policy: Policy | None = None,
    *,
    ai: bool = True,
    access: Mapping[str, Access] | None = None,
    kind: str = "Exact",
) -> Table:
    """A rule for each name of a model, or for `ANY`; it has one model a priority: a provider and its target's port.

    A rule is behind the access of its own name where there is one.
    """
    matches: list[Match] = []
    made: dict[str, Rule] = {}
    upstreams: dict[str, Upstream] = {}
    policies: dict[str, Policy] = {}
    for name, models in rules.items():
        key = f"ns/up-{len(made)}"
        pools = tuple(
            (Target(f"{key}/{number}/0", "127.0.0.1", at, provider, auth=Auth("token", "key")),)
            for number, (provider, at) in enumerate(models)
        )
        upstreams[key] = Upstream(key, ai, pools)
        policies[key] = resolved_policy(policy, upstreams[key])
        wanted = () if name == ANY else (ValueMatch(MODEL_NAME, name, kind),)  # type: ignore[arg-type]
        matches.append(Match(key, PathMatch("/"), headers=wanted))
        made[key] = Rule("ns/route", str(len(made)), backends=(Backend(1, key, key),), access=_access(access, name))
    listener = Listener("ns/gw/http", hosts=(Host("", tuple(matches)),))
    return sealed((Port(port, "HTTP", (listener,)),), made, policies, upstreams, {"key": KEY}, dict(access or {}))


def _access(access: Mapping[str, Access] | None, name: str) -> str:
    return name if access is not None and name in access else ""
