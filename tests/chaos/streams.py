"""A gateway, a provider that plays plans, and as many clients at once as wanted → a verdict for each stream."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from chaos.client import answered
from chaos.gateway import Manifest, gateway, policy, route, target
from chaos.plan import KINDS, ROUTES, Kind, Plan, plan
from chaos.provider import MODELS, Provider
from chaos.verdict import HONEST, Outcome, Verdict, judge
from running import Switchover


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

    async with provider.running(), gateway(*_objects(provider.port)) as running:
        async with asyncio.TaskGroup() as clients:
            for _ in range(at_once):
                clients.create_task(client(running))
        await running.stop()
    result.faults = [line["msg"] for line in running.lines if line["level"] == "ERROR"]
    result.seconds = time.monotonic() - began
    return result


async def ask(url: str, of: Plan) -> Verdict:
    """Ask for one stream, and judge the bytes that came."""
    prompt = {"role": "user", "content": f"Write stream {of.number}."}
    got, end = await answered(url, f"/{of.route}", {"model": "gpt-4o", "messages": [prompt], "stream": True})
    return judge(got, end, of.text)


def _objects(port: int) -> list[Manifest]:
    # With less patience than people have.
    objects = [policy(firstTokenTimeout="4s", streamIdleTimeout="4s")]
    for name, models in ROUTES.items():
        objects += route(name, [_model(model, port, name) for model in MODELS[:models]])
    return objects


def _model(model: str, port: int, name: str) -> Manifest:
    return target(model, port, "mistral" if (name, model) == ("prefill", "second") else "openai")
