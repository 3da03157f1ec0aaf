"""FailoverPolicy (`switchover.dev/v1alpha1`): what there is to say about failover that RouteOption has no words for."""

from typing import Annotated, Literal

from pydantic import Field

from .duration import Duration
from .model import Expected, Items, OpenPart, Rule
from .quantity import Bytes
from .reference import Name
from .resource import Resource
from .triggers import Trigger

ATTACHABLE = (
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gloo.solo.io", "Upstream"),
)
"""What a FailoverPolicy attaches to, as (group, kind)."""


class PolicyTargetRef(OpenPart):
    """An HTTPRoute, a Gateway or an Upstream of the same namespace."""

    RULES = (
        Rule(
            "kind",
            "must be HTTPRoute or Gateway of group gateway.networking.k8s.io, or Upstream of group gloo.solo.io",
            lambda part: (part.group, part.kind) in ATTACHABLE,
            "["
            + ", ".join(f"'{group}/{kind}'" for group, kind in ATTACHABLE)
            + "].exists(x, x == self.group + '/' + self.kind)",
        ),
        Rule(
            "sectionName",
            "must be left out: a FailoverPolicy is for a whole object",
            lambda part: part.section_name is None,
            "!has(self.sectionName)",
        ),
        Rule(
            "namespace",
            "must be left out: a FailoverPolicy is for objects of its own namespace",
            lambda part: part.namespace is None,
            "!has(self.namespace)",
        ),
    )

    group: Annotated[str, Field(max_length=253)]
    """Group of the target."""
    kind: Annotated[str, Field(max_length=63)]
    """Kind of the target."""
    name: Annotated[Name, Field(max_length=253)]
    """Name of the target."""
    namespace: Annotated[str, Field(max_length=63)] | None = None
    """Refused: the target is in the policy's own namespace."""
    section_name: Annotated[str, Field(max_length=253)] | None = None
    """Refused: the target is a whole object."""


class CoolDown(OpenPart):
    """How long a target that fails is left out."""

    RULES = (
        Rule(
            "max",
            "must be at least base",
            lambda part: None in (part.base, part.max) or part.max >= part.base,
            "!has(self.max) || !has(self.base) || duration(self.max) >= duration(self.base)",
        ),
    )

    after: Annotated[int, Field(ge=1, le=1000), Expected("an integer from 1 to 1000, as 3")] | None = None
    """Failures in a row; unset: 3."""
    base: Duration | None = None
    """The first cool-down; each further one is twice as long. 0s switches cool-down off; unset: 10s, or `max` where
    that is shorter."""
    max: Duration | None = None
    """The longest cool-down; unset: 30s."""


class RetryBudget(OpenPart):
    """How many repeats on the same priority may be in flight at once."""

    percent: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100, as 20")] | None = None
    """Share of the upstream's requests in flight; unset: 20."""
    minimum: Annotated[int, Field(ge=0, le=1_000_000), Expected("an integer from 0 to 1000000, as 10")] | None = None
    """Always allowed; unset: 10."""


class Holdback(OpenPart):
    """The first part of a stream, held back so that a failure in it costs nothing."""

    tokens: Annotated[int, Field(ge=0, le=100_000), Expected("an integer from 0 to 100000, as 20")] | None = None
    """Tokens held back; unset: 20."""
    time: Duration | None = None
    """Time held back; unset: 500ms."""


class FailoverPolicySpec(OpenPart):
    """For what, and how requests are tried."""

    RULES = (
        Rule(
            "holdback",
            "needs streamRecovery: Holdback beside it",
            lambda part: part.holdback is None or part.stream_recovery == "Holdback",
            "!has(self.holdback) || (has(self.streamRecovery) && self.streamRecovery == 'Holdback')",
        ),
    )

    target_refs: Annotated[
        Items[PolicyTargetRef],
        Field(min_length=1, max_length=16),
        Expected("a list of 1 to 16 references"),
    ]
    """What the policy is for. The nearest wins: the route's, then the Upstream's, then the Gateway's."""
    attempts: Annotated[int, Field(ge=1, le=100), Expected("an integer from 1 to 100, as 3")] | None = None
    """Attempts in all; unset: 3, or one per priority where there are more. A plain backend (no `ai` Upstream) has one
    unless retryOn is written; Envoy's semantics then has 2, else one. `retries` of a RouteOption win."""
    retry_on: (
        Annotated[
            Items[Trigger],
            Field(min_length=1, max_length=64),
            Expected("a list of 1 to 64 triggers, as [rate-limited, server-error]"),
        ]
        | None
    ) = None
    """Triggers that decide alone: error classes and Envoy's tokens. Unset: every class worth another attempt."""
    retry_semantics: Literal["Failover", "Envoy"] | None = None
    """Failover gives every priority its turn; Envoy makes exactly Envoy's sequence of attempts, without
    firstTokenTimeout, answerTimeout and maxRetryAfterWait, and continues no stream. Unset: Failover."""
    cool_down: CoolDown | None = None
    retry_budget: RetryBudget | None = None
    max_retry_after_wait: Duration | None = None
    """The longest Retry-After that is waited for on the same target; 0s: always move on at once. Unset: 2s. None is
    waited for under `retries` of a RouteOption or `retry` of a rule."""
    max_request_body: Bytes | None = None
    """The largest request body, held for another attempt; a larger one is answered 413. Unset: 32Mi."""

    operations: Literal["Models", "All"] | None = None
    """What of a model's API may be asked for. Models: chat completions, completions, messages, responses, embeddings,
    images, audio, moderations, rerank and the list of models. All: also files, batches, fine-tuning, stored answers and
    whatever else the key opens, for every caller of the route. Unset: Models."""

    first_token_timeout: Duration | None = None
    """How long a stream may be silent before the next priority is started beside it, also where the request asks for
    reasoning. Unset: 10s, and 90s where it does or the model is known to think first."""
    answer_timeout: Duration | None = None
    """The same for an answer that is not a stream. Unset: 90s."""
    stream_idle_timeout: Duration | None = None
    """How long a stream may be without any sign of life once its content began. Unset: 15s, and 120s where no other
    target could go on with it."""
    stream_recovery: Literal["Continue", "Abort", "Holdback"] | None = None
    """What follows when a stream breaks after its first content. Unset: Continue."""
    tool_calls: Literal["Hold", "Stream"] | None = None
    """Hold: a tool call in a stream is handed on once all of it came, so that one which is cut was never seen and the
    next target is asked. Stream: it is handed on as it comes, as it always is under `streamRecovery: Abort` and
    `retrySemantics: Envoy`. Unset: Hold."""
    holdback: Holdback | None = None
    """How much is held back under `streamRecovery: Holdback`."""


class FailoverPolicy(Resource, OpenPart):
    """How requests to an HTTPRoute, a Gateway or an Upstream move on when a model fails."""

    GROUP = "switchover.dev"
    VERSIONS = ("v1alpha1",)
    KIND = "FailoverPolicy"
    PLURAL = "failoverpolicies"

    spec: FailoverPolicySpec
