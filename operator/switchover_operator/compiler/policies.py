"""RouteOption, HTTPRoute and FailoverPolicy → the one `Policy` by which a backend of a rule is tried.

How often and on what is tried comes from the first that says it: `retries` of a RouteOption, the rule's own `retry`, a
FailoverPolicy, the default. All else of a FailoverPolicy holds in any case.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from switchover_dataplane import table
from switchover_operator.compiler import conditions, triggers
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.cool_downs import cool_down
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.route_options import RuleOptions
from switchover_operator.compiler.targeting import TargetIndex, refused_at, targets
from switchover_operator.compiler.targets import Destination
from switchover_operator.compiler.worst_case import DEFAULT_ATTEMPTS
from switchover_operator.identity import Identity
from switchover_operator.resources.failover_policy import FailoverPolicy, FailoverPolicySpec
from switchover_operator.resources.gateway_api import HttpRouteRetry, HttpRouteRule
from switchover_operator.resources.model import listed
from switchover_operator.resources.retries import Retries

T = TypeVar("T", bound=msgspec.Struct)

AZURE_STREAM_IDLE_TIMEOUT = 30.0
"""Azure sends text in blocks, with longer pauses between them."""

DEFAULT_RETRIES = 1
"""Gloo's `numRetries` and Gateway API's `retry.attempts` where a written policy leaves them out."""


_TRIED_FIELDS = ("retries", "timeout", "idle_timeout")
"""The fields of RouteOption's `options` that are about how a request is tried."""


# ── FailoverPolicies ────────────────────────────────────────────────────────────────────────────────────────────────


class FailoverIndex:
    """Finds the FailoverPolicy of a target: of several attached to one, the oldest counts, then the first by name."""

    def __init__(self, catalogue: Catalogue, before: "FailoverIndex | None" = None) -> None:
        self.index: TargetIndex[FailoverPolicy] = TargetIndex(
            catalogue, FailoverPolicy, targets, before.index if before else None
        )

    def of(self, target: Identity) -> Object[FailoverPolicy] | None:
        """Return the policy that counts for an HTTPRoute, a Gateway or an Upstream."""
        return next((each.found for each in self.index.of(target) if each.attached), None)

    def refused(self, target: Identity) -> tuple[Condition, ...]:
        """Say which policies of a target are refused, for the status of its routes."""
        refused = (each for each in self.index.of(target) if each.found.refusal is not None)
        return tuple(
            conditions.policy_not_accepted(
                f"{each.found.identity} is not accepted: {refused_at(each.found, attached=each.attached).message}"
            )
            for each in refused
        )


# ── One policy ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy, the name that it has in the table, and what the route's status has to say about it.

    `written` tells one that somebody wrote from the default.
    """

    name: str
    policy: table.Policy
    told: tuple[Condition, ...] = ()
    written: bool = False


def policy_of(
    path: str,
    rule: HttpRouteRule,
    given: RuleOptions,
    failover: Object[FailoverPolicy] | None,
    destination: Destination,
) -> NamedPolicy:
    """Make the policy by which one backend of a rule is tried. `path` is the rule's, for what the status says."""
    spec = failover.model.spec if failover and failover.model else None
    by_rule = rule.retry is not None or rule.timeouts is not None
    by_options = any(name in given.sources for name in _TRIED_FIELDS)
    if spec is None and not by_rule and not by_options and destination.outliers is None:
        return _default(destination)
    envoy = spec is not None and spec.retry_semantics == "Envoy"
    tried = _tried(path, rule, given, spec, ai=destination.is_ai, envoy=envoy)
    policy = _replaced(
        _base(spec, destination), **tried.fields, **_timeouts(rule, given), **cool_down(spec, destination.outliers)
    )
    told = (*tried.told, *_overridden(path, rule, given, failover, destination))
    return NamedPolicy(_name(policy, rule, given, failover, destination), policy, told, written=True)


def _default(destination: Destination) -> NamedPolicy:
    if destination.is_azure:
        return NamedPolicy("default for Azure", _AZURE)
    return NamedPolicy("default for AI", _AI) if destination.is_ai else NamedPolicy("default", _PLAIN)


_PLAIN = table.Policy()
_AI = table.Policy(retry_on=table.AI_TRIGGERS)
_AZURE = msgspec.structs.replace(_AI, stream_idle_timeout=AZURE_STREAM_IDLE_TIMEOUT)


