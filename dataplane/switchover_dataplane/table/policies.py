"""How hard it is tried: attempts, waits, limits, and what happens to a stream that is cut."""

from typing import Annotated, Final, Literal

import msgspec

from switchover_dataplane.table.error_classes import AI_TRIGGERS, ErrorClass
from switchover_dataplane.table.fields import Frozen, Natural, Positive, Seconds

DEFAULT_ATTEMPTS: Final = 3
USUAL_REQUEST_BODY: Final = 32 * 1024 * 1024
"""Attempts of a request where no number is written; more where an AI upstream has more priorities."""


class BackOff(Frozen, frozen=True):
    """The wait before the k-th repeat is uniform in 0 .. min(base * 2**(k-1), max)."""

    base: Seconds = 0.025
    max: Seconds = 0.25


class ResetHeader(Frozen, frozen=True):
    """Gloo `rateLimitedRetryBackOff.resetHeaders[]`; `name` is lower case."""

    name: str
    format: Literal["SECONDS", "UNIX_TIMESTAMP"] = "SECONDS"


class RateLimitedBackOff(Frozen, frozen=True):
    """Gloo `rateLimitedRetryBackOff`: headers in order; longer waits than `max` are ignored."""

    headers: tuple[ResetHeader, ...]
    max: Seconds = 300.0


class CoolDown(Frozen, frozen=True):
    """FailoverPolicy `coolDown`, Gloo `outlierDetection`: out for `base` seconds after `after` failures in a row.

    `base` 0 switches cool-down off. Each next one of several in a row is longer, up to `max`: twice as long, or longer
    by `base` (`growth`), in whole intervals of `interval` seconds where it is not 0. `max_ejection_percent` limits
    how many of an upstream's targets cool down at once for a computed time: at least one may, and one always stays in
    use. With `server_errors_only` no rate limit is counted; a wait that a target asks for holds in any case. With
    `plain_5xx` a 5xx of a plain HTTP server is counted, too.
    """

    after: Positive = 3
    base: Seconds = 10.0
    max: Seconds = 30.0
    growth: Literal["double", "multiple"] = "double"
    interval: Seconds = 0.0
    max_ejection_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100.0
    server_errors_only: bool = False
    plain_5xx: bool = False


class RetryBudget(Frozen, frozen=True):
    """FailoverPolicy `retryBudget`: repeats in flight per upstream, as a share of its requests in flight."""

    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 20.0
    minimum: Natural = 10


class Holdback(Frozen, frozen=True):
    """FailoverPolicy `streamRecovery: Holdback`: the first content that is held back, in tokens or seconds."""

    tokens: Natural = 20
    time: Seconds = 0.5


class EveryPriority(Frozen, frozen=True, tag_field="kind", tag="every-priority"):
    """Every priority gets its turn, in order; what is left of the attempts is for repeats after `BRIEF` failures.

    With `repeats_any` a target is also repeated after any other failure that is a trigger, however long it took.
    """

    repeats_any: bool = False


class Counted(Frozen, frozen=True, tag_field="kind", tag="counted"):
    """Every priority gets `per_priority` attempts in a row, in order, and none gets a second turn."""

    per_priority: Positive


class EnvoyOrder(Frozen, frozen=True, tag_field="kind", tag="envoy"):
    """Attempt i (from 0) goes to the (i div `update_frequency`) mod P-th of P priorities; None: always to the first.

    Source: Envoy, "previous_priorities" retry priority. A target gets no attempt that no trigger asks for.
    """

    update_frequency: Positive | None = None


Order = EveryPriority | Counted | EnvoyOrder


class Disabled(Frozen, frozen=True):
    """FailoverPolicy `disabledModels`: a target, by its id, that gets no requests, and why."""

    target: str
    reason: str


class Classes(Frozen, frozen=True, tag_field="kind", tag="classes"):
    """Error classes after which another attempt follows.

    After one of `of_fallback`, another target follows only if a fallback failed like this, not the first target.
    """

    classes: tuple[ErrorClass, ...] = AI_TRIGGERS
    of_fallback: tuple[ErrorClass, ...] = (ErrorClass.CALLER_FAULT,)


class Tokens(Frozen, frozen=True, tag_field="kind", tag="tokens"):
    """Written triggers: error classes and `ENVOY_TRIGGERS`, as written; `status_codes` are `retriableStatusCodes`."""

    tokens: tuple[str, ...] = ()
    status_codes: tuple[int, ...] = ()


Triggers = Classes | Tokens

EVERY_PRIORITY: Final = EveryPriority()
DEFAULT_TRIGGERS: Final = Classes()


class Policy(Frozen, frozen=True):
    """How a request is attempted at one upstream. The compiler answers every question once, in one field.

    The default is that of an AI upstream with up to three priorities and more than one target. A limit of 0 seconds is
    none.

    attempts: all attempts of a request, the first included. Without `counts_unsent`, an attempt that sent nothing is
        not counted.
    brief_wait: the longest Retry-After that is waited for, once a request, before the same target is tried again; 0:
        none is. With `brief_wait_is_extra` the attempt behind it does not count.
    max_retry_after_wait: a target that asks for a longer wait is not tried again by the same request.
    hedges: another target is started beside one that is silent for longer than `first_token_timeout` (of a stream),
        `first_token_timeout_reasoning` (the same, after reasoning) or `answer_timeout` (of any other answer).
    demands_form: a success must have the form of its API, else the attempt failed.
    hands_on_unchanged: a failure that is no trigger is handed on as the target sent it, an error in a success too.
    last_answer_is_final: the last answer is handed on, even where an earlier one tells more.
    deadline_is_final: at the deadline the answer is 504 whatever came before, and not earlier.
    holds_body: a body of any size up to `max_request_body` is read whole, so that it can be sent again.
    lone_stream_idle_timeout: takes the place of `stream_idle_timeout` where no target could continue a cut stream.
    operations: what of a model's API may be asked for (`operations.py`).
    on_loss: whether a target is passed by whose API cannot carry what may change the answer (`translation/losses.py`).
    disabled: targets that get no requests under this policy (`disabled.py`).
    """

    attempts: Positive = DEFAULT_ATTEMPTS
    order: Order = EVERY_PRIORITY
    triggers: Triggers = DEFAULT_TRIGGERS
    counts_unsent: bool = True
    brief_wait: Seconds = 2.0
    brief_wait_is_extra: bool = True
    max_retry_after_wait: Seconds = 2.0
    per_try_timeout: Seconds = 0.0
    back_off: BackOff = BackOff()
    rate_limited_back_off: RateLimitedBackOff | None = None
    timeout: Seconds = 0.0
    deadline_is_final: bool = False
    cool_down: CoolDown = CoolDown()
    retry_budget: RetryBudget = RetryBudget()
    hedges: bool = True
    first_token_timeout: Seconds = 10.0
    first_token_timeout_reasoning: Seconds = 90.0
    answer_timeout: Seconds = 90.0
    demands_form: bool = True
    hands_on_unchanged: bool = False
    last_answer_is_final: bool = False
    holds_body: bool = True
    max_request_body: Natural = USUAL_REQUEST_BODY
    stream_idle_timeout: Seconds = 15.0
    lone_stream_idle_timeout: Seconds = 120.0
    stream_recovery: Literal["Continue", "Abort", "Holdback"] = "Continue"
    tool_calls: Literal["Hold", "Stream"] = "Hold"
    holdback: Holdback = Holdback()
    operations: Literal["Models", "All"] = "Models"
    on_loss: Literal["PassBy", "Allow"] = "PassBy"
    disabled: tuple[Disabled, ...] = ()
