"""`options.retries` of a RouteOption: when, how often and how soon a failed request is tried again.

The fields are Gloo's, the semantics Envoy's (Gloo `RetryPolicy`, Envoy "HTTP retry policy").
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
            "needs baseInterval as well",
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
    """Upper bound of the first wait, which is random; the bound doubles for each further wait. Default: 25ms."""
    max_interval: GlooDuration | None = None
    """Upper bound of every wait. Default: ten times `baseInterval`."""


class PreviousPriorities(OpenPart):
    """Move to the next priority when attempts fail."""

    update_frequency: (
        Annotated[
            int,
            Field(ge=1, le=2**32 - 1),
            Expected("an integer of at least 1, as 1 (the attempts made on a priority before the next; 0 is none)"),
        ]
        | None
    ) = None
    """Number of attempts on a priority before the next one. Default: 1."""


class ResetHeaderFormat(StrEnum):
    """The form of a header that gives the end of a rate limit."""

    SECONDS = "SECONDS"
    UNIX_TIMESTAMP = "UNIX_TIMESTAMP"


class ResetHeader(OpenPart):
    """A response header that gives the end of a rate limit."""

    name: Name
    """Name of the header."""
    format: Annotated[ResetHeaderFormat, gloo_enum(ResetHeaderFormat)] = ResetHeaderFormat.SECONDS
    """Form of the value: SECONDS from now, or a UNIX_TIMESTAMP."""


class RateLimitedRetryBackOff(OpenPart):
    """Wait until the rate limit ends, as response headers give it."""

    reset_headers: Annotated[Items[ResetHeader], Field(min_length=1), Expected("a list of at least one header")]
    """Headers to look for, in this order."""
    max_interval: Annotated[GlooDuration, Field(gt=0), Expected('a duration of more than 0s, as "300s"')] | None = None
    """A header that asks for a longer wait is ignored. Default: 300s."""


class Retries(OpenPart):
    """When and how often a failed request is tried again."""

    retry_on: str = ""
    """Triggers, separated by commas: Envoy's tokens and Switchover's error classes."""
    num_retries: Uint32 | None = None
    """Number of attempts after the first one. Default: 1."""
    retriable_status_codes: Items[
        Annotated[int, Field(ge=100, le=599), Expected("a status from 100 to 599, as 429")]
    ] = ()
    """Statuses that the trigger `retriable-status-codes` applies to."""
    per_try_timeout: GlooDuration | None = None
    """Time limit for one attempt, until its response headers arrive. Default: no limit."""
    retry_back_off: RetryBackOff | None = None
    previous_priorities: PreviousPriorities | None = None
    rate_limited_retry_back_off: RateLimitedRetryBackOff | None = None