def _base(spec: FailoverPolicySpec | None, destination: Destination) -> table.Policy:
    """The default policy with all that a FailoverPolicy says beside how often and on what is tried."""
    policy = _default(destination).policy
    if spec is None:
        return policy
    written: dict[str, Any] = {
        "semantics": spec.retry_semantics,
        "max_retry_after_wait": spec.max_retry_after_wait,
        "max_request_body": spec.max_request_body,
        "first_token_timeout": spec.first_token_timeout,
        "first_token_timeout_reasoning": spec.first_token_timeout,
        "answer_timeout": spec.answer_timeout,
        "stream_idle_timeout": spec.stream_idle_timeout,
        "lone_stream_idle_timeout": spec.stream_idle_timeout,
        "stream_recovery": spec.stream_recovery,
        "tool_calls": spec.tool_calls,
        "operations": spec.operations,
    }
    if spec.retry_budget is not None:
        written["retry_budget"] = _replaced(
            policy.retry_budget, percent=spec.retry_budget.percent, minimum=spec.retry_budget.minimum
        )
    if spec.holdback is not None:
        written["holdback"] = _replaced(policy.holdback, tokens=spec.holdback.tokens, time=spec.holdback.time)
    return _replaced(policy, **written)


def _timeouts(rule: HttpRouteRule, given: RuleOptions) -> dict[str, Any]:
    written = rule.timeouts
    request = given.options.timeout if "timeout" in given.sources else written.request if written else None
    return {"timeout": request, "idle_timeout": given.options.idle_timeout}


# ── How often, and on what ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Tried:
    """Fields of a policy about attempts and triggers; None keeps the default."""

    fields: dict[str, Any]
    told: tuple[Condition, ...] = ()


def _tried(
    path: str, rule: HttpRouteRule, given: RuleOptions, spec: FailoverPolicySpec | None, *, ai: bool, envoy: bool
) -> _Tried:
    per_try = rule.timeouts.backend_request if rule.timeouts else None
    if given.options.retries is not None:
        return _as_route_option(path, given, given.options.retries, spec, per_try, envoy=envoy)
    if rule.retry is not None:
        return _as_route(path, rule.retry, per_try, by_class=ai and not envoy)
    fields: dict[str, Any] = {"per_try_timeout": per_try}
    if spec is not None:
        fields["attempts"] = _number(spec, ai=ai, envoy=envoy) if spec.attempts is None else spec.attempts
    if spec is not None and (spec.retry_on is not None or envoy):
        fields |= {"retry_on": tuple(dict.fromkeys(spec.retry_on or ())), "explicit": True}
    return _Tried(fields)


def _number(spec: FailoverPolicySpec, *, ai: bool, envoy: bool) -> int | None:
    """Return how often is tried where triggers are written and no number: who names what to try again wants it so."""
    if spec.retry_on is None:
        return None
    if envoy:
        return DEFAULT_RETRIES + 1
    return None if ai else DEFAULT_ATTEMPTS


def _as_route_option(
    path: str,
    given: RuleOptions,
    retries: Retries,
    spec: FailoverPolicySpec | None,
    per_try: float | None,
    *,
    envoy: bool,
) -> _Tried:
    """Read Gloo's `retries` with Envoy's meaning of its words; without triggers, a FailoverPolicy's fill in."""
    named = triggers.tokens(retries.retry_on) or tuple(dict.fromkeys((spec.retry_on if spec else None) or ()))
    by_class = not named and not envoy
    back_off, limited = retries.retry_back_off, retries.rate_limited_retry_back_off
    number = DEFAULT_RETRIES if retries.num_retries is None else retries.num_retries
    fields: dict[str, Any] = {
        "written": True,
        "attempts": number + 1,
        "retry_on": table.AI_TRIGGERS if by_class else named,
        "explicit": not by_class,
        "status_codes": retries.retriable_status_codes,
        "per_try_timeout": per_try if retries.per_try_timeout is None else retries.per_try_timeout,
    }
    if retries.previous_priorities is not None:
        fields["update_frequency"] = retries.previous_priorities.update_frequency or 1
    if back_off is not None and back_off.base_interval is not None:
        fields["back_off"] = _back_off(back_off.base_interval, back_off.max_interval)
    if limited is not None:
        headers = tuple(table.ResetHeader(each.name.lower(), each.format.value) for each in limited.reset_headers)
        fields["rate_limited_back_off"] = _replaced(table.RateLimitedBackOff(headers), max=limited.max_interval)
    told = (
        _default_triggers(f"{path}: retries of {given.sources['retries']} name no retryOn")
        if by_class and number
        else ()
    )
    return _Tried(fields, told)


