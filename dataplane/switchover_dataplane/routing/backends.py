"""The backends of a rule → the one that gets a request, by their weights."""

from switchover_dataplane.routing.match import MatchedRule
from switchover_dataplane.table.rules import Backend


def choose_backend(found: MatchedRule, chance: float) -> Backend | None:
    """Choose a backend by weight; `chance` is a random number in 0 <= chance < 1.

    None if there are no backends, or none with a weight (Gateway API: status 500).
    """
    backends = found.rule.backends
    if len(backends) == 1:
        return backends[0] if backends[0].weight else None
    left = chance * sum(backend.weight for backend in backends)
    for backend in backends:
        left -= backend.weight
        if left < 0:
            return backend
    return None
