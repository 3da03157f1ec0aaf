"""The outcomes of attempts → which targets cool down, so that requests skip them.

A failing target must not cost every request an attempt. A target that fails cools down (`cool_downs.py`), then comes
back in stages (`ejection.py`). State is kept per target and model, as a rate limit on one model says nothing about
another, and per credential if a key is refused. After failures without a reason a target cools down for that caller
alone, until other callers have such failures as well (`unexplained_failures.py`).

The clock is a parameter: seconds of any monotonic clock. `failover/decision.py` decides which target is tried.
"""

from collections import Counter
from collections.abc import Iterator, Set

from switchover_dataplane.failover.outcome import Committed, ErrorClass, Outcome
from switchover_dataplane.health.attribution import Attribution, attribution_of, failure_class, requested_wait
from switchover_dataplane.health.cool_downs import cool, kept_in_use
from switchover_dataplane.health.ejection import Ejection, described
from switchover_dataplane.health.health_keys import ALL_CALLERS, Key, health_keys, shared_key, tally
from switchover_dataplane.health.unexplained_failures import RequestIdentity, UnexplainedFailures
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Target, Upstream

CAPACITY = 2_000
"""Maximum number of entries: callers choose the names of models."""

ONE_CALLER = "one caller"
"""The value of `for` in `dump` for an entry of a single caller."""

_NOTHING: frozenset[str] = frozenset()

LastGood = tuple[int, str]
"""The priority of an upstream's last good answer, and the model of its request."""


