"""How many repeats an upstream may have in flight: a sick provider is not stormed (FailoverPolicy `retryBudget`).

Only repeats on a priority that was tried already are counted; a move to the next priority never is.
"""

from switchover_dataplane.table.policies import RetryBudget


class Budget:
    """Requests and repeats in flight, per upstream."""

    __slots__ = ("_repeats", "_requests")

    def __init__(self) -> None:
        self._requests: dict[str, int] = {}
        self._repeats: dict[str, int] = {}

    def begin(self, upstream: str) -> None:
        """Count a request that starts."""
        self._requests[upstream] = self._requests.get(upstream, 0) + 1

    def end(self, upstream: str) -> None:
        """Count a request that ended."""
        _subtract(self._requests, upstream, 1)

    def allows(self, upstream: str, limit: RetryBudget) -> bool:
        """Tell whether one more repeat fits into the share of the requests in flight, or into the minimum."""
        allowed = max(limit.minimum, self._requests.get(upstream, 0) * limit.percent / 100)
        return self._repeats.get(upstream, 0) < allowed

    def repeat(self, upstream: str) -> None:
        """Count a repeat that starts."""
        self._repeats[upstream] = self._repeats.get(upstream, 0) + 1

    def repeated(self, upstream: str, count: int) -> None:
        """Count `count` repeats as ended: their request is over."""
        if count:
            _subtract(self._repeats, upstream, count)


def _subtract(counts: dict[str, int], upstream: str, count: int) -> None:
    """Keep no upstream in `counts` of which none is left: those that left the table would stay."""
    left = counts[upstream] - count
    if left:
        counts[upstream] = left
    else:
        del counts[upstream]
