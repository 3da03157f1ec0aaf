"""RouteOption, HTTPRoute and FailoverPolicy → the one `Policy` by which a backend of a rule is tried.

How often and on what is tried comes from the first that says it: `retries` of a RouteOption, the rule's own `retry`, a
FailoverPolicy, the default. All else of a FailoverPolicy holds in any case.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from switchover_dataplane.table.error_classes import AI_TRIGGERS
from switchover_dataplane.table.policies import DEFAULT_ATTEMPTS, BackOff, Policy, RateLimitedBackOff, ResetHeader
from switchover_operator.compiler import attempt_rules, conditions, triggers
from switchover_operator.compiler.attempt_rules import DEFAULT_RETRIES, Written
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.cool_downs import cool_down
from switchover_operator.compiler.disabled import disabled_by, names
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.route_options import RuleOptions
from switchover_operator.compiler.targeting import TargetIndex, refused_at, targets
from switchover_operator.compiler.targets import Destination
from switchover_operator.identity import Identity
from switchover_operator.resources.failover_policy import FailoverPolicy, FailoverPolicySpec
from switchover_operator.resources.gateway_api import HttpRouteRetry, HttpRouteRule
from switchover_operator.resources.model import listed
from switchover_operator.resources.retries import Retries

T = TypeVar("T", bound=msgspec.Struct)

AZURE_STREAM_IDLE_TIMEOUT = 30.0
"""Azure sends text in blocks, with longer pauses between them."""

_TRIED_FIELDS = ("retries", "timeout")
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
    policy: Policy
    conditions: tuple[Condition, ...] = ()
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
    tried = _tried(path, rule, given, spec, ai=destination.is_ai)
    base = _replaced(
        _base(spec, destination), **tried.fields, timeout=_timeout(rule, given), **cool_down(spec, destination.outliers)
    )
    policy = attempt_rules.resolved(tried.written, base, ai=destination.is_ai, pools=destination.pools)
    stated = (*tried.conditions, *_overridden(path, rule, given, failover, destination))
    if spec is not None and destination.upstream is not None:
        policy = msgspec.structs.replace(policy, disabled=disabled_by(spec, destination.upstream))
        stated = (*stated, *_disabled(path, policy, failover, destination))
    return NamedPolicy(_name(policy, rule, given, failover, destination), policy, stated, written=True)


def _default(destination: Destination) -> NamedPolicy:
    """Return the policy where nobody wrote one; its name tells upstreams apart for which it comes out otherwise."""
    base = _UNWRITTEN_AZURE if destination.is_azure else _UNWRITTEN
    policy = attempt_rules.resolved(attempt_rules.NOTHING, base, ai=destination.is_ai, pools=destination.pools)
    if not destination.is_ai:
        return NamedPolicy("default", policy)
    name = "default for Azure" if destination.is_azure else "default for AI"
    more = f", {policy.attempts} attempts" if policy.attempts > DEFAULT_ATTEMPTS else ""
    return NamedPolicy(f"{name}{more}" if policy.hedges else f"{name}, one target", policy)


_UNWRITTEN = Policy()
_UNWRITTEN_AZURE = Policy(stream_idle_timeout=AZURE_STREAM_IDLE_TIMEOUT)


def _base(spec: FailoverPolicySpec | None, destination: Destination) -> Policy:
    """The default policy with all that a FailoverPolicy says beside how often and on what is tried."""
    policy = _UNWRITTEN_AZURE if destination.is_azure else _UNWRITTEN
    if spec is None:
        return policy
    written: dict[str, Any] = {
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
        "on_loss": spec.on_loss,
    }
    if spec.retry_budget is not None:
        written["retry_budget"] = _replaced(
            policy.retry_budget, percent=spec.retry_budget.percent, minimum=spec.retry_budget.minimum
        )
    if spec.holdback is not None:
        written["holdback"] = _replaced(policy.holdback, tokens=spec.holdback.tokens, time=spec.holdback.time)
    return _replaced(policy, **written)


def _timeout(rule: HttpRouteRule, given: RuleOptions) -> float | None:
    written = rule.timeouts
    return given.options.timeout if "timeout" in given.sources else written.request if written else None


# ── How often, and on what ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is written about attempts by the one who has the say, and the fields of a policy that follow at once."""

    written: Written
    fields: dict[str, Any]
    conditions: tuple[Condition, ...] = ()