class Health:
    """The targets and credentials that failed lately. Every other one is healthy.

    `last_good` is by upstream, and the code that gets a good answer sets it. `cool_downs` counts the cool-downs that
    started, by target id and error class. If nothing failed lately, each question costs one look at `_anything`.
    """

    __slots__ = (
        "_anything",
        "_credentials",
        "_ids",
        "_ids_of_callers",
        "_served",
        "_targets",
        "_unexplained",
        "cool_downs",
        "last_good",
    )

    def __init__(self) -> None:
        self.last_good: dict[str, LastGood] = {}
        self.cool_downs: Counter[tuple[str, str]] = Counter()
        self._anything = False  # True if there may be an entry for a target or credential
        self._targets: dict[Key, Ejection] = {}
        self._credentials: dict[str, Ejection] = {}
        self._unexplained = UnexplainedFailures()
        self._ids: dict[str, int] = {}  # target id -> number of its keys in `_targets`
        self._ids_of_callers: dict[str, int] = {}  # the same, of keys for one caller
        self._served: Table | None = None

    def cooling(
        self, upstream: Upstream, cool_down: CoolDown, model: str, now: float, *, identity: RequestIdentity
    ) -> Set[str]:
        """Return the ids of the upstream's targets that a request skips now.

        Args:
            upstream: the upstream of the request.
            cool_down: its rule; no target cools down if `base` is 0.
            model: the model that the request asks for.
            now: seconds of the monotonic clock.
            identity: caller and request.
        """
        if not self._anything or not cool_down.base:
            return _NOTHING
        out = {
            target.id: ejections
            for pool in upstream.priorities
            for target in pool
            if (ejections := self._ejections_that_skip(target, model, identity, now))
        }
        if cool_down.max_ejection_percent >= 100:
            return out.keys()
        return out.keys() - kept_in_use(out, upstream, cool_down)

    def _ejections_that_skip(self, target: Target, model: str, identity: RequestIdentity, now: float) -> list[Ejection]:
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return []
        return [ejection for ejection in self._ejections(target, model, identity) if not ejection.admits(now)]

    def has_full_share(self, target: Target, model: str, now: float) -> bool:
        """Whether the target gets its full share of the requests for this model: no cool-down and no ramp."""
        if target.id not in self._ids and target.auth.secret not in self._credentials:
            return True
        return all(ejection.share(now) >= 1 for ejection in self._ejections(target, model, None))

    def record_start(self, target: Target, model: str, now: float, *, identity: RequestIdentity) -> None:
        """Record the start of an attempt: on a target whose cool-down is over it is the probe."""
        if not self._anything or (target.id not in self._ids and target.auth.secret not in self._credentials):
            return
        for ejection in self._ejections(target, model, identity):
            ejection.probe(now)

    def record(
        self,
        target: Target,
        model: str,
        outcome: Outcome,
        cool_down: CoolDown,
        now: float,
        *,
        identity: RequestIdentity,
        is_streaming: bool = False,
    ) -> None:
        """Record the outcome of an attempt; a success costs nothing if nothing failed lately.

        `is_streaming`: a good outcome is the start of a stream, which may still break off. If it does not,
        `record_completion` follows.
        """
        if not cool_down.base or (not self._anything and isinstance(outcome, Committed)):
            return
        attribution = attribution_of(target, outcome, cool_down)
        if attribution is Attribution.SUCCESS:
            if not is_streaming:
                self.record_completion(target, model, now, identity=identity)
            self._succeed(target, model, identity, now)
            self._anything = bool(self._targets or self._credentials or self._unexplained)
            return
        self._anything = True
        if attribution is Attribution.UNEXPLAINED:
            self._record_unexplained(target, model, outcome, cool_down, now, identity=identity)
        else:
            if attribution is not Attribution.NONE:
                self._fail(target, model, outcome, cool_down, now, of_key=attribution is Attribution.KEY)
            self._end_probes(target, model, identity, except_key=attribution is not Attribution.NONE)

    def record_completion(self, target: Target, model: str, now: float, *, identity: RequestIdentity) -> None:
        """Record a complete answer."""
        if self._anything and (target.id in self._ids or target.id in self._unexplained.ids):
            for key in health_keys(target, model, identity.caller):
                self._unexplained.forget(key)
                if key in self._targets and self._targets[key].complete(now):
                    self._remove(key)

    def earliest_return(self, upstream: Upstream, model: str, now: float, *, identity: RequestIdentity) -> float | None:
        """Return the seconds until the first cooling target is tried again, None if that is not known.

        It is the value of `Retry-After`. The return of a refused key or of a probed target is not known.
        """
        return min(
            (
                max(ejection.until - now for ejection in ejections)
                for pool in upstream.priorities
                for target in pool
                if (ejections := [each for each in self._ejections(target, model, identity) if each.is_cooling(now)])
                and all(now < ejection.until and not self._is_a_refused_key(ejection, target) for ejection in ejections)
            ),
            default=None,
        )

    def adopt(self, previous: Table, table: Table) -> None:
        """Keep what still holds under a new table.

        Dropped are targets that are gone or have a new address, credentials with a new value, and the last good
        priority of each upstream that changed, as its priorities may have a new order.
        """
        known = {key[0] for key in (*self._targets, *self.cool_downs)} | self._unexplained.ids.keys()
        # Most targets answer: of a large table little is looked at.
        served = {
            target.id: target
            for upstream in (table.upstreams.values() if known else ())
            for pool in upstream.priorities
            for target in pool
            if target.id in known
        }
        for key, ejection in list(self._targets.items()):
            target = served.get(key[0])
            if target is None or (target.host, target.port) != key[1]:
                self._remove(key)
            elif ejection.error_class is ErrorClass.CREDENTIALS and _has_changed(target.auth.secret, previous, table):
                self._remove(key)  # its key was refused (403), and the Secret has a new one
        self._unexplained.keep({(target.id, (target.host, target.port)) for target in served.values()})
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
        """Return all entries as plain data for `/v1/health`; credentials appear by name, never by value.

        `for` is "all callers" or "one caller"; the caller itself is not shown.
        """
        targets = [
            {
                "target": name,
                "address": f"{host}:{port}",
                "model": model,
                "for": "all callers" if caller == ALL_CALLERS else ONE_CALLER,
                **described(ejection, now),
            }
            for (name, (host, port), model, caller), ejection in self._targets.items()
        ]
        return targets + [
            {"credential": name, **described(ejection, now)} for name, ejection in self._credentials.items()
        ]

    def _ejections(self, target: Target, model: str, identity: RequestIdentity | None) -> Iterator[Ejection]:
        # The caller is a hash, which is computed only if there is an entry for one caller.
        caller = identity.caller if identity is not None and target.id in self._ids_of_callers else ALL_CALLERS
        for key in health_keys(target, model, caller):
            ejection = self._targets.get(key)
            if ejection is not None:
                yield ejection
        ejection = self._credentials.get(target.auth.secret)
        if ejection is not None:
            yield ejection

    def _succeed(self, target: Target, model: str, identity: RequestIdentity, now: float) -> None:
        if target.id in self._ids or target.id in self._unexplained.ids:
            for key in health_keys(target, model, identity.caller):
                self._unexplained.begin(key)
                if key in self._targets and self._targets[key].succeed(now):
                    self._remove(key)
        ejection = self._credentials.get(target.auth.secret)
        if ejection is not None and not (ejection.explicit and now < ejection.until):
            del self._credentials[target.auth.secret]

    def _end_probes(self, target: Target, model: str, identity: RequestIdentity, *, except_key: bool) -> None:
        if target.id in self._ids:
            for key in health_keys(target, model, identity.caller):
                if key in self._targets:
                    self._targets[key].end_probe()
        if not except_key and target.auth.secret in self._credentials:
            self._credentials[target.auth.secret].end_probe()

    def _remove(self, key: Key) -> None:
        del self._targets[key]
        tally(self._ids, key[0], -1)
        if key[3] != ALL_CALLERS:
            tally(self._ids_of_callers, key[0], -1)

    def _fail(
        self, target: Target, model: str, outcome: Outcome, cool_down: CoolDown, now: float, *, of_key: bool
    ) -> None:
        reason = failure_class(outcome)
        if of_key and self._is_of_an_earlier_table(target):
            return
        if of_key:
            ejection = self._credentials.setdefault(target.auth.secret, Ejection(reason))
        else:
            ejection = self._of_target(shared_key(target, model), reason)
        ejection.fail(reason, now)
        began = ejection.since
        cool(ejection, outcome, cool_down, now, of_key=of_key)
        if ejection.since != began:
            self.cool_downs[target.id, reason.value] += 1

    def _record_unexplained(
        self,
        target: Target,
        model: str,
        outcome: Outcome,
        cool_down: CoolDown,
        now: float,
        *,
        identity: RequestIdentity,
    ) -> None:
        """Count a failure that the request may have caused: for its caller, and with other callers for all of them."""
        self._end_probes(target, model, identity, except_key=False)
        reason = failure_class(outcome)
        interrupted = reason is ErrorClass.INTERRUPTED
        for key, is_enough in self._unexplained.count(
            target, model, identity, cool_down.after, interrupted=interrupted
        ):
            # A target that comes back for one caller cools down again at that caller's next failure.
            if is_enough or (key[3] != ALL_CALLERS and key in self._targets):
                ejection = self._of_target(key, reason)
                ejection.fail(reason, now)
                if now >= ejection.until:
                    ejection.cool_computed(cool_down, now, requested_wait(outcome))
                    self.cool_downs[target.id, reason.value] += 1

    def _is_of_an_earlier_table(self, target: Target) -> bool:
        """Whether the target belongs to an earlier table, so that its key may not be the one that is used now."""
        served = self._served
        return served is not None and not any(
            each is target for upstream in served.upstreams.values() for pool in upstream.priorities for each in pool
        )

    def _is_a_refused_key(self, ejection: Ejection, target: Target) -> bool:
        return ejection.error_class is ErrorClass.CREDENTIALS and ejection is self._credentials.get(target.auth.secret)

    def _of_target(self, key: Key, reason: ErrorClass) -> Ejection:
        ejection = self._targets.get(key)
        if ejection is None:
            if len(self._targets) >= CAPACITY:
                # Entries of one caller go first, then the one that returns soonest: model names that callers invent
                # must not displace a long wait.
                self._remove(min(self._targets, key=lambda key: (key[3] == ALL_CALLERS, self._targets[key].until)))
            ejection = self._targets[key] = Ejection(reason)
            tally(self._ids, key[0], 1)
            if key[3] != ALL_CALLERS:
                tally(self._ids_of_callers, key[0], 1)
        return ejection


def _has_changed(secret: str, previous: Table, table: Table) -> bool:
    return previous.secrets.get(secret) != table.secrets.get(secret)
