"""`options.retries` of a RouteOption: when, how often and how soon a failed request is tried again.

Gloo's words with Envoy's meaning (Gloo `RetryPolicy`, Envoy "HTTP retry policy").
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .duration import GlooDuration
from .model import Expected, Items, OpenPart, Rule, Uint32, gloo_enum
from .reference import Name


class RetryBackOff(OpenPart):
    """The wait before a repeat on the same priority."""

    RULES = (
        Rule(
            "baseInterval",
            "must be at least 1 millisecond",
            lambda part: part.base_interval is None or part.base_interval >= 0.001,
            "!has(self.baseInterval) || duration(self.baseInterval) >= duration('1ms')",
        ),
        Rule(
            "maxInterval",
            "needs baseInterval beside it",
            lambda part: part.max_interval is None or part.base_interval is not None,
            "!has(self.maxInterval) || has(self.baseInterval)",
        ),
        Rule(
            "maxInterval",
            "must be at least baseInterval",
            lambda part: None in (part.max_interval, part.base_interval) or part.max_interval >= part.base_interval,
            "!has(self.maxInterval) || !has(self.baseInterval)"
            " || duration(self.maxInterval) >= duration(self.baseInterval)",
        ),
    )

    base_interval: GlooDuration | None = None
    """The first wait is random, up to this; each further one up to twice as long. Unset: 25ms."""
    max_interval: GlooDuration | None = None
    """The longest wait; unset: ten times `baseInterval`."""


class PreviousPriorities(OpenPart):
    """Walk the priorities as attempts fail."""

    update_frequency: (
        Annotated[
            int,
            Field(ge=1, le=2**32 - 1),
            Expected("an integer of at least 1, as 1 (the attempts made on a priority before the next; 0 is none)"),
        ]
        | None
    ) = None
    """Attempts on a priority before the next one; unset: 1."""


class ResetHeaderFormat(StrEnum):
    """How a header says when a rate limit ends."""

    SECONDS = "SECONDS"
    UNIX_TIMESTAMP = "UNIX_TIMESTAMP"


class ResetHeader(OpenPart):
    """A header of an answer that says when a rate limit ends."""

    name: Name
    """The header's name."""
    format: Annotated[ResetHeaderFormat, gloo_enum(ResetHeaderFormat)] = ResetHeaderFormat.SECONDS
    """SECONDS from now, or a UNIX_TIMESTAMP."""


class RateLimitedRetryBackOff(OpenPart):
    """Wait as long as the answer says."""

    reset_headers: Annotated[Items[ResetHeader], Field(min_length=1), Expected("a list of at least one header")]
    """Headers, tried in order."""
    max_interval: Annotated[GlooDuration, Field(gt=0), Expected('a duration of more than 0s, as "300s"')] | None = None
    """A longer wait is ignored; unset: 300s."""


class Retries(OpenPart):
    """When and how often a failed request is tried again."""

    retry_on: str = ""
    """Triggers, separated by commas: Envoy's tokens and Switchover's error classes."""
    num_retries: Uint32 | None = None
    """Attempts after the first; unset: 1."""
    retriable_status_codes: Items[
        Annotated[int, Field(ge=100, le=599), Expected("a status from 100 to 599, as 429")]
    ] = ()
    """Statuses that the trigger `retriable-status-codes` stands for."""
    per_try_timeout: GlooDuration | None = None
    """How long one attempt may take until its response headers; unset: no limit."""
    retry_back_off: RetryBackOff | None = None
    previous_priorities: PreviousPriorities | None = None
    rate_limited_retry_back_off: RateLimitedRetryBackOff | None = None
