"""The admin port: liveness, readiness, metrics, the served table and the health of targets; never a secret.

Table and health name hosts and routes, so only this machine can read them, unless `--admin-open` is set.
"""

import asyncio
import time

import msgspec
from multidict import CIMultiDict
from prometheus_client import exposition

from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.control.masked import masked
from switchover_dataplane.edge import browsers
from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import own_answers
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.process import address
from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.served_table import State
from switchover_dataplane.telemetry.metrics import Metrics, Present, Scrape


class Admin:
    """Serves the admin port; with `is_open` other machines can also read the table and the health of targets."""

    def __init__(self, state: State, runtime: UpstreamRuntime, metrics: Metrics, *, is_open: bool = False) -> None:
        self._state = state
        self._runtime = runtime
        self._metrics = metrics
        self._is_open = is_open
        self._present = Present(runtime.health, runtime.in_flight, time.monotonic)
        metrics.registry.register(self._present)

    async def handle(self, request: Request, _port: int) -> OwnAnswer:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            answer = own_answers.error(405, "method_not_allowed", "the admin port only answers GET")
            answer.headers["allow"] = "GET, HEAD"
            return answer
        match request.path:
            case "/healthz":
                return _text(200, "ok\n")
            case "/readyz":
                return self._ready()
            case "/metrics":
                return await self._counts(request.headers.get("accept", ""))
            case "/v1/table" | "/v1/health" if not self._is_open and not is_of_this_machine(
                request.remote, request.headers
            ):
                return own_answers.error(
                    403, "not_this_machine", "only this machine can read this; --admin-open allows other machines"
                )
            case "/v1/table":
                return await self._table()
            case "/v1/health":
                return _json(self._health())
            case _:
                return own_answers.error(
                    404, "not_found", "the admin port serves /readyz, /healthz, /metrics, /v1/table and /v1/health"
                )

    def _ready(self) -> OwnAnswer:
        if self._state.draining:
            return _text(503, "draining: the process is stopping\n")
        if self._state.current is None:
            return _text(503, "no table yet\n")
        return _text(200, f"ready, revision {self._state.current.table.revision}\n")

    async def _counts(self, accepted: str) -> OwnAnswer:
        """Write the metrics in the format that the scraper prefers: OpenMetrics or Prometheus text."""
        encode, content_type = exposition.choose_encoder(accepted)
        body = await asyncio.to_thread(encode, Scrape(self._metrics, self._present))
        return OwnAnswer(200, CIMultiDict({"content-type": content_type}), body)

    async def _table(self) -> OwnAnswer:
        if self._state.current is None:
            return own_answers.error(503, "not_ready", "no table yet")
        # In a thread, as the table of 10,000 routes takes time.
        return await asyncio.to_thread(lambda table: _json(masked(table)), self._state.current.table)

    def _health(self) -> dict[str, object]:
        now = time.monotonic()
        return {
            "active": self._state.active_priorities(now),
            "cooling": self._runtime.health.dump(now),
            "in_flight": {name: count for name, count in self._runtime.in_flight.items() if count},
            "connections": self._runtime.transport.counts(),
        }


def is_of_this_machine(remote: str | None, headers: Fields) -> bool:
    """Whether a request comes from this machine and not from a web page; `remote` is the client's address."""
    return address.is_loopback(remote or "") and browsers.refusal(headers, frozenset()) is None


def _json(content: object) -> OwnAnswer:
    return own_answers.json(200, msgspec.json.encode(content) + b"\n")


def _text(status: int, text: str) -> OwnAnswer:
    return OwnAnswer(status, CIMultiDict({"content-type": "text/plain; charset=utf-8"}), text.encode())
