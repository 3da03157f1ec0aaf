"""How many repeats an upstream may have in flight: a sick provider is not stormed (FailoverPolicy `retryBudget`).

Only repeats on a priority that was tried already are counted; a move to the next priority never is.
"""

from collections import Counter

from switchover_dataplane.table import RetryBudget


class Budget:
    """Requests and repeats in flight, per upstream."""

    __slots__ = ("_repeats", "_requests")

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()

    def begin(self, upstream: str) -> None:
        """Count a request that starts."""
        self._requests[upstream] += 1

    def end(self, upstream: str) -> None:
        """Count a request that ended."""
        self._requests[upstream] -= 1
        if not self._requests[upstream]:
            del self._requests[upstream]

    def allows(self, upstream: str, limit: RetryBudget) -> bool:
        """Tell whether one more repeat fits into the share of the requests in flight, or into the minimum."""
        allowed = max(limit.minimum, self._requests[upstream] * limit.percent / 100)
        return self._repeats[upstream] < allowed

    def repeat(self, upstream: str) -> None:
        """Count a repeat that starts."""
        self._repeats[upstream] += 1

    def repeated(self, upstream: str, count: int) -> None:
        """Count `count` repeats as ended: their request is over."""
        if count:
            self._repeats[upstream] -= count
            if not self._repeats[upstream]:
                del self._repeats[upstream]
