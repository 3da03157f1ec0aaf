"""Files and what was compiled from them → the report that `switchover check` prints, for a person to read.

Object by object: whether it is accepted, in which order models are tried for which requests, what has no effect and
what is wrong, with the place in the files. The plan is read from the table, which is what would be served.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import click

from switchover_dataplane.table.access import ApiKeys, Closed
from switchover_dataplane.table.policies import Classes, Counted, EnvoyOrder, Policy, Tokens
from switchover_dataplane.table.ports import Match, Port
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import AzureOpenAI, Http, Target, Upstream
from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.worst_case import worst_case
from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources import KINDS
from switchover_operator.standalone.files import View, locate

_MOST_CALLERS = 5
"""Callers that are named; of more, how many others there are."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs of a report."""

    good: str
    bad: str
    warning: str
    arrow: str


def marks(encoding: str | None, *, plain: bool) -> Marks:
    """The signs that an output of this encoding can show; with `plain` ASCII only."""
    if plain or (encoding or "").lower().replace("-", "") != "utf8":
        return Marks("ok ", "BAD", "!  ", "->")
    return Marks("✓", "✗", "!", "→")


def is_good(view: View, compiled: Compiled) -> bool:
    """Whether every file could be read and every object is accepted."""
    return not view.problems and all(report.is_accepted for report in compiled.reports)


