"""What targets answered lately → which of them are left alone for now.

One failing target must not cost every request a try. A target that fails cools down: requests skip it until its time
is over, then a single one probes it while the others still pass it by. State is kept per target and effective model,
as a rate limit on one model says nothing of another, and per credential where the key itself is refused.

The clock is handed in, as seconds of any monotonic clock; who is tried in the end is decided by `failover.py`.
"""

import math
from collections.abc import Iterator, Set
from dataclasses import dataclass

from switchover_dataplane.outcome import ClientGone, Committed, ErrorClass, Outcome, Refused, TimedOut
from switchover_dataplane.table import CoolDown, Http, Mistral, OpenAI, Table, Target, Upstream
from switchover_dataplane.triggers import FINAL, error_class

LONGEST_EXPLICIT = 300.0
"""A wait that a target asks for is believed up to here (seconds): a mistaken hour must not take a model away."""

PROBE_PATIENCE = 10.0
"""A probe that did not come back after so many seconds no longer keeps the next one away."""

CAPACITY = 2_000
"""So many entries are kept at most: names of models come from callers."""

_LONGEST_MODEL_NAME = 256
_NEUTRAL = FINAL | {ErrorClass.CONTEXT_LENGTH}
_OF_A_CALLERS_KEY = frozenset({ErrorClass.CREDENTIALS, ErrorClass.QUOTA_EXHAUSTED, ErrorClass.RATE_LIMITED})
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class State:
    """One target and model, or one credential, that failed since its last success. Times are of the clock handed in.

    `cooled` counts the guessed cool-downs in a row, each of which doubles the next. `until` is 0 before the first.
    """

    error_class: ErrorClass
    failures: int = 0
    cooled: int = 0
    until: float = 0.0
    probed_at: float = -math.inf

    def is_cooling(self, now: float) -> bool:
        """Tell whether requests pass this by: its time is not over, or a probe is on its way."""
        return now < self.until or (self.until > 0 and now < self.probed_at + PROBE_PATIENCE)

    def cool(self, until: float) -> None:
        """Leave this alone until then; a longer wait that is already known stays."""
        self.until = max(self.until, until)


Place = tuple[str, int]
"""Host and port: a target that moved elsewhere starts afresh."""

Key = tuple[str, Place, str]
"""Target id, where it is, and the effective model where the target itself names none."""


LastGood = tuple[int, str]
"""The priority that gave an upstream's last good answer, and the model that was asked for."""


class Health:
    """The targets and credentials that failed lately. What never failed, or was forgotten, is healthy.

    `last_good` is by upstream; whoever gets a good answer writes it there.
    """

    __slots__ = ("_credentials", "_ids", "_targets", "last_good")

    def __init__(self) -> None:
        self.last_good: dict[str, LastGood] = {}
        self._targets: dict[Key, State] = {}
        self._credentials: dict[str, State] = {}
        self._ids: dict[str, int] = {}

    def cooling(self, upstream: Upstream, cool_down: CoolDown, model: str, now: float) -> Set[str]:
        """Return the ids of the upstream's targets that are to be skipped right now.

        Args:
            upstream: its targets are looked at.
            cool_down: nothing cools where its base is 0.
            model: the model that the request asks for.
            now: seconds of the monotonic clock.
        """
        if not cool_down.base or not (self._targets or self._credentials):
            return _NOTHING
        return {target.id for pool in upstream.priorities for target in pool if self.is_cooling(target, model, now)}

    def is_cooling(self, target: Target, model: str, now: float) -> bool:
        """Tell whether requests for this model pass the target by right now."""
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return False
        return any(state.is_cooling(now) for state in self._states(target, model))

    def started(self, target: Target, model: str, now: float) -> None:
        """Note that an attempt begins: on a target whose cool-down is over it is the probe, alone for a while."""
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return
        for state in self._states(target, model):
            if 0 < state.until <= now:
                state.probed_at = now

    def record(self, target: Target, model: str, outcome: Outcome, cool_down: CoolDown, now: float) -> None:
        """Learn from what an attempt became; it cost nothing where nothing failed lately."""
        if not cool_down.base:
            return
        if isinstance(outcome, Committed) or _is_plain_answer(target, outcome):
            self._forget(target, model)
        elif _tells_nothing(target, outcome):
            self._end_probe(target, model)
        else:
            self._fail(target, model, outcome, cool_down, now)

    def earliest_return(self, upstream: Upstream, model: str, now: float) -> float | None:
        """Return in how many seconds the first of the upstream's cooling targets is tried again, None if none cools.

        It is what an answer's `Retry-After` says. A refused key has no known return.
        """
        waits = [
            max((state.until - now for state in self._states(target, model)), default=0.0)
            for pool in upstream.priorities
            for target in pool
        ]
        return min((wait for wait in waits if 0 < wait < math.inf), default=None)

    def adopt(self, previous: Table, table: Table) -> None:
        """Carry on under a new table.

        Targets that are gone or moved are forgotten, credentials whose value changed, and who answered last where an
        upstream changed, as its priorities may mean others now.
        """
        places = {
            (target.id, (target.host, target.port))
            for upstream in table.upstreams.values()
            for pool in upstream.priorities
            for target in pool
            if target.id in self._ids
        }
        for key in [key for key in self._targets if key[:2] not in places]:
            self._remove(key)
        for name in list(self.last_good):
            if name not in table.upstreams or previous.upstreams.get(name) != table.upstreams[name]:
                del self.last_good[name]
        for name in list(self._credentials):
            if previous.secrets.get(name) != table.secrets.get(name):
                del self._credentials[name]

    def dump(self, now: float) -> list[dict[str, str | int | float | None]]:
        """Return everything that failed lately as plain data for `/v1/health`; credentials are named, never shown."""
        targets = [
            {"target": name, "address": f"{host}:{port}", "model": model, **_told(state, now)}
            for (name, (host, port), model), state in self._targets.items()
        ]
        return targets + [{"credential": name, **_told(state, now)} for name, state in self._credentials.items()]

    def _states(self, target: Target, model: str) -> Iterator[State]:
        state = self._targets.get(_key(target, model))
        if state is not None:
            yield state
        state = self._credentials.get(target.auth.secret)
        if state is not None:
            yield state

    def _forget(self, target: Target, model: str) -> None:
        if target.id in self._ids and _key(target, model) in self._targets:
            self._remove(_key(target, model))
        self._credentials.pop(target.auth.secret, None)

    def _remove(self, key: Key) -> None:
        del self._targets[key]
        self._ids[key[0]] -= 1
        if not self._ids[key[0]]:
            del self._ids[key[0]]

    def _end_probe(self, target: Target, model: str) -> None:
        for state in self._states(target, model):
            state.probed_at = -math.inf

    def _fail(self, target: Target, model: str, outcome: Outcome, cool_down: CoolDown, now: float) -> None:
        reason = error_class(outcome) or ErrorClass.SERVER_ERROR
        of_key = bool(target.auth.secret) and _is_about_the_key(outcome, reason)
        if of_key:
            state = self._credentials.setdefault(target.auth.secret, State(reason))
        else:
            state = self._of_target(target, model, reason)
        state.error_class = reason
        state.failures += 1
        state.probed_at = -math.inf
        _cool(state, outcome, cool_down, now, of_key=of_key)

    def _of_target(self, target: Target, model: str, reason: ErrorClass) -> State:
        key = _key(target, model)
        state = self._targets.get(key)
        if state is None:
            if len(self._targets) >= CAPACITY:
                self._remove(next(iter(self._targets)))
            state = self._targets[key] = State(reason)
            self._ids[target.id] = self._ids.get(target.id, 0) + 1
        return state


