"""How long an attempt may take, and how much of a stream is part of it."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from switchover_dataplane.streams import held_calls
from switchover_dataplane.table.policies import Holdback, Policy


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How much of a stream is part of its attempt beside the first content.

    `first` is the first content of all (FailoverPolicy `holdback`). Tool calls are held back unless `call_silence` is
    None: the seconds that a target may be silent in one, 0 for no limit.
    """

    first: Holdback | None = None
    call_silence: float | None = None


NOT_HELD: Final = HeldBack()


class Limits(NamedTuple):
    """How long the attempt may take, in seconds, None for no limit.

    `headers` runs until the head of the answer (Gloo `retries.perTryTimeout`), `remaining` is what is left of the
    request's own deadline and covers everything. `holdback` is how much of a stream is part of the attempt.
    `in_a_form` demands the form of its API of an answer, which Envoy does not.
    """

    headers: float | None = None
    remaining: float | None = None
    holdback: HeldBack = NOT_HELD
    in_a_form: bool = True

    @property
    def head(self) -> tuple[float | None, Literal["perTryTimeout", "timeout"]]:
        """The limit that counts until the head has come, and its name."""
        if self.headers is None or (self.remaining is not None and self.remaining <= self.headers):
            return self.remaining, "timeout"
        return self.headers, "perTryTimeout"


def limits_of(policy: Policy) -> Limits:
    """Return the limits of each attempt under a policy, but for the request's deadline."""
    held = HeldBack(
        policy.holdback if policy.stream_recovery == "Holdback" else None,
        policy.lone_stream_idle_timeout if held_calls.are_held(policy) else None,
    )
    return Limits(policy.per_try_timeout or None, None, held, policy.demands_form)
