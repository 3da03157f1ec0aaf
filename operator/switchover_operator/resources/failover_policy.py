"""FailoverPolicy (`switchover.dev/v1alpha1`): the settings of failover that RouteOption has no fields for."""

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
"""The kinds that a FailoverPolicy attaches to, as (group, kind)."""


class PolicyTargetRef(OpenPart):
    """An HTTPRoute, a Gateway or an Upstream in the namespace of the policy."""

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
            "must not be set: a FailoverPolicy applies to a whole object",
            lambda part: part.section_name is None,
            "!has(self.sectionName)",
        ),
        Rule(
            "namespace",
            "must not be set: a FailoverPolicy applies to objects of its own namespace",
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
    """Not allowed: the target is in the policy's own namespace."""
    section_name: Annotated[str, Field(max_length=253)] | None = None
    """Not allowed: the target is a whole object."""


class CoolDown(OpenPart):
    """How long a failing target gets no requests."""

    RULES = (
        Rule(
            "max",
            "must be at least base",
            lambda part: None in (part.base, part.max) or part.max >= part.base,
            "!has(self.max) || !has(self.base) || duration(self.max) >= duration(self.base)",
        ),
    )

    after: Annotated[int, Field(ge=1, le=1000), Expected("an integer from 1 to 1000, as 3")] | None = None
    """Number of consecutive failures after which a target cools down. Default: 3."""
    base: Duration | None = None
    """Length of the first cool-down; each further one is twice as long. 0s switches cool-down off. Default: 10s, or
    `max` if that is shorter."""
    max: Duration | None = None
    """Length of the longest cool-down. Default: 30s."""


class RetryBudget(OpenPart):
    """Limit of the repeats on the same priority that may be in flight at the same time."""

    percent: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100, as 20")] | None = None
    """Limit as a share of the upstream's requests in flight, in percent. Default: 20."""
    minimum: Annotated[int, Field(ge=0, le=1_000_000), Expected("an integer from 0 to 1000000, as 10")] | None = None
    """Number of repeats that are always allowed. Default: 10."""


class Holdback(OpenPart):
    """The first part of a stream, which is held back so that a failure in it stays invisible to the client."""

    tokens: Annotated[int, Field(ge=0, le=100_000), Expected("an integer from 0 to 100000, as 20")] | None = None
    """Number of tokens that are held back. Default: 20."""
    time: Duration | None = None
    """Longest time for which they are held back. Default: 500ms."""


class DisabledModel(OpenPart):
    """A model that gets no requests, and the reason."""

    model: Annotated[str, Field(min_length=1, max_length=512), Expected("the name of a model, as openai/gpt-4o")]
    """Name of the model, as the log has it: PROVIDER/MODEL (`openai/gpt-4o`), or MODEL alone. The provider is `openai`,
    `azure-openai` (whose model is the deployment), `mistral`, `anthropic`, `gemini`, `vertex` or `bedrock`. A target
    without a model has the name NAMESPACE/UPSTREAM/PRIORITY/INDEX."""
    reason: Annotated[str, Field(min_length=1, max_length=256), Expected("a text of 1 to 256 characters")]
    """Why, for `switchover check`, statuses, log lines and `/v1/health`. Clients do not see it."""


class FailoverPolicySpec(OpenPart):
    """The targets of the policy, and the settings of failover for their requests."""

    RULES = (
        Rule(
            "holdback",
            "needs streamRecovery: Holdback as well",
            lambda part: part.holdback is None or part.stream_recovery == "Holdback",
            "!has(self.holdback) || (has(self.streamRecovery) && self.streamRecovery == 'Holdback')",
        ),
    )

    target_refs: Annotated[
        Items[PolicyTargetRef],
        Field(min_length=1, max_length=16),
        Expected("a list of 1 to 16 references"),
    ]
    """The objects that the policy applies to. A policy of the route wins over one of the Upstream, and that over one of
    the Gateway."""
    attempts: Annotated[int, Field(ge=1, le=100), Expected("an integer from 1 to 100, as 3")] | None = None
    """Total number of attempts. Default: 3, or one per priority if there are more than 3. For a backend that is not an
    `ai` Upstream the default is 1, or 3 if `retryOn` is set. Under `retrySemantics: Envoy` the default is 1, or 2 if
    `retryOn` is set. `retries` of a RouteOption override this."""
    retry_on: (
        Annotated[
            Items[Trigger],
            Field(min_length=1, max_length=64),
            Expected("a list of 1 to 64 triggers, as [rate-limited, server-error]"),
        ]
        | None
    ) = None
    """The failures after which another attempt is made: error classes and Envoy's tokens. Default: every error class
    that another attempt may solve."""
    retry_semantics: Literal["Failover", "Envoy"] | None = None
    """Failover: every priority gets its turn. Envoy: the sequence of attempts is exactly Envoy's; `firstTokenTimeout`,
    `answerTimeout` and `maxRetryAfterWait` have no effect, and a broken stream is not continued. Default: Failover."""
    cool_down: CoolDown | None = None
    retry_budget: RetryBudget | None = None
    max_retry_after_wait: Duration | None = None
    """Longest Retry-After after which the same target is tried again; after a longer one the next target is tried at
    once. 0s: never wait. Default: 2s. No Retry-After is waited for if a RouteOption has `retries` or the rule has
    `retry`."""
    max_request_body: Bytes | None = None
    """Largest request body, which is kept for further attempts. A request with a larger one is answered 413. Default:
    32Mi."""

    disabled_models: Annotated[Items[DisabledModel], Field(max_length=64), Expected("a list of up to 64 models")] = ()
    """Models that get no new requests, as in a drain; requests in flight end. Each target of this name is passed by at
    all Upstreams that the policy applies to. To disable a whole Upstream, set the annotation `switchover.dev/disabled`
    on it, with the reason as its value."""

    operations: Literal["Models", "All"] | None = None
    """The operations of a model's API that are allowed. Models: chat completions, completions, messages, responses,
    embeddings, images, audio, moderations, rerank and the list of models. All: also files, batches, fine-tuning, stored
    answers and everything else that the provider's key allows, for every caller of the route. Default: Models."""

    on_loss: Literal["PassBy", "Allow"] | None = None
    """What happens at a target with another API than the client's, if that API cannot carry a part of the request which
    may change the answer. PassBy: the target is left out for this request. Allow: the request goes there without that
    part. Default: PassBy."""

    first_token_timeout: Duration | None = None
    """How long a stream may bring no token before an attempt at the next priority starts in parallel. Default: 10s, and
    90s if the request asks for reasoning or the model is known to reason first; a value that is set applies to both."""
    answer_timeout: Duration | None = None
    """The same limit for an answer that is not a stream. Default: 90s."""
    stream_idle_timeout: Duration | None = None
    """How long a stream may be silent after its first content. Default: 15s, at Azure OpenAI
    30s, and 120s if no other target could continue the stream."""
    stream_recovery: Literal["Continue", "Abort", "Holdback"] | None = None
    """What happens when a stream breaks after its first content. Continue: another target continues the text. Abort:
    the stream ends with an error. Holdback: as Abort, but the first part is held back and can be repeated. Default:
    Continue."""
    tool_calls: Literal["Hold", "Stream"] | None = None
    """Hold: a tool call in a stream is sent to the client only when it is complete. If it is cut off, the client has
    seen none of it, and the next target is tried. Stream: a tool call is sent as it arrives. Under `streamRecovery:
    Abort` and `retrySemantics: Envoy` this is always so. Default: Hold."""
    holdback: Holdback | None = None
    """The part that is held back under `streamRecovery: Holdback`."""


class FailoverPolicy(Resource, OpenPart):
    """Settings of failover for the requests to an HTTPRoute, a Gateway or an Upstream."""

    GROUP = "switchover.dev"
    VERSIONS = ("v1alpha1",)
    KIND = "FailoverPolicy"
    PLURAL = "failoverpolicies"

    spec: FailoverPolicySpec
