"""What a rule has from the rules above it that delegate to it: options, filters, timeouts, access.

Of RouteOptions the parent's win, field by field, unless an annotation of the parent lets its children override it
(Gloo, `delegation.gateway.solo.io/enable-policy-overrides`). Of what Gateway API has itself, timeouts and retries among
it, the child's win (kgateway, "Policy inheritance"). Access controls are never lost: those of all levels hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic.alias_generators import to_camel

from switchover_dataplane.table.access import Access, ApiKeys, Caller, Closed
from switchover_operator.compiler import conditions
from switchover_operator.compiler.access import RuleAccess
from switchover_operator.compiler.attached import Step
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.route_options import RuleOptions
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HttpRouteFilter, HttpRouteMatch, HttpRouteRule
from switchover_operator.resources.model import listed

OVERRIDES: Final = "delegation.gateway.solo.io/enable-policy-overrides"
"""Annotation of a parent: the fields of its RouteOptions that children may set themselves, or `*` for all."""

_ACCESS: Final = frozenset({"extauth", "csrf", "jwt", "jwt_staged", "jwt_providers_staged", "rbac", "waf"})

_OF_CLIENTS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""Fields from which the data plane takes a key in any case, and which may hold a key for the target as well."""


# ── RouteOptions ────────────────────────────────────────────────────────────────────────────────────────────────────


def inherited_options(path: str, own: RuleOptions, above: Sequence[tuple[Step, RuleOptions]]) -> RuleOptions:
    """Merge the options of a rule with those of the rules above it, the nearest first. `path` is the rule's.

    Fields for access control are not part of it: `joint_access` has them.
    """
    if all(_says_nothing(options) for _, options in above):
        return own
    values, sources = _values(own), dict(own.sources)
    failure, refusals = own.failure, list(own.conditions)
    lost: dict[tuple[Identity, Identity], list[str]] = {}
    for step, options in above:
        failure = failure or options.failure
        refusals += options.conditions
        for name, value in _values(options).items():
            source = options.sources[name]
            other = sources.get(name)
            if other is not None and other != source and name not in _ACCESS:
                winner, loser = (other, source) if _lets_override(step, name) else (source, other)
                lost.setdefault((winner, loser), []).append(to_camel(name))
            if other is None or not _lets_override(step, name):
                values[name], sources[name] = value, source
    overridden = dict(own.overridden)
    for (winner, loser), names in sorted(lost.items()):
        text = f"{winner} has precedence over {loser} for {listed(sorted(names))}"
        overridden[loser] = f"{overridden[loser]} and {text}" if loser in overridden else text
        refusals.append(conditions.policy_overridden(f"{path}: {text}"))
    merged = own.options.model_copy(update=values)
    return RuleOptions(merged, sources, tuple(dict.fromkeys(refusals)), overridden, failure)


def _says_nothing(options: RuleOptions) -> bool:
    return not (options.sources or options.conditions or options.failure)


def _values(options: RuleOptions) -> dict[str, Any]:
    return {name: getattr(options.options, name) for name in options.sources}


def _lets_override(step: Step, name: str) -> bool:
    model = step.route.model
    given = model.metadata.annotations.get(OVERRIDES, "") if model is not None else ""
    # Gloo compares the names of fields without regard to case.
    return given.strip() == "*" or to_camel(name).lower() in {each.strip().lower() for each in given.split(",")}


# ── What Gateway API has itself ─────────────────────────────────────────────────────────────────────────────────────


def inherited_rule(
    rule: HttpRouteRule, steps: Iterable[Step], matches: Iterable[HttpRouteMatch]
) -> tuple[HttpRouteRule, tuple[str, ...]]:
    """Return a rule with what it has from the rules above it, and notes. `matches` are those it is served by.

    Header modifiers of all rules apply, the outermost first, so that the child's have the last word.
    """
    steps = tuple(steps)
    if not any(step.rule.filters or step.rule.timeouts or step.rule.retry for step in steps):
        return rule, ()
    above = [step.rule for step in steps]
    nearest = [rule, *above]
    own = {each.type for each in rule.filters}
    filters: list[HttpRouteFilter] = []
    notes: list[str] = []
    for step in reversed(steps):
        for each in step.rule.filters:
            if each.type == "ExtensionRef" or (each.type == "URLRewrite" and own & {"URLRewrite", "RequestRedirect"}):
                continue
            filters.append(each)
            if _replaces_prefix(each) and any(match.path.type != "PathPrefix" for match in matches):
                notes.append(f"ReplacePrefixMatch of {step} has no effect on matches that are no PathPrefix")
                filters[-1] = _without_path(each)
    fields = {
        "filters": (*filters, *rule.filters),
        "timeouts": next((each.timeouts for each in nearest if each.timeouts is not None), None),
        "retry": next((each.retry for each in nearest if each.retry is not None), None),
    }
    return rule.model_copy(update=fields), tuple(notes)


def _replaces_prefix(given: HttpRouteFilter) -> bool:
    rewrite = given.url_rewrite
    return rewrite is not None and rewrite.path is not None and rewrite.path.type == "ReplacePrefixMatch"


def _without_path(given: HttpRouteFilter) -> HttpRouteFilter:
    assert given.url_rewrite is not None  # noqa: S101 - called for rewrites of a path only
    return given.model_copy(update={"url_rewrite": given.url_rewrite.model_copy(update={"path": None})})


# ── Access ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def joint_access(levels: Iterable[RuleAccess]) -> RuleAccess:
    """Return the access of who has it at every level, the outermost rule first, which names the callers."""
    every = list(levels)
    restricting = {each.name: each for each in every if each.name}
    stated = tuple(dict.fromkeys(condition for each in every for condition in each.conditions))
    configs = tuple(dict.fromkeys(config for each in every for config in each.configs))
    if len(restricting) < 2:
        alone = next(iter(restricting.values()), RuleAccess())
        return replace(alone, conditions=stated, configs=configs)
    accesses = [each.access[each.name] for each in restricting.values()]
    name = " + ".join(restricting)
    secrets = {key: value for each in restricting.values() for key, value in each.secrets.items()}
    joint, problems = _joint(accesses, list(restricting))
    return RuleAccess(name, {name: joint}, secrets, (*stated, *problems), configs)


def _joint(accesses: Sequence[Access], names: Sequence[str]) -> tuple[Access, tuple[Condition, ...]]:
    closed = [each.reason for each in accesses if isinstance(each, Closed)]
    if closed:
        return Closed("; ".join(dict.fromkeys(closed))), ()
    keyed = [each for each in accesses if isinstance(each, ApiKeys)]
    others = [{caller.digest: caller for caller in each.callers} for each in keyed[1:]]
    callers = tuple(
        _joint_caller(caller, [each[caller.digest] for each in others])
        for caller in keyed[0].callers
        if all(caller.digest in each for each in others)
    )
    if not callers:
        reason = f"no key is one of {listed(names)} at the same time"
        text = f"{listed(names)} have no key in common, so requests are answered 403"
        return Closed(reason), (conditions.access_control_not_served(text),)
    # The key is read from the first of these fields. From the others it must not go to a target either.
    other_fields = {each.header for each in keyed} - {keyed[0].header, *_OF_CLIENTS}
    removed = tuple(sorted({name for each in keyed for name in each.removed} | other_fields))
    return ApiKeys(keyed[0].header, callers, removed), ()


def _joint_caller(first: Caller, others: Iterable[Caller]) -> Caller:
    headers = {header.name: header for each in (*others, first) for header in each.headers}
    return Caller(first.name, first.digest, tuple(headers[name] for name in sorted(headers)))
