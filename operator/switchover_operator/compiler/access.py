"""The RouteOptions of a rule → who has access, and the conditions of the route and of the RouteOption.

An access control that cannot be served closes the rule: then every request is answered 403.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from switchover_dataplane.table.access import Access, ApiKeys, Closed
from switchover_operator.compiler import conditions
from switchover_operator.compiler.access_controls import guards, unknown, unserved, written
from switchover_operator.compiler.api_keys import EVERYBODY, AuthIndex, Callers, nobody
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.resolve import Object
from switchover_operator.compiler.route_options import RuleOptions
from switchover_operator.identity import Identity
from switchover_operator.resources.model import listed
from switchover_operator.resources.route_option import ExtAuth, RouteOption

_EXTAUTH = "spec.options.extauth"


@dataclass(frozen=True, slots=True)
class RuleAccess:
    """The access to a rule. `name` is that of the access in the table; "" means that everybody has access.

    `configs` are the AuthConfigs that it refers to.
    """

    name: str = ""
    access: Mapping[str, Access] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    configs: tuple[Identity, ...] = ()


def rule_access(
    index: AuthIndex, owner: str, path: str, options: RuleOptions, unserved_controls: Iterable[str]
) -> RuleAccess:
    """Work out the access to a rule, which is named `owner` and is at `path` of its route.

    `unserved_controls` names access controls of the route itself, none of which is served.
    """
    extauth = options.options.extauth
    callers = _callers(index, options.sources["extauth"], extauth) if extauth is not None else EVERYBODY
    configs = () if callers.config is None else (callers.config,)
    reasons = [*unserved_controls, *options.closed]
    if isinstance(callers.access, Closed):
        reasons.append(f"{options.sources['extauth']} {callers.access.reason}")
    if reasons:
        reason = "; ".join(reasons)
        closed = conditions.access_control_not_served(f"{path}: requests are answered 403: {reason}")
        return RuleAccess(owner, {owner: Closed(reason)}, {}, (closed,), configs)
    if not isinstance(callers.access, ApiKeys):
        return RuleAccess()
    name = str(callers.config)
    number = len(callers.access.callers)
    callers_text = f"one of the {number} callers" if number > 1 else "the one caller"
    text = f"{path}: requests need the API key of {callers_text} of {name}"
    return RuleAccess(name, {name: callers.access}, callers.secrets, (conditions.access_by_key(text),), configs)


def _callers(index: AuthIndex, source: Identity, extauth: ExtAuth) -> Callers:
    """Return the callers that an `extauth` of the RouteOption `source` gives access to."""
    others = ["customAuth"] if extauth.custom_auth is not None else []
    others += ["disable"] if extauth.disable and extauth.config_ref is not None else []
    others += unknown(extauth)
    if others:
        return nobody(f"{_EXTAUTH}: only a configRef is served; it has {listed(others)}")
    if extauth.config_ref is None:
        return EVERYBODY
    return index.referred(source, f"{_EXTAUTH}.configRef", extauth.config_ref)


# ── Of one RouteOption ──────────────────────────────────────────────────────────────────────────────────────────────


def option_conditions(index: AuthIndex, found: Object[RouteOption]) -> Iterator[Condition]:
    """Yield the condition of a RouteOption's own status about its access controls that are not served."""
    problems: list[str] = []
    if found.model is not None:
        problems += [f"{path} is not served here" for path in unserved(found.model)]
        extauth = found.model.spec.options.extauth
        callers = _callers(index, found.identity, extauth) if extauth is not None else EVERYBODY
        problems += [callers.access.reason] if isinstance(callers.access, Closed) else []
    if found.refusal is not None and not (found.model is not None and guards(found.model)):
        paths = written(found.body.get("spec"))
        problems += [f"{path} is not served, as the RouteOption is not accepted" for path in paths]
    if problems:
        text = f"{conditions.sentences(problems)}; requests that it applies to are answered 403"
        yield conditions.access_control_not_served(text)