def _key(target: Target, model: str) -> Key:
    named = isinstance(target.provider, OpenAI | Mistral) and not target.provider.model
    return target.id, (target.host, target.port), model[:_LONGEST_MODEL_NAME] if named else ""


def _is_plain_answer(target: Target, outcome: Outcome) -> bool:
    """A plain backend that answers is alive: its statuses are for the caller, who may well be the reason of them."""
    return isinstance(target.provider, Http) and isinstance(outcome, Refused)


def _tells_nothing(target: Target, outcome: Outcome) -> bool:
    """Tell whether the outcome is about the caller: their request, their own key, their patience."""
    if isinstance(outcome, ClientGone) or (isinstance(outcome, TimedOut) and outcome.limit == "timeout"):
        return True
    reason = error_class(outcome)
    return reason in _NEUTRAL or (target.auth.kind == "passthrough" and reason in _OF_A_CALLERS_KEY)


def _is_about_the_key(outcome: Outcome, reason: ErrorClass) -> bool:
    """Tell whether every target with this key would fail alike. A 403 is not: the key is good, but not for this."""
    if reason is ErrorClass.CREDENTIALS:
        return isinstance(outcome, Refused) and outcome.status != 403
    return reason is ErrorClass.QUOTA_EXHAUSTED


def _cool(state: State, outcome: Outcome, cool_down: CoolDown, now: float, *, of_key: bool) -> None:
    """Begin, extend or leave alone a cool-down, by the table of error classes (DESIGN section 4)."""
    asked = min(outcome.retry_after or 0.0, LONGEST_EXPLICIT) if isinstance(outcome, Refused) else 0.0
    match state.error_class:
        case ErrorClass.CREDENTIALS if of_key:
            state.cool(math.inf)
        case ErrorClass.CREDENTIALS | ErrorClass.MODEL_UNAVAILABLE:
            state.cool(now + cool_down.max)
        case ErrorClass.QUOTA_EXHAUSTED:
            state.cool(now + max(cool_down.max, asked))
        case ErrorClass.RATE_LIMITED if asked:
            state.cool(now + asked)
        case _ if state.failures >= cool_down.after and now >= state.until:
            guess = min(cool_down.base * 2.0 ** min(state.cooled, 64), cool_down.max)
            state.cool(now + max(guess, asked))
            state.cooled += 1


def _told(state: State, now: float) -> dict[str, str | int | float | None]:
    """Describe a state; `returns_in` is null where no time is known."""
    cooling = now < state.until
    return {
        "state": "cooling" if cooling else "probing" if state.is_cooling(now) else "failing",
        "error_class": state.error_class.value,
        "failures": state.failures,
        "returns_in": round(state.until - now, 3) if cooling and state.until < math.inf else None,
    }