def _as_route(path: str, retry: HttpRouteRetry, per_try: float | None, *, by_class: bool) -> _Tried:
    """Read Gateway API's `retry` (GEP-1731): the codes, and connection errors in any case."""
    by_class = by_class and not retry.codes
    named = ("connect-failure", "reset", *(("retriable-status-codes",) if retry.codes else ()))
    number = DEFAULT_RETRIES if retry.attempts is None else retry.attempts
    fields: dict[str, Any] = {
        "written": True,
        "attempts": number + 1,
        "retry_on": table.AI_TRIGGERS if by_class else named,
        "explicit": not by_class,
        "status_codes": retry.codes,
        "per_try_timeout": per_try,
    }
    if retry.backoff:
        fields["back_off"] = _back_off(retry.backoff, None)
    return _Tried(fields, _default_triggers(f"{path}.retry names no codes") if by_class and number else ())


def _back_off(base: float, longest: float | None) -> table.BackOff:
    return table.BackOff(base, base * 10 if longest is None else longest)


def _default_triggers(text: str) -> tuple[Condition, ...]:
    return (conditions.default_triggers(f"{text}; tried again is what is {', '.join(table.AI_TRIGGERS)}"),)


# ── Who wins ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _overridden(
    path: str,
    rule: HttpRouteRule,
    given: RuleOptions,
    failover: Object[FailoverPolicy] | None,
    destination: Destination,
) -> tuple[Condition, ...]:
    """Say whose words have no effect because another's win."""
    retries, timeout = given.sources.get("retries"), given.sources.get("timeout")
    by = _lost(given, failover) if retries or rule.retry is not None else ""
    texts: list[str] = []
    if retries and rule.retry is not None:
        texts.append(f"retries of {retries} win over {path}.retry")
    if retries and by:
        texts.append(f"{path}: retries of {retries} win over {by}")
    elif rule.retry is not None and by:
        texts.append(f"{path}.retry wins over {by}")
    if timeout and rule.timeouts and rule.timeouts.request is not None:
        texts.append(f"timeout of {timeout} wins over {path}.timeouts.request")
    per_try = given.options.retries.per_try_timeout if given.options.retries else None
    if per_try is not None and rule.timeouts and rule.timeouts.backend_request is not None:
        texts.append(f"retries.perTryTimeout of {retries} wins over {path}.timeouts.backendRequest")
    if destination.outliers is not None and failover and failover.model and failover.model.spec.cool_down is not None:
        texts.append(f"{path}: outlierDetection of {destination.key} wins over coolDown of {failover.identity}")
    return tuple(conditions.policy_overridden(text) for text in texts)


def _lost(given: RuleOptions, failover: Object[FailoverPolicy] | None) -> str:
    """Name what of a FailoverPolicy gives way to a written retry policy; its triggers fill in where that has none."""
    if failover is None or failover.model is None:
        return ""
    spec, retries = failover.model.spec, given.options.retries
    fills_in = retries is not None and not triggers.tokens(retries.retry_on)
    names = ["attempts"] if spec.attempts is not None else []
    names += ["retryOn"] if spec.retry_on is not None and not fills_in else []
    # No Retry-After is waited for under a policy that says itself how often and how soon.
    names += ["maxRetryAfterWait"] if spec.max_retry_after_wait else []
    return f"{listed(names)} of {failover.identity}" if names else ""


def _name(
    policy: table.Policy,
    rule: HttpRouteRule,
    given: RuleOptions,
    failover: Object[FailoverPolicy] | None,
    destination: Destination,
) -> str:
    """Name a policy by where it comes from and a digest of what it says: equal policies of many rules are one."""
    origins = [str(given.sources[name]) for name in _TRIED_FIELDS if name in given.sources]
    origins += ["HTTPRoute"] if rule.retry is not None or rule.timeouts is not None else []
    origins += [str(failover.identity)] if failover is not None else []
    origins += ["outlierDetection"] if destination.outliers is not None else []
    digest = hashlib.sha256(msgspec.json.encode(policy)).hexdigest()[:8]
    return f"{' + '.join(dict.fromkeys(origins)) or 'default'} #{digest}"


def _replaced(given: T, **fields: Any) -> T:
    """Replace the fields that are not None."""
    return msgspec.structs.replace(given, **{name: value for name, value in fields.items() if value is not None})
