"""The metrics of both processes → docs/reference/metrics.md."""

import time
from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from reference.tables import code, table
from switchover_dataplane.health.health import Health
from switchover_dataplane.telemetry.metrics import Metrics, Present
from switchover_dataplane.telemetry.series import BOUNDS
from switchover_operator.cluster.probes import OperatorMetrics

_INTRODUCTION = """# Metrics

`GET /metrics` at the admin port has them in the text format of Prometheus, or as OpenMetrics where the scraper asks for
it. The data plane's admin port is 9180, the operator's 9181. A series is there from its first count on.

`route` is NAMESPACE/NAME of an HTTPRoute. `target` names the entry of an Upstream, `model` the model that it has. Every
value of a label comes from your objects or from a closed list, and never from a client.
[Alerts](../how-to/alert.md) stand on these.

"""
_VALUES = {
    "outcome": "`served`, `rescued`, `refused`, `exhausted`, `interrupted`, `client-gone`",
    "result": "`ok`, `given-up`, or an [error class](../failover.md#what-counts-as-a-failure)",
    "winner": "`silent`, `later`, `none`",
    "reason": "of denied requests `no-key`, `unknown-key`, `closed`; of cool-downs an error class",
    "priority": "0 is the first one",
    "kind": "of `switchover_kept_away`: `target` or `credential`; of objects: their kind",
    "state": "`known`, `ready`, `current`",
}


class Described(NamedTuple):
    """A metric and the names of its labels."""

    metric: Metric
    labels: Iterable[str]

    @property
    def name(self) -> str:
        """The name as a query has it; of a histogram the part before `_bucket`, `_sum` and `_count`."""
        ending = {"counter": "_total", "info": "_info"}.get(self.metric.type, "")
        return self.metric.name + ending


def page() -> str:
    """Write the page."""
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS)
    return (
        f"{_INTRODUCTION}## Data plane\n\n{_table(of_data_plane())}\n"
        f"Bounds of the histograms in seconds: {bounds}.\n\n"
        f"## Operator\n\n{_table(of_operator())}\n"
        f"## Values of labels\n\n{table(('label', 'values'), ((code(name), text) for name, text in _VALUES.items()))}"
    )


def of_data_plane() -> list[Described]:
    """Return the data plane's metrics."""
    found = [*Metrics().collect(), *Present(Health(), {}, time.monotonic).collect()]
    return [Described(each, getattr(each, "_labelnames", ())) for each in found]


def of_operator() -> list[Described]:
    """Return the operator's metrics."""
    collectors = [each for each in vars(OperatorMetrics()).values() if isinstance(each, MetricWrapperBase)]
    return [Described(metric, each._labelnames) for each in collectors for metric in each.describe()]


def _table(metrics: Iterable[Described]) -> str:
    rows = [
        (code(each.name), each.metric.type, ", ".join(map(code, each.labels)), each.metric.documentation)
        for each in metrics
    ]
    return table(("metric", "type", "labels", "meaning"), rows)
