"""A gateway, a provider that plays plans, and as many clients at once as wanted → a verdict for each stream."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from chaos.plan import KINDS, ROUTES, Kind, Plan, plan
from chaos.provider import MODELS, Provider
from chaos.verdict import HONEST, End, Outcome, Verdict, judge
from running import Manifests, Switchover, free_port, switchover

PATIENCE = 20.0
"""Seconds without a byte until a stream is called hung: far more than every limit of the policy together."""


@dataclass
class Result:
    """What became of all streams.

    `asked` and `wrongly` are the provider's, `faults` what the gateway logged as its own.
    """

    seed: int
    verdicts: list[tuple[Plan, Verdict]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    wrongly: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def table(self) -> dict[Kind, Counter[Outcome]]:
        """How often each outcome followed each kind of fault."""
        counted: dict[Kind, Counter[Outcome]] = {kind: Counter() for kind in KINDS}
        for each, verdict in self.verdicts:
            counted[each.kind][verdict.outcome] += 1
        return counted

    @property
    def wrong(self) -> list[str]:
        """Everything that must not be: one line each."""
        found = [
            f"stream {each.number} ({each.kind}, {each.route}): {verdict.outcome.value}: {verdict.why}"
            for each, verdict in self.verdicts
            if verdict.outcome not in (HONEST if not each.continuable else (Outcome.WHOLE,))
        ]
        return [*found, *self.wrongly, *(f"the gateway logged: {fault}" for fault in self.faults)]


async def run(seed: int, streams: int, at_once: int, kinds: tuple[Kind, ...] = KINDS) -> Result:
    """Let so many streams go wrong in these ways."""
    began = time.monotonic()
    plans: Callable[[int], Plan] = cache(lambda number: plan(seed, number, kinds))
    provider = Provider(plans)
    result = Result(seed, asked=provider.asked, wrongly=provider.wrongly)
    waiting = iter(range(streams))

    async def client(running: Switchover) -> None:
        for number in waiting:
            result.verdicts.append((plans(number), await ask(running.url, plans(number))))

    async with provider.running(), _gateway(provider.port) as running:
        async with asyncio.TaskGroup() as clients:
            for _ in range(at_once):
                clients.create_task(client(running))
        await running.stop()
    result.faults = [line["msg"] for line in running.lines if line["level"] == "ERROR"]
    result.seconds = time.monotonic() - began
    return result


async def ask(url: str, of: Plan) -> Verdict:
    """Ask for one stream as a plain socket does, and judge the bytes that came."""
    host, _, port = url.removeprefix("http://").partition(":")
    prompt = {"role": "user", "content": f"Write stream {of.number}."}
    body = json.dumps({"model": "gpt-4o", "messages": [prompt], "stream": True}).encode()
    head = f"POST /{of.route} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n"
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    got = bytearray()
    end = await _read(reader, got)
    writer.transport.abort()
    return judge(bytes(got), end, of.text)


async def _read(reader: asyncio.StreamReader, got: bytearray) -> End:
    try:
        while piece := await asyncio.wait_for(reader.read(1 << 16), PATIENCE):
            got += piece
    except TimeoutError:
        return "time-out"
    except ConnectionError:
        return "reset"
    return "closed"


# ── The gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _gateway(port: int) -> AsyncIterator[Switchover]:
    with tempfile.TemporaryDirectory() as folder:
        manifests = Manifests(Path(folder), free_port())
        manifests.gateway()
        routes = [each for route, models in ROUTES.items() for each in _route(route, models, port)]
        manifests.write("chaos", _policy(), *routes)
        async with switchover(manifests.folder, manifests.port, port) as running:
            await running.says("ready: ")
            yield running


def _policy() -> dict[str, Any]:
    """Without cool-down, so that every stream meets its fault, and with less patience than people have."""
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "ai-gateway"}
    limits = {"firstTokenTimeout": "2s", "streamIdleTimeout": "2s", "coolDown": {"base": "0s"}}
    return _named("switchover.dev/v1alpha1", "FailoverPolicy", "chaos", {"targetRefs": [gateway], **limits})


def _route(name: str, models: int, port: int) -> list[dict[str, Any]]:
    pools = [{"pool": [_model(model, port, name)]} for model in MODELS[:models]]
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{name}"}}],
        "backendRefs": [{"name": name, "group": "gloo.solo.io", "kind": "Upstream"}],
    }
    return [
        _named("gloo.solo.io/v1", "Upstream", name, {"ai": {"multi": {"priorities": pools}}}),
        _named(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            name,
            {"parentRefs": [{"name": "ai-gateway"}], "rules": [rule]},
        ),
    ]


def _model(model: str, port: int, route: str) -> dict[str, Any]:
    token = {"secretRef": {"name": "openai-secret", "namespace": "gloo-system"}}
    provider = "mistral" if (route, model) == ("prefill", "second") else "openai"
    return {provider: {"model": model, "customHost": {"host": "127.0.0.1", "port": port}, "authToken": token}}


def _named(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, "spec": spec}
