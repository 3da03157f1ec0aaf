"""What targets answered lately → which of them are left alone for now.

One failing target must not cost every request a try. A target that fails cools down: requests skip it until its time
is over, then it comes back step by step (`cooldown.py`). State is kept per target and effective model, as a rate limit
on one model says nothing of another, and per credential where the key itself is refused. A failure for no reason that
was given cools a target for its own caller alone, until others met it, too (`evidence.py`).

The clock is handed in, as seconds of any monotonic clock; who is tried in the end is decided by `failover.py`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Set

from switchover_dataplane.failover.outcome import ErrorClass, Outcome
from switchover_dataplane.health.blame import Blame, asked_wait, blame, reason_of
from switchover_dataplane.health.cooldown import State
from switchover_dataplane.health.evidence import Asker, Doubts
from switchover_dataplane.health.places import EVERYBODY, Key, key_of_all, keys
from switchover_dataplane.table import CoolDown, Table, Target, Upstream

KEY_REST = 300.0
"""A refused key is tried again after so many seconds: a provider may take it back though its Secret did not change."""

CAPACITY = 2_000
"""So many entries are kept at most: names of models come from callers."""

ONE_CALLER = "one caller"
"""What `dump` says of what holds for a single caller."""

_NOTHING: frozenset[str] = frozenset()


LastGood = tuple[int, str]
"""The priority that gave an upstream's last good answer, and the model that was asked for."""


