"""How long an attempt may take, and how much of a stream is part of it."""

from typing import Final, Literal, NamedTuple

from switchover_dataplane.streams import held_calls
from switchover_dataplane.table.policies import Holdback, Policy


class HeldBack(NamedTuple):
    """How much of a stream is part of its attempt beside the first content.

    `first` is the first content of all (FailoverPolicy `holdback`). Tool calls are held back unless `call_silence` is
    None: the seconds that a target may be silent in one, 0 for no limit.
    """

    first: Holdback | None = None
    call_silence: float | None = None


HeadLimit = Literal["perTryTimeout", "timeout"]
"""The field that limits how long the head of an answer is waited for."""

NOT_HELD: Final = HeldBack()


class Limits:
    """How long the attempt may take, in seconds, None for no limit.

    `headers` runs until the head of the answer (Gloo `retries.perTryTimeout`), `remaining` is what is left of the
    request's own deadline and covers everything; `head` is the one that ends first while the head is waited for, and
    its name. `holdback` is how much of a stream is part of the attempt. `in_a_form` demands the form of its API of an
    answer, which Envoy does not.
    """

    __slots__ = ("head", "headers", "holdback", "in_a_form", "remaining")

    def __init__(
        self,
        headers: float | None = None,
        remaining: float | None = None,
        holdback: HeldBack = NOT_HELD,
        in_a_form: bool = True,
    ) -> None:
        self.headers = headers
        self.remaining = remaining
        self.holdback = holdback
        self.in_a_form = in_a_form
        ends_first = headers is None or (remaining is not None and remaining <= headers)
        self.head: tuple[float | None, HeadLimit] = (remaining, "timeout") if ends_first else (headers, "perTryTimeout")

    def within(self, remaining: float) -> "Limits":
        """Return the same limits with so many seconds left of the request's deadline."""
        return Limits(self.headers, remaining, self.holdback, self.in_a_form)


def limits_of(policy: Policy) -> Limits:
    """Return the limits of each attempt under a policy, but for the request's deadline."""
    held = HeldBack(
        policy.holdback if policy.stream_recovery == "Holdback" else None,
        policy.lone_stream_idle_timeout if held_calls.are_held(policy) else None,
    )
    return Limits(policy.per_try_timeout or None, None, held, policy.demands_form)
