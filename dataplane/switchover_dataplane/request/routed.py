"""What matching found for a request, and whoever serves it has to know."""

from dataclasses import dataclass

from switchover_dataplane.routing.callers import Admission
from switchover_dataplane.routing.match import MatchedRule
from switchover_dataplane.served_table import Serving
from switchover_dataplane.table import Backend, Filters, Policy, Upstream


@dataclass(slots=True)
class Routed:
    """What matching found for a request: where it goes, under which policy, and what is changed on the way."""

    serving: Serving
    found: MatchedRule
    path: str
    query: str
    request_id: str
    backend: Backend
    upstream: Upstream
    policy: Policy
    filters: tuple[Filters, Filters]
    admission: Admission | None
