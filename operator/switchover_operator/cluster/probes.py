"""The operator's admin port: liveness, readiness and metrics."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition

PATHS: Final = {
    "/healthz": "200 as long as the process runs",
    "/readyz": "200 when it operates; 503 with the reason before that",
    "/metrics": "the metrics",
}
"""What GET is answered, and with what."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class OperatorMetrics:
    """The operator's metrics; every label has few values."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.compile_seconds = Histogram(
            "switchover_operator_compile_seconds",
            "Seconds that compiling all objects to a table took",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.objects = Gauge(
            "switchover_operator_objects",
            "Objects that have a report, by kind and by whether they are accepted",
            ("kind", "accepted"),
            registry=self.registry,
        )
        self.data_planes = Gauge(
            "switchover_operator_data_planes",
            "Data planes, by state: known, ready, or current (serves the newest table)",
            ("state",),
            registry=self.registry,
        )
        self.writes = Counter(
            "switchover_operator_writes",
            "Requests that change objects of the cluster, by kind and result",
            ("what", "result"),
            registry=self.registry,
        )
        self.leading = Gauge(
            "switchover_operator_leading", "Whether this operator leads: 1 or 0", registry=self.registry
        )
        self.watches = Counter(
            "switchover_operator_watch_restarts", "Restarts of the watches as a whole", registry=self.registry
        )


class Probes:
    """Answers /healthz, /readyz and /metrics. `unready` returns why the operator is not ready yet; "" if it is."""

    def __init__(self, metrics: OperatorMetrics, unready: Callable[[], str]) -> None:
        self._metrics = metrics
        self._unready = unready

    async def serve(self, host: str, port: int) -> None:
        """Listen until cancelled.

        Raises:
            OSError: the address cannot be opened.
        """
        app = web.Application()
        answers = (self._healthz, self._readyz, self._counts)
        app.add_routes([web.get(path, answer) for path, answer in zip(PATHS, answers, strict=True)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        why = self._unready()
        return web.Response(status=503, text=f"{why}\n") if why else web.Response(text="ready\n")

    async def _counts(self, request: web.Request) -> web.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return web.Response(body=encode(self._metrics.registry), headers={"content-type": content_type})