class Health:
    """The targets and credentials that failed lately. What never failed, or was forgotten, is healthy.

    `last_good` is by upstream; whoever gets a good answer writes it there. `cool_downs` counts how many began, by
    target id and error class.
    """

    __slots__ = ("_credentials", "_doubts", "_ids", "_served", "_targets", "cool_downs", "last_good")

    def __init__(self) -> None:
        self.last_good: dict[str, LastGood] = {}
        self.cool_downs: Counter[tuple[str, str]] = Counter()
        self._targets: dict[Key, State] = {}
        self._credentials: dict[str, State] = {}
        self._doubts = Doubts()
        self._ids: dict[str, int] = {}
        self._served: Table | None = None

    def cooling(self, upstream: Upstream, cool_down: CoolDown, model: str, now: float, *, asker: Asker) -> Set[str]:
        """Return the ids of the upstream's targets that are to be skipped right now.

        Args:
            upstream: its targets are looked at.
            cool_down: nothing cools where its base is 0.
            model: the model that the request asks for.
            now: seconds of the monotonic clock.
            asker: whose request it is.
        """
        if not cool_down.base or not (self._targets or self._credentials):
            return _NOTHING
        out = {
            target.id: states
            for pool in upstream.priorities
            for target in pool
            if (states := self._passing_by(target, model, asker, now))
        }
        return out.keys() - _kept(out, upstream, cool_down) if cool_down.most < 100 else out.keys()

    def _passing_by(self, target: Target, model: str, asker: Asker, now: float) -> list[State]:
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return []
        return [state for state in self._states(target, model, asker.caller) if not state.lets_in(now)]

    def is_whole(self, target: Target, model: str, now: float) -> bool:
        """Tell whether the target gets its full part of all requests for this model, neither cooling nor returning."""
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return True
        return all(state.share(now) >= 1 for state in self._states(target, model, EVERYBODY))

    def started(self, target: Target, model: str, now: float, *, asker: Asker) -> None:
        """Note that an attempt begins: on a target whose cool-down is over it is the probe, alone for a while."""
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return
        for state in self._states(target, model, asker.caller):
            state.probe(now)

    def record(
        self,
        target: Target,
        model: str,
        outcome: Outcome,
        cool_down: CoolDown,
        now: float,
        *,
        asker: Asker,
        goes_on: bool = False,
    ) -> None:
        """Learn from what an attempt became; it cost nothing where nothing failed lately.

        `goes_on` tells that a good outcome is the beginning of a stream, which may still break off; if it does not,
        `ended_well` follows.
        """
        if not cool_down.base:
            return
        whom = blame(target, outcome, cool_down)
        if whom is Blame.GOOD:
            if not goes_on:
                self.ended_well(target, model, now, asker=asker)
            self._succeed(target, model, asker, now)
        elif whom is Blame.UNKNOWN:
            self._doubt(target, model, outcome, cool_down, now, asker=asker)
        else:
            if whom is not Blame.NOTHING:
                self._fail(target, model, outcome, cool_down, now, of_key=whom is Blame.KEY)
            self._end_probes(target, model, asker, but_of_key=whom is not Blame.NOTHING)

    def ended_well(self, target: Target, model: str, now: float, *, asker: Asker) -> None:
        """Learn that an answer ended whole."""
        if target.id in self._ids or self._doubts:
            for key in keys(target, model, asker.caller):
                self._doubts.forget(key)
                if key in self._targets and self._targets[key].end_well(now):
                    self._remove(key)

    def earliest_return(self, upstream: Upstream, model: str, now: float, *, asker: Asker) -> float | None:
        """Return in how many seconds the first of the upstream's cooling targets is tried again, None if none cools.

        It is what an answer's `Retry-After` says. A refused key has no known return, nor has a target that is probed.
        """
        return min(
            (
                max(state.until - now for state in states)
                for pool in upstream.priorities
                for target in pool
                if (states := [each for each in self._states(target, model, asker.caller) if each.is_cooling(now)])
                and all(now < state.until and not self._is_a_refused_key(state, target) for state in states)
            ),
            default=None,
        )

    def adopt(self, previous: Table, table: Table) -> None:
        """Carry on under a new table.

        Targets that are gone or moved are forgotten, credentials whose value changed, and who answered last where an
        upstream changed, as its priorities may mean others now.
        """
        known = {key[0] for key in (*self._targets, *self.cool_downs)} | self._doubts.ids
        # Most targets answer: of a large table little is looked at.
        served = {
            target.id: target
            for upstream in (table.upstreams.values() if known else ())
            for pool in upstream.priorities
            for target in pool
            if target.id in known
        }
        for key, state in list(self._targets.items()):
            target = served.get(key[0])
            if target is None or (target.host, target.port) != key[1]:
                self._remove(key)
            elif state.error_class is ErrorClass.CREDENTIALS and _has_changed(target.auth.secret, previous, table):
                self._remove(key)  # its key was refused (403), and the Secret has another one now
        self._doubts.keep({(target.id, (target.host, target.port)) for target in served.values()})
        for name in list(self.last_good):
            if name not in table.upstreams or previous.upstreams.get(name) != table.upstreams[name]:
                del self.last_good[name]
        for name, reason in [key for key in self.cool_downs if key[0] not in served]:
            del self.cool_downs[name, reason]
        for name in list(self._credentials):
            if _has_changed(name, previous, table):
                del self._credentials[name]
        self._served = table

    def dump(self, now: float) -> list[dict[str, str | int | float | None]]:
        """Return everything that failed lately as plain data for `/v1/health`; credentials are named, never shown.

        `for` tells what holds for one caller alone from what holds for all; nobody is told which caller it is.
        """
        targets = [
            {
                "target": name,
                "address": f"{host}:{port}",
                "model": model,
                "for": "all callers" if caller == EVERYBODY else ONE_CALLER,
                **_told(state, now),
            }
            for (name, (host, port), model, caller), state in self._targets.items()
        ]
        return targets + [{"credential": name, **_told(state, now)} for name, state in self._credentials.items()]

    def _states(self, target: Target, model: str, caller: int) -> Iterator[State]:
        for key in keys(target, model, caller):
            state = self._targets.get(key)
            if state is not None:
                yield state
        state = self._credentials.get(target.auth.secret)
        if state is not None:
            yield state

    def _succeed(self, target: Target, model: str, asker: Asker, now: float) -> None:
        if target.id in self._ids or self._doubts:
            for key in keys(target, model, asker.caller):
                self._doubts.begin(key)
                if key in self._targets and self._targets[key].succeed(now):
                    self._remove(key)
        state = self._credentials.get(target.auth.secret)
        if state is not None and not (state.asked and now < state.until):
            del self._credentials[target.auth.secret]

    def _end_probes(self, target: Target, model: str, asker: Asker, *, but_of_key: bool) -> None:
        if target.id in self._ids:
            for key in keys(target, model, asker.caller):
                if key in self._targets:
                    self._targets[key].end_probe()
        if not but_of_key and target.auth.secret in self._credentials:
            self._credentials[target.auth.secret].end_probe()

    def _remove(self, key: Key) -> None:
        del self._targets[key]
        self._ids[key[0]] -= 1
        if not self._ids[key[0]]:
            del self._ids[key[0]]

    def _fail(
        self, target: Target, model: str, outcome: Outcome, cool_down: CoolDown, now: float, *, of_key: bool
    ) -> None:
        reason = reason_of(outcome)
        if of_key and self._has_gone(target):
            return
        if of_key:
            state = self._credentials.setdefault(target.auth.secret, State(reason))
        else:
            state = self._of_target(key_of_all(target, model), reason)
        state.fail(reason, now)
        began = state.since
        _cool(state, outcome, cool_down, now, of_key=of_key)
        if state.since != began:
            self.cool_downs[target.id, reason.value] += 1

    def _doubt(
        self, target: Target, model: str, outcome: Outcome, cool_down: CoolDown, now: float, *, asker: Asker
    ) -> None:
        """Count a failure that may be about the request: for its caller, and with those of others for everybody."""
        self._end_probes(target, model, asker, but_of_key=False)
        reason = reason_of(outcome)
        broke = reason is ErrorClass.INTERRUPTED
        for key, is_enough in self._doubts.count(target, model, asker, cool_down.after, broke=broke):
            # What one caller has lost comes back to it alone, so that its next failure needs no other to bear it out.
            if is_enough or (key[3] != EVERYBODY and key in self._targets):
                state = self._of_target(key, reason)
                state.fail(reason, now)
                if now >= state.until:
                    state.guess(cool_down, now, asked_wait(outcome))
                    self.cool_downs[target.id, reason.value] += 1

    def _has_gone(self, target: Target) -> bool:
        """Tell whether the target is of a table before: what its key is worth says nothing of the Secret's new one."""
        served = self._served
        return served is not None and not any(
            each is target for upstream in served.upstreams.values() for pool in upstream.priorities for each in pool
        )

    def _is_a_refused_key(self, state: State, target: Target) -> bool:
        return state.error_class is ErrorClass.CREDENTIALS and state is self._credentials.get(target.auth.secret)

    def _of_target(self, key: Key, reason: ErrorClass) -> State:
        state = self._targets.get(key)
        if state is None:
            if len(self._targets) >= CAPACITY:
                # What is known of one caller is missed least, then what returns first: names that callers make up must
                # not push out a long wait.
                self._remove(min(self._targets, key=lambda key: (key[3] == EVERYBODY, self._targets[key].until)))
            state = self._targets[key] = State(reason)
            self._ids[key[0]] = self._ids.get(key[0], 0) + 1
        return state


