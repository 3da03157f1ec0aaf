"""The admin port: whether the process is alive and ready, what it counts, what it serves; never a secret."""

import time

import msgspec
from aiohttp import web
from prometheus_client import exposition

from switchover_dataplane import answers
from switchover_dataplane.exchange import Fleet
from switchover_dataplane.metrics import Metrics, Present
from switchover_dataplane.state import State
from switchover_dataplane.table import masked


class Admin:
    """Answers on the admin port."""

    def __init__(self, state: State, fleet: Fleet, metrics: Metrics) -> None:
        self._state = state
        self._fleet = fleet
        self._metrics = metrics
        metrics.registry.register(Present(fleet.health, fleet.in_flight, time.monotonic))

    async def handle(self, request: web.BaseRequest, _port: int) -> web.StreamResponse:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            return answers.error(405, "method_not_allowed", "the admin port only tells; use GET")
        match request.path:
            case "/healthz":
                return web.Response(text="ok\n")
            case "/readyz":
                return self._ready()
            case "/metrics":
                return self._counts(request.headers.get("accept", ""))
            case "/v1/table":
                return self._table()
            case "/v1/health":
                return _json(self._health())
            case _:
                return answers.error(
                    404, "not_found", "there are /readyz, /healthz, /metrics, /v1/table and /v1/health"
                )

    def _ready(self) -> web.Response:
        if self._state.draining:
            return web.Response(status=503, text="draining: the process is about to end\n")
        if self._state.current is None:
            return web.Response(status=503, text="no table yet\n")
        return web.Response(text=f"ready, revision {self._state.current.table.revision}\n")

    def _counts(self, accepted: str) -> web.Response:
        """Write the metrics in the format that the scraper prefers: OpenMetrics or Prometheus text."""
        encode, content_type = exposition.choose_encoder(accepted)
        return web.Response(body=encode(self._metrics.registry), headers={"content-type": content_type})

    def _table(self) -> web.Response:
        if self._state.current is None:
            return answers.error(503, "not_ready", "no table yet")
        return _json(masked(self._state.current.table))

    def _health(self) -> dict[str, object]:
        now = time.monotonic()
        return {
            "active": self._state.active_priorities(now),
            "cooling": self._fleet.health.dump(now),
            "in_flight": {name: count for name, count in self._fleet.in_flight.items() if count},
            "connections": self._fleet.transport.counts(),
        }


def _json(content: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(content) + b"\n", content_type="application/json")
