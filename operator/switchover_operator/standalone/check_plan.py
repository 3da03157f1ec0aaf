"""The table that manifests were compiled to → what would be tried for which request, for a person to read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from switchover_dataplane.table.access import ApiKeys, Closed
from switchover_dataplane.table.disabled import disabled, without
from switchover_dataplane.table.policies import Classes, Counted, EnvoyOrder, Policy, Tokens
from switchover_dataplane.table.ports import Match, Port
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Http, Target, Upstream
from switchover_operator.compiler.providers import kind_of, model_of
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.worst_case import worst_case

_MOST_CALLERS = 5
"""Callers that are named; of more, how many others there are."""


def counted(number: int, what: str) -> str:
    """`3 models`, `1 model`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A table, the rules of each route by their keys, and the requests that each rule is for."""

    table: Table
    rules: Mapping[str, list[tuple[str, Rule]]]
    requests: Mapping[str, list[str]]

    @classmethod
    def of(cls, table: Table) -> "Plan":
        """Gather what the rules of a table are for."""
        rules: dict[str, list[tuple[str, Rule]]] = {}
        for key, rule in table.rules.items():
            rules.setdefault(rule.route, []).append((key, rule))
        requests: dict[str, list[str]] = {}
        for key, request in _requests(table.ports):
            requests.setdefault(key, []).append(request)
        return cls(table, rules, requests)


def planned(each: Report, plan: Plan, arrow: str) -> Iterator[str]:
    """Yield lines that say what a route does with its requests, or which routes a Gateway's listeners have."""
    if each.identity.kind == "HTTPRoute":
        for key, rule in plan.rules.get(f"{each.identity.namespace}/{each.identity.name}", ()):
            yield from _rule(plan.table, list(dict.fromkeys(plan.requests.get(key, ()))), rule, arrow)
    if each.identity.kind == "Gateway":
        for listener in each.listeners:
            yield f"listener {listener.name}: {counted(listener.attached_routes, 'route')} attached"


def _rule(table: Table, requests: list[str], rule: Rule, arrow: str) -> Iterator[str]:
    if not requests:
        return
    yield f"requests to {' or '.join(requests)}"
    access = table.access.get(rule.access)
    if isinstance(access, Closed):
        yield f"  {arrow} answered 403: {access.reason}"
        return
    if access is not None:
        yield f"  {arrow} with the key of {_callers(access)} alone"
    if rule.filters.redirect is not None:
        yield f"  {arrow} redirected with status {rule.filters.redirect.status}"
        return
    if not rule.backends:
        yield f"  {arrow} answered 500: the rule has no backend"
    weights = sum(backend.weight for backend in rule.backends)
    for backend in rule.backends:
        share = f"{backend.weight} of {weights} requests: " if len(rule.backends) > 1 else ""
        yield from (f"  {line}" for line in _backend(table, backend, share, arrow))


def _callers(access: ApiKeys) -> str:
    names = [caller.name for caller in access.callers]
    others = len(names) - _MOST_CALLERS
    return " or ".join([*names[:_MOST_CALLERS], *([f"{others} others"] if others > 0 else [])])


def _requests(ports: Iterable[Port]) -> Iterator[tuple[str, str]]:
    """Yield the key of a rule with a request that it is for, as a person may read it."""
    for port in ports:
        for listener in port.listeners:
            for host in listener.hosts:
                for match in host.matches:
                    closed = " (answered 403 there)" if listener.closed else ""
                    yield match.rule, f"{host.hostname}:{port.number} {_match(match)}{closed}"


def _match(match: Match) -> str:
    path = {"Exact": "= ", "RegularExpression": "~ ", "PathPrefix": ""}[match.path.kind] + match.path.value
    # Values are left out: a header or a parameter that routes may be a credential.
    conditions = [f"header {each.name}" for each in match.headers] + [f"query {each.name}" for each in match.query]
    return " ".join(part for part in (match.method, path, f"({', '.join(conditions)})" if conditions else "") if part)


def _backend(table: Table, backend: Backend, share: str, arrow: str) -> Iterator[str]:
    if backend.problem:
        yield f"{arrow} {share}answered 500: {backend.problem}"
        return
    upstream = table.upstreams[backend.upstream]
    served = [pool for pool in upstream.priorities if pool]
    if not served:
        yield f"{arrow} {share}answered 503: none of its targets is served"
        return
    policy = table.policies[backend.policy]
    out = disabled(upstream, policy)
    used = without(upstream, out)
    served = [pool for pool in used.priorities if pool]
    what = "model" if upstream.ai else "target"
    order = f"{counted(len(served), what)} in order" if len(served) > 1 else f"one {what}"
    yield f"{arrow} {share}{f'{order}, {_attempts(policy, used)}' if served else 'answered 503: all of it is disabled'}"
    for priority, pool in enumerate(upstream.priorities):
        texts = [_target(target, out.get(target.id, "")) for target in pool]
        yield f"   priority {priority}: {' or '.join(texts) or 'nothing that is served'}"


def _target(target: Target, why_disabled: str) -> str:
    """Name a target, and say why it is passed by if it is."""
    return f"{_name(target)}, disabled ({why_disabled})" if why_disabled else _name(target)


def _name(target: Target) -> str:
    where = f"{target.host}:{target.port}"
    if isinstance(target.provider, Http):
        return where
    return f"{model_of(target.provider) or 'the model of the request'} at {where} ({kind_of(target.provider)})"


def _attempts(policy: Policy, upstream: Upstream) -> str:
    """How often a request is attempted, and after what."""
    most = worst_case(policy, upstream).most
    match policy.order:
        case EnvoyOrder():
            most = f"{most} in Envoy's sequence"
        case Counted(per_priority=number) if sum(map(bool, upstream.priorities)) > 1:
            most = f"each {'once' if number == 1 else f'{number} times'}, {most}"
    match policy.triggers:
        case Classes():
            return f"{most}, on the default triggers"
        case Tokens(tokens=tokens, status_codes=codes):
            listed = f" {', '.join(map(str, codes))}" if codes else ""
            return f"{most}, on {', '.join(tokens) or 'no failure'}{listed}"
