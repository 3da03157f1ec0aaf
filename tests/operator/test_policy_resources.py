"""What the body of a RouteOption or a FailoverPolicy becomes: a model, or sentences that say what is wrong with it."""

import pytest

from bodies import problems, read, route_option, unknown
from switchover_operator.resources import (
    unsupported_fields,
)
from switchover_operator.resources.failover_policy import FailoverPolicy

# ── RouteOption ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_guides_route_option_is_read_whole() -> None:
    parsed = route_option("""
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: model-failover}]
  options:
    retries:
      retryOn: 'retriable-status-codes'
      retriableStatusCodes: [429]
      numRetries: 3
      previousPriorities: {updateFrequency: 1}
""")
    retries = parsed.spec.options.retries
    assert retries is not None
    assert retries.previous_priorities is not None
    assert (retries.retry_on, retries.retriable_status_codes, retries.num_retries) == (
        "retriable-status-codes",
        (429,),
        3,
    )
    assert retries.previous_priorities.update_frequency == 1
    assert (unknown(parsed), unsupported_fields(parsed)) == ([], [])


def test_retries_that_were_not_written_differ_from_none_at_all() -> None:
    unset, none = (
        route_option(f"spec: {{options: {{retries: {{{text}}}}}}}").spec.options.retries
        for text in ("", "numRetries: 0")
    )
    assert unset is not None
    assert none is not None
    assert (unset.num_retries, none.num_retries) == (None, 0)


@pytest.mark.parametrize(
    ("given", "meant"), [("CHAT", "CHAT"), ("CHAT_STREAMING", "CHAT_STREAMING"), (0, "CHAT"), (1, "CHAT_STREAMING")]
)
def test_an_enum_is_its_name_or_its_number(given: object, meant: str) -> None:
    ai = route_option(f"spec: {{options: {{ai: {{routeType: {given}}}}}}}").spec.options.ai
    assert ai is not None
    assert ai.route_type == meant


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{ai: {routeType: 2}}", "spec.options.ai.routeType: must be CHAT (0) or CHAT_STREAMING (1); got 2"),
        ("{ai: {routeType: true}}", "spec.options.ai.routeType: must be CHAT (0) or CHAT_STREAMING (1); got true"),
        (
            "{retries: {previousPriorities: {updateFrequency: 0}}}",
            "spec.options.retries.previousPriorities.updateFrequency: must be an integer of at least 1, as 1"
            " (the attempts made on a priority before the next; 0 is none); got 0",
        ),
        (
            "{retries: {retryBackOff: {baseInterval: 0s}}}",
            "spec.options.retries.retryBackOff.baseInterval: must be at least 1 millisecond; got '0s' (a string)",
        ),
        (
            "{retries: {retryBackOff: {maxInterval: 1s}}}",
            "spec.options.retries.retryBackOff.maxInterval: needs baseInterval as well; got '1s' (a string)",
        ),
        (
            "{retries: {retryBackOff: {baseInterval: 2s, maxInterval: 1s}}}",
            "spec.options.retries.retryBackOff.maxInterval: must be at least baseInterval; got '1s' (a string)",
        ),
        (
            "{retries: {rateLimitedRetryBackOff: {resetHeaders: []}}}",
            "spec.options.retries.rateLimitedRetryBackOff.resetHeaders:"
            " must be a list of at least one header; got an empty list",
        ),
        (
            "{retries: {numRetries: -1}}",
            "spec.options.retries.numRetries: must be an integer from 0 to 4294967295; got -1",
        ),
        (
            "{hostRewrite: a, autoHostRewrite: false}",
            "spec.options: may have only one of hostRewrite, autoHostRewrite, hostRewriteHeader and"
            " hostRewritePathRegex; it has hostRewrite and autoHostRewrite",
        ),
        (
            "{prefixRewrite: /, regexRewrite: {pattern: {regex: a}, substitution: b}}",
            "spec.options: may have only one of prefixRewrite and regexRewrite; it has prefixRewrite and regexRewrite",
        ),
        (
            "{headerManipulation: {requestHeadersToAdd: [{append: true}]}}",
            "spec.options.headerManipulation.requestHeadersToAdd[0]: must have one of header or headerSecretRef;"
            " it has none",
        ),
    ],
)
def test_an_option_that_envoy_would_crash_on_or_ignore_is_refused(options: str, told: str) -> None:
    assert problems("RouteOption", f"spec: {{options: {options}}}") == [told]


def test_a_default_for_a_field_of_the_body_can_be_any_json() -> None:
    ai = route_option("spec: {options: {ai: {defaults: [{field: a, value: {b: [1]}}, {field: c, value: null}]}}}")
    assert ai.spec.options.ai is not None
    assert [default.value for default in ai.spec.options.ai.defaults] == [{"b": [1]}, None]


# ── FailoverPolicy ──────────────────────────────────────────────────────────────────────────────────────────────────

TARGET = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: chat}]"


def test_a_failover_policy_is_read_whole_and_all_of_it_has_an_effect() -> None:
    parsed = read(
        "FailoverPolicy",
        f"""
spec:
  {TARGET}
  attempts: 3
  retryOn: [rate-limited, overloaded]
  retrySemantics: Envoy
  firstTokenTimeout: 10s
  answerTimeout: 2m
  streamIdleTimeout: 15s
  streamRecovery: Holdback
  toolCalls: Hold
  holdback: {{tokens: 20, time: 500ms}}
  coolDown: {{after: 3, base: 10s, max: 0.5m}}
  retryBudget: {{percent: 12.5, minimum: 10}}
  maxRetryAfterWait: 0s
  maxRequestBody: 32Mi
""",
    )
    assert isinstance(parsed, FailoverPolicy)
    spec = parsed.spec
    assert spec.retry_on == ("rate-limited", "overloaded")
    assert spec.cool_down is not None
    assert (spec.cool_down.base, spec.cool_down.max) == (10.0, 30.0)
    assert (spec.answer_timeout, spec.max_retry_after_wait, spec.max_request_body) == (120.0, 0.0, 32 * 1024**2)
    assert unsupported_fields(parsed) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("attempts: 0", "spec.attempts: must be an integer from 1 to 100, as 3; got 0"),
        ("retrySemantics: envoy", "spec.retrySemantics: must be 'Failover' or 'Envoy'; got 'envoy' (a string)"),
        ("coolDown: {base: 10s, max: 5s}", "spec.coolDown.max: must be at least base; got '5s' (a string)"),
        ("holdback: {tokens: 5}", "spec.holdback: needs streamRecovery: Holdback as well; got an object"),
        (
            "maxRequestBody: 32MB",
            'spec.maxRequestBody: must be a size in bytes such as "32Mi", "500k" or 1048576; got \'32MB\' (a string)',
        ),
        (
            "maxRequestBody: -1",
            'spec.maxRequestBody: must be a size in bytes such as "32Mi", "500k" or 1048576; got -1',
        ),
    ],
)
def test_a_failover_policy_that_cannot_be_meant_is_refused(spec: str, told: str) -> None:
    assert problems("FailoverPolicy", f"spec: {{{TARGET}, {spec}}}") == [told]


def test_a_failover_policy_for_something_else_says_what_it_can_be_for() -> None:
    assert problems("FailoverPolicy", "spec: {targetRefs: [{group: '', kind: Service, name: a}]}") == [
        "spec.targetRefs[0].kind: must be HTTPRoute or Gateway of group gateway.networking.k8s.io, or Upstream of group"
        " gloo.solo.io; got 'Service' (a string)"
    ]
