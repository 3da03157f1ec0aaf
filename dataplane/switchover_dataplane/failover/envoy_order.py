"""A request under `retrySemantics: Envoy` → its next try, in the order in which Envoy would make it.

It stands apart from `decision.py` because it is held to Envoy's measured behaviour and has none of our rules.
"""

from switchover_dataplane.failover.retry_state import RetryState
from switchover_dataplane.failover.steps import Try, Wait, Why
from switchover_dataplane.table.policies import EnvoyOrder


def next_try(request: RetryState, order: EnvoyOrder) -> Try | Wait | None:
    """Send attempt i (from 0) to the (i div updateFrequency) mod P-th priority, to the first without a frequency.

    Source: Envoy, "previous_priorities" retry priority, and "How do I set up retries": a back-off before every retry.
    None if budget or deadline are used up.
    """
    attempt = len(request.history)
    usable = [priority for priority in request.pools if request.countable(priority)]
    frequency = order.update_frequency
    priority = usable[(attempt // frequency) % len(usable)] if frequency else usable[0]
    if request.tries_on(priority) and not request.repeats_allowed:
        return None
    candidates = request.least_tried(priority, request.countable(priority))
    return request.after_back_off(Try(priority, candidates, _why(request, priority)), repeat=attempt)


def _why(request: RetryState, priority: int) -> Why:
    if priority == request.last.priority:
        return Why.AGAIN
    return Why.EARLIER_PRIORITY if request.tries_on(priority) else Why.NEXT_PRIORITY
