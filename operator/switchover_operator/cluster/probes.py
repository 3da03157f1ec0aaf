"""The operator's admin port: whether it lives, whether it is ready, and what it counts."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class OperatorMetrics:
    """The operator's metrics; every label value is of a closed vocabulary."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.compile_seconds = Histogram(
            "switchover_operator_compile_seconds",
            "Time to compile all objects to a table",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.objects = Gauge(
            "switchover_operator_objects",
            "Objects that are reported on, by kind and whether they are accepted",
            ("kind", "accepted"),
            registry=self.registry,
        )
        self.data_planes = Gauge(
            "switchover_operator_data_planes",
            "Data planes: known, ready, and those that serve the newest table",
            ("state",),
            registry=self.registry,
        )
        self.writes = Counter(
            "switchover_operator_writes",
            "Requests that change something in the cluster, by what it is and how it went",
            ("what", "result"),
            registry=self.registry,
        )
        self.leading = Gauge(
            "switchover_operator_leading", "Whether this operator is the one that acts", registry=self.registry
        )
        self.watches = Counter(
            "switchover_operator_watch_restarts", "Times that watching began anew", registry=self.registry
        )


class Probes:
    """Answers /healthz, /readyz and /metrics. `ready` says why it is not ready yet, "" if it is."""

    def __init__(self, metrics: OperatorMetrics, ready: Callable[[], str]) -> None:
        self._metrics = metrics
        self._ready = ready

    async def serve(self, host: str, port: int) -> None:
        """Listen until cancelled.

        Raises:
            OSError: the address cannot be had.
        """
        app = web.Application()
        app.add_routes(
            [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz), web.get("/metrics", self._counts)]
        )
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
        why = self._ready()
        return web.Response(status=503, text=f"{why}\n") if why else web.Response(text="ready\n")

    async def _counts(self, request: web.Request) -> web.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("accept", ""))
        return web.Response(body=encode(self._metrics.registry), headers={"content-type": content_type})