def _tried(path: str, rule: HttpRouteRule, given: RuleOptions, spec: FailoverPolicySpec | None, *, ai: bool) -> _Tried:
    per_try = rule.timeouts.backend_request if rule.timeouts else None
    semantics = (spec.retry_semantics if spec else None) or "Failover"
    if given.options.retries is not None:
        return _as_route_option(path, given, given.options.retries, spec, per_try)
    if rule.retry is not None:
        return _as_route(path, rule.retry, semantics, per_try, by_class=ai and semantics != "Envoy")
    attempts, tokens = (spec.attempts, _of_policy(spec)) if spec else (None, None)
    return _Tried(Written(attempts, tokens, semantics=semantics), {"per_try_timeout": per_try})


def _of_policy(spec: FailoverPolicySpec | None) -> tuple[str, ...] | None:
    return None if spec is None or spec.retry_on is None else tuple(dict.fromkeys(spec.retry_on))


def _as_route_option(
    path: str, given: RuleOptions, retries: Retries, spec: FailoverPolicySpec | None, per_try: float | None
) -> _Tried:
    """Read Gloo's `retries` as Envoy reads its words; without triggers, a FailoverPolicy's fill in."""
    back_off, limited = retries.retry_back_off, retries.rate_limited_retry_back_off
    number = DEFAULT_RETRIES if retries.num_retries is None else retries.num_retries
    previous = retries.previous_priorities
    written = Written(
        attempts=number + 1,
        tokens=triggers.tokens(retries.retry_on) or _of_policy(spec) or None,
        status_codes=retries.retriable_status_codes,
        update_frequency=None if previous is None else previous.update_frequency or 1,
        retry_block=True,
        semantics=(spec.retry_semantics if spec else None) or "Failover",
    )
    fields: dict[str, Any] = {
        "per_try_timeout": per_try if retries.per_try_timeout is None else retries.per_try_timeout
    }
    if back_off is not None and back_off.base_interval is not None:
        fields["back_off"] = _back_off(back_off.base_interval, back_off.max_interval)
    if limited is not None:
        headers = tuple(ResetHeader(each.name.lower(), each.format.value) for each in limited.reset_headers)
        fields["rate_limited_back_off"] = _replaced(RateLimitedBackOff(headers), max=limited.max_interval)
    unnamed = written.tokens is None and not written.is_envoy and number
    where = f"{path}: retries of {given.sources['retries']} name no retryOn"
    return _Tried(written, fields, _default_triggers(where) if unnamed else ())


def _as_route(
    path: str, retry: HttpRouteRetry, semantics: Literal["Failover", "Envoy"], per_try: float | None, *, by_class: bool
) -> _Tried:
    """Read Gateway API's `retry` (GEP-1731): the codes, and connection errors in any case."""
    by_class = by_class and not retry.codes
    named = ("connect-failure", "reset", *(("retriable-status-codes",) if retry.codes else ()))
    number = DEFAULT_RETRIES if retry.attempts is None else retry.attempts
    written = Written(
        attempts=number + 1,
        tokens=None if by_class else named,
        status_codes=retry.codes,
        retry_block=True,
        semantics=semantics,
    )
    fields: dict[str, Any] = {"per_try_timeout": per_try}
    if retry.backoff:
        fields["back_off"] = _back_off(retry.backoff, None)
    return _Tried(written, fields, _default_triggers(f"{path}.retry names no codes") if by_class and number else ())


def _back_off(base: float, longest: float | None) -> BackOff:
    return BackOff(base, base * 10 if longest is None else longest)


def _default_triggers(text: str) -> tuple[Condition, ...]:
    return (conditions.default_triggers(f"{text}; tried again is what is {', '.join(AI_TRIGGERS)}"),)


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
    by = _overridden_fields(given, failover) if retries or rule.retry is not None else ""
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


def _disabled(
    path: str, policy: Policy, failover: Object[FailoverPolicy] | None, destination: Destination
) -> tuple[Condition, ...]:
    """Say which targets of a backend are out of rotation, and by which policy."""
    reasons = {each.target: each.reason for each in policy.disabled}
    pools = destination.upstream.priorities if destination.upstream and failover else ()
    return tuple(
        conditions.disabled(
            f"{path}: {names(target)[0]} of {destination.key} is out of rotation by {failover.identity}:"
            f" {reasons[target.id]}"
        )
        for pool in pools
        for target in pool
        if failover is not None and target.id in reasons
    )


def _overridden_fields(given: RuleOptions, failover: Object[FailoverPolicy] | None) -> str:
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
    policy: Policy,
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