def report(view: View, compiled: Compiled, signs: Marks) -> str:
    """The whole report, in styled text that `click.echo` makes plain where it is not shown on a terminal."""
    plan = _Plan.of(compiled.table)
    sections = [
        *([[_bad(signs, problem) for problem in view.problems]] if view.problems else []),
        *(list(_object(each, view, plan, signs)) for each in compiled.reports),
        *_not_read(view, compiled),
        [_summary(view, compiled, signs)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections)


def _object(each: Report, view: View, plan: "_Plan", signs: Marks) -> Iterator[str]:
    found = findings(each, lambda identity, path: str(locate(view, identity, path) or ""))
    accepted = each.is_accepted
    sign = click.style(signs.good, fg="green") if accepted else click.style(signs.bad, fg="red")
    state = "accepted" if accepted else "not accepted"
    yield f"{sign} {click.style(str(each.identity), bold=True)} {state}{_grey(each.source)}"
    yield from (f"    {without_keys(line)}" for line in _planned(each, plan, signs))
    yield from (f"    {_finding(finding, signs)}" for finding in found)


def _finding(finding: Finding, signs: Marks) -> str:
    about = without_keys(f"{finding.about}: ") if finding.about else ""
    match finding.weight:
        case Weight.FAULT:
            return f"{click.style(signs.bad, fg='red')} {about}{finding.message}{_grey(finding.place)}"
        case Weight.NO_EFFECT | Weight.RISK:
            return f"{click.style(signs.warning, fg='yellow')} {about}{finding.message}{_grey(finding.place)}"
        case Weight.NOTE:
            return f"{signs.arrow} {about}{without_keys(finding.message)}"


def _grey(place: str) -> str:
    return click.style(f"  [{place}]", dim=True) if place else ""


def _bad(signs: Marks, text: object) -> str:
    return f"{click.style(signs.bad, fg='red')} {text}"


def _not_read(view: View, compiled: Compiled) -> Iterator[list[str]]:
    reported = {each.identity for each in compiled.reports}
    others = [identity for identity in view.objects if (identity.group, identity.kind) not in KINDS]
    if others:
        yield [f"not read here: {', '.join(map(str, others))}"]
    unreported = [each for each in view.objects if each not in reported and each.kind in ("Gateway", "GatewayClass")]
    if unreported:
        yield [f"not ours (another class or controller): {', '.join(map(str, unreported))}"]


def _summary(view: View, compiled: Compiled, signs: Marks) -> str:
    refused = sum(not each.is_accepted for each in compiled.reports)
    parts = [f"{_counted(len(compiled.reports) - refused, 'object')} accepted"]
    parts += [f"{refused} not accepted"] if refused else []
    parts += [_counted(len(view.problems), "problem") + " in the files"] if view.problems else []
    ports = [str(port.number) for port in compiled.table.ports]
    parts += [f"port{'s' if len(ports) > 1 else ''} {', '.join(ports)} would be served"] if ports else []
    parts += ["nothing would be served: there is no Gateway of class switchover with a listener"] if not ports else []
    good = not view.problems and not refused
    return f"{click.style(signs.good, fg='green') if good else click.style(signs.bad, fg='red')} {', '.join(parts)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# ── What would be tried for which request ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Plan:
    """A table, the rules of each route by their keys, and the requests that each rule is for."""

    table: Table
    rules: Mapping[str, list[tuple[str, Rule]]]
    requests: Mapping[str, list[str]]

    @classmethod
    def of(cls, table: Table) -> "_Plan":
        rules: dict[str, list[tuple[str, Rule]]] = {}
        for key, rule in table.rules.items():
            rules.setdefault(rule.route, []).append((key, rule))
        requests: dict[str, list[str]] = {}
        for key, request in _requests(table.ports):
            requests.setdefault(key, []).append(request)
        return cls(table, rules, requests)


def _planned(each: Report, plan: _Plan, signs: Marks) -> Iterator[str]:
    if each.identity.kind == "HTTPRoute":
        for key, rule in plan.rules.get(f"{each.identity.namespace}/{each.identity.name}", ()):
            yield from _rule(plan.table, list(dict.fromkeys(plan.requests.get(key, ()))), rule, signs)
    if each.identity.kind == "Gateway":
        for listener in each.listeners:
            yield f"listener {listener.name}: {_counted(listener.attached_routes, 'route')} attached"


def _rule(table: Table, requests: list[str], rule: Rule, signs: Marks) -> Iterator[str]:
    if not requests:
        return
    yield f"requests to {' or '.join(requests)}"
    access = table.access.get(rule.access)
    if isinstance(access, Closed):
        yield f"  {signs.arrow} answered 403: {access.reason}"
        return
    if access is not None:
        yield f"  {signs.arrow} with the key of {_callers(access)} alone"
    if rule.filters.redirect is not None:
        yield f"  {signs.arrow} redirected with status {rule.filters.redirect.status}"
        return
    if not rule.backends:
        yield f"  {signs.arrow} answered 500: the rule has no backend"
    weights = sum(backend.weight for backend in rule.backends)
    for backend in rule.backends:
        share = f"{backend.weight} of {weights} requests: " if len(rule.backends) > 1 else ""
        yield from (f"  {line}" for line in _backend(table, backend, share, signs))


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


def _backend(table: Table, backend: Backend, share: str, signs: Marks) -> Iterator[str]:
    if backend.problem:
        yield f"{signs.arrow} {share}answered 500: {backend.problem}"
        return
    upstream = table.upstreams[backend.upstream]
    policy = table.policies[backend.policy]
    what = "model" if upstream.ai else "target"
    order = f"{_counted(len(upstream.priorities), what)} in order" if len(upstream.priorities) > 1 else f"one {what}"
    yield f"{signs.arrow} {share}{order}, {_attempts(policy, upstream)}"
    for number, pool in enumerate(upstream.priorities, 1):
        yield f"   {number}. {' or '.join(map(_target, pool)) or 'nothing: the pool is empty'}"


def _target(target: Target) -> str:
    where = f"{target.host}:{target.port}"
    match target.provider:
        case AzureOpenAI(deployment=model):
            return f"{model} at {where} (azure-openai)"
        case Http():
            return where
        case provider:
            kind = type(provider).__name__.lower()
            return f"{provider.model or 'the model of the request'} at {where} ({kind})"


def _attempts(policy: Policy, upstream: Upstream) -> str:
    """How often a request is attempted, and after what."""
    most = worst_case(policy, upstream).most
    match policy.order:
        case EnvoyOrder():
            most = f"{most} in Envoy's sequence"
        case Counted(per_priority=number) if len(upstream.priorities) > 1:
            most = f"each {'once' if number == 1 else f'{number} times'}, {most}"
    match policy.triggers:
        case Classes():
            return f"{most}, on the default triggers"
        case Tokens(tokens=tokens, status_codes=codes):
            listed = f" {', '.join(map(str, codes))}" if codes else ""
            return f"{most}, on {', '.join(tokens) or 'no failure'}{listed}"