def _has_changed(secret: str, previous: Table, table: Table) -> bool:
    return previous.secrets.get(secret) != table.secrets.get(secret)


def _cool(state: State, outcome: Outcome, cool_down: CoolDown, now: float, *, of_key: bool) -> None:
    """Begin, extend or leave alone a cool-down, by the table of error classes (DESIGN section 4)."""
    asked = asked_wait(outcome)
    match state.error_class:
        case ErrorClass.CREDENTIALS if of_key:
            state.cool(now, now + max(KEY_REST, cool_down.max))
        case ErrorClass.CREDENTIALS | ErrorClass.MODEL_UNAVAILABLE:
            state.cool(now, now + cool_down.max)
        case ErrorClass.QUOTA_EXHAUSTED:
            state.cool(now, now + max(cool_down.max, asked), asked=asked > 0)
        case ErrorClass.RATE_LIMITED | ErrorClass.OVERLOADED if asked:
            state.cool(now, now + asked, asked=True)
        case _ if state.is_due(cool_down, now):
            state.guess(cool_down, now, asked)


def _kept(out: Mapping[str, list[State]], upstream: Upstream, cool_down: CoolDown) -> Set[str]:
    """Return those of the targets passed by that are used all the same, as too many would be out on a guess.

    Source: Envoy, "Outlier detection", `max_ejection_percent`; the first to have failed stay out.
    """
    count = len({target.id for pool in upstream.priorities for target in pool})
    allowed = min(max(1, int(count * cool_down.most / 100)), count - 1)
    guessed = sorted((states[0].since, name) for name, states in out.items() if not any(s.asked for s in states))
    return {name for _, name in guessed[allowed:]}


def _told(state: State, now: float) -> dict[str, str | int | float | None]:
    """Describe a state; `returns_in` is null where it does not cool down, `share` the part of the requests it gets."""
    cooling = state.is_cooling(now) and now < state.until
    word = "cooling" if cooling else "probing" if state.is_cooling(now) else "failing"
    return {
        "state": "returning" if state.is_returning(now) else word,
        "error_class": state.error_class.value,
        "failures": state.failures,
        "returns_in": round(state.until - now, 3) if cooling else None,
        "share": state.share(now),
    }
