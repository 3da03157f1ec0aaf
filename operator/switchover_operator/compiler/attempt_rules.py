"""What is written about attempts → the fields of a `Policy` that say what to do.

Who has the say is decided in `policies.py`. Here what was written, the kind of the upstream and the number of its
targets become one answer to each question that the data plane, the worst case and `switchover check` ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from switchover_dataplane.table.policies import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TRIGGERS,
    EVERY_PRIORITY,
    Classes,
    Counted,
    EnvoyOrder,
    EveryPriority,
    Order,
    Policy,
    Tokens,
    Triggers,
)

DEFAULT_RETRIES: Final = 1
"""Gloo's `numRetries` and Gateway API's `retry.attempts` where a written policy leaves them out."""

_OF_A_PLAIN_SERVER: Final = Classes(of_fallback=())
_IN_ENVOYS_ORDER: Final = EnvoyOrder()
_REPEATS_ANY: Final = EveryPriority(repeats_any=True)


@dataclass(frozen=True, slots=True)
class Written:
    """What is written about attempts; None where nothing is.

    attempts: how many, the first included.
    tokens: triggers, which then decide alone.
    status_codes: Gloo's `retriableStatusCodes`, Gateway API's `codes`.
    update_frequency: of Gloo's `previousPriorities`.
    retry_block: `retries` of a RouteOption or `retry` of a rule: every attempt counts and no Retry-After is waited for.
    semantics: `retrySemantics` of a FailoverPolicy.
    """

    attempts: int | None = None
    tokens: tuple[str, ...] | None = None
    status_codes: tuple[int, ...] = ()
    update_frequency: int | None = None
    retry_block: bool = False
    semantics: Literal["Failover", "Envoy"] = "Failover"

    @property
    def is_envoy(self) -> bool:
        """Whether Envoy's own rules hold."""
        return self.semantics == "Envoy"


NOTHING: Final = Written()


def resolved(written: Written, base: Policy, *, ai: bool, pools: Sequence[int]) -> Policy:
    """Fill in all of a policy that follows from what is written.

    Args:
        written: what somebody wrote about attempts.
        base: what else is written: waits, limits, streams, cool-down.
        ai: whether requests are LLM requests.
        pools: how many targets each priority has.
    """
    envoy, pools = written.is_envoy, [size for size in pools if size]
    counts_all = ai or envoy or written.retry_block or _is_numbered(written, ai=ai)
    waits = not envoy and not written.retry_block
    recovery = "Abort" if envoy and base.stream_recovery == "Continue" else base.stream_recovery
    triggers = _triggers(written, ai=ai)
    attempts = _attempts(written, ai=ai, priorities=len(pools))
    return msgspec.structs.replace(
        base,
        attempts=attempts,
        order=_order(written, attempts, priorities=len(pools)),
        triggers=triggers,
        counts_unsent=counts_all,
        brief_wait=base.max_retry_after_wait if waits else 0.0,
        brief_wait_is_extra=waits and ai and not _is_numbered(written, ai=ai),
        hedges=ai and not envoy and sum(pools) > 1,
        demands_form=not envoy,
        hands_on_unchanged=isinstance(triggers, Tokens),
        last_answer_is_final=envoy,
        deadline_is_final=envoy,
        holds_body=ai or written.retry_block,
        stream_recovery=recovery,
        tool_calls="Stream" if envoy or recovery == "Abort" else base.tool_calls,
    )


def _is_numbered(written: Written, *, ai: bool) -> bool:
    """Tell whether the number of attempts is written, or follows from triggers that are."""
    return written.attempts is not None or (written.tokens is not None and (written.is_envoy or not ai))


def _attempts(written: Written, *, ai: bool, priorities: int) -> int:
    if written.is_envoy and not written.tokens:
        return 1
    if written.attempts is not None:
        return written.attempts
    if written.is_envoy:
        return DEFAULT_RETRIES + 1
    if ai:
        return max(DEFAULT_ATTEMPTS, priorities)
    # Who names triggers of a plain backend wants more than one attempt.
    return 1 if written.tokens is None else DEFAULT_ATTEMPTS


def _order(written: Written, attempts: int, *, priorities: int) -> Order:
    frequency = written.update_frequency
    if written.is_envoy:
        return EnvoyOrder(frequency) if frequency else _IN_ENVOYS_ORDER
    if frequency:
        # With nowhere to move on to, every attempt is one of this priority.
        return Counted(frequency if priorities > 1 else attempts)
    return _REPEATS_ANY if written.retry_block and priorities == 1 else EVERY_PRIORITY


def _triggers(written: Written, *, ai: bool) -> Triggers:
    if written.tokens is not None or written.is_envoy:
        return Tokens(written.tokens or (), written.status_codes)
    return DEFAULT_TRIGGERS if ai else _OF_A_PLAIN_SERVER
