"""The admin port: liveness, readiness, metrics, the served table and the health of targets; never a secret.

Table and health name hosts and routes, so only this machine can read them, unless `--admin-open` is set.
"""

import asyncio
import time
from typing import Final

import msgspec
from aiohttp import web
from prometheus_client import exposition

from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.control.http_server import HttpServer, Limits, response
from switchover_dataplane.control.masked import masked
from switchover_dataplane.edge import browsers
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.process import address
from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.served_table import State
from switchover_dataplane.telemetry import trace
from switchover_dataplane.telemetry.metrics import Metrics, Present, Scrape

PATHS: Final = {
    "/healthz": "200 as long as the process runs, also while it stops",
    "/readyz": "200 with the revision while a table is served; 503 with the reason before that, and while it stops",
    "/metrics": "the metrics",
    "/v1/table": "the table that is served; secrets, values of header fields, prompts and queries are masked",
    "/v1/health": "the priority of each Upstream that answers, the targets that cool down or are disabled, the "
    "requests in flight and the connections of each target",
}
"""What GET and HEAD are answered, and with what."""

LOCAL_PATHS: Final = ("/v1/table", "/v1/health")
"""These name hosts and routes."""

_LIMITS: Final = Limits(keep_alive=5.0)
_LAST_ANSWER: Final = 1.0


class Admin:
    """Serves the admin port; with `is_open` other machines can also read the table and the health of targets.

    A table without ports makes the process ready, as a cluster may have no Gateway yet; with `needs_port` it does not.
    """

    def __init__(
        self,
        state: State,
        runtime: UpstreamRuntime,
        metrics: Metrics,
        *,
        is_open: bool = False,
        needs_port: bool = False,
    ) -> None:
        self._state = state
        self._runtime = runtime
        self._metrics = metrics
        self._is_open = is_open
        self._needs_port = needs_port
        self._present = Present(runtime.health, runtime.in_flight, time.monotonic)
        metrics.registry.register(self._present)
        self._is_on_loopback = False
        self._server = HttpServer(self._serve, _LIMITS)

    async def open(self, where: str) -> None:
        """Listen at HOST:PORT.

        Raises:
            OSError: the address cannot be bound.
            ValueError: the address is none.
        """
        host, port = address.parse(where)
        self._is_on_loopback = address.is_loopback(host)
        await self._server.listen(host, port)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return self._server.port

    async def close(self) -> None:
        """Stop listening."""
        await self._server.close(_LAST_ANSWER)

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        if self._is_on_loopback and (why := browsers.refusal(request.headers, frozenset())):
            return response(browsers.forbidden(why))
        if request.method not in ("GET", "HEAD"):
            answer = own_answers.error(own_errors.METHOD_NOT_ALLOWED, "the admin port only answers GET")
            answer.headers["allow"] = "GET, HEAD"
            return response(answer)
        match request.path:
            case "/healthz":
                return _text(200, "ok\n")
            case "/readyz":
                return self._ready()
            case "/metrics":
                return await self._counts(request.headers.get("accept", ""))
            case path if path in LOCAL_PATHS and not self._may_see(request):
                return _error(
                    own_errors.NOT_THIS_MACHINE, "only this machine can read this; --admin-open allows other machines"
                )
            case "/v1/table":
                return await self._table()
            case "/v1/health":
                return _json(self._health())
            case _:
                return _error(own_errors.NOT_FOUND, f"the admin port serves {', '.join(PATHS)}")

    def _may_see(self, request: web.BaseRequest) -> bool:
        return self._is_open or is_of_this_machine(request.remote, request.headers)

    def _ready(self) -> web.Response:
        if self._state.draining:
            return _text(503, "draining: the process is stopping\n")
        if self._state.current is None:
            return _text(503, "no table yet\n")
        if self._needs_port and not self._state.current.table.ports:
            return _text(503, "nothing is served: the table has no port\n")
        return _text(200, f"ready, revision {self._state.current.table.revision}\n")

    async def _counts(self, accepted: str) -> web.Response:
        """Write the metrics in the format that the scraper prefers: OpenMetrics or Prometheus text."""
        encode, content_type = exposition.choose_encoder(accepted)
        body = await asyncio.to_thread(encode, Scrape(self._metrics, self._present))
        return web.Response(body=body, headers={"content-type": content_type})

    async def _table(self) -> web.Response:
        if self._state.current is None:
            return _error(own_errors.NOT_READY, "no table yet")
        # In a thread, as the table of 10,000 routes takes time.
        return await asyncio.to_thread(lambda table: _json(masked(table)), self._state.current.table)

    def _health(self) -> dict[str, object]:
        now = time.monotonic()
        return {
            "active": self._state.active_priorities(now),
            "cooling": [self._named(entry) for entry in self._runtime.health.dump(now)],
            "disabled": self._disabled(),
            "in_flight": {name: count for name, count in self._runtime.in_flight.items() if count},
            "connections": self._runtime.transport.counts(),
        }

    def _disabled(self) -> list[dict[str, str]]:
        """List the targets that are taken out of rotation, and why; `policy` is the one under which, "" for each."""
        current = self._state.current
        if current is None:
            return []
        table, routes = current.table, current.routes
        found = [
            (target.id, "", upstream.disabled)
            for upstream in table.upstreams.values()
            if upstream.disabled
            for pool in upstream.priorities
            for target in pool
        ]
        found += [
            (each.target, name, each.reason) for name, policy in table.policies.items() for each in policy.disabled
        ]
        return [
            {"target": target, "model": routes[target].name, "policy": policy, "reason": reason}
            for target, policy, reason in found
            if target in routes
        ]

    def _named(self, entry: dict[str, str | int | float | None]) -> dict[str, str | int | float | None]:
        """Name the model of an entry as log lines and answers do: PROVIDER/MODEL."""
        current = self._state.current
        route = current.routes.get(str(entry.get("target"))) if current is not None else None
        if route is None:
            return entry
        asked = str(entry["model"])[: trace.LONGEST_NAME]
        return {**entry, "model": trace.name_of(route.wire.name, route.label or asked)}


def is_of_this_machine(remote: str | None, headers: Fields) -> bool:
    """Whether a request comes from this machine and not from a web page; `remote` is the client's address."""
    return address.is_loopback(remote or "") and browsers.refusal(headers, frozenset()) is None


def _error(why: own_errors.OwnError, message: str) -> web.Response:
    return response(own_answers.error(why, message))


def _json(content: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(content) + b"\n", content_type="application/json")


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
