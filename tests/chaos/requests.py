"""Requests to two targets that both misbehave at random, through a running gateway → a verdict for each request.

A seed and a number say what each target does with a request, and with its repeats; half of them ask for a stream, and
half for another API than Chat Completions. Where the second target is well, an answer has to come out whole, but for a
stream of which content was shown and whose API cannot be continued.
"""

import asyncio
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from chaos.apis import APIS, Api
from chaos.client import answered
from chaos.deeds import BAD, DEEDS, MIDWAY, WELL
from chaos.gateway import gateway, policy, rewritten, route, target
from chaos.plan import text
from chaos.provider import resumes_at
from chaos.verdict import HONEST, Outcome, Verdict, judge, judge_whole
from switchover_simulator.behaviour import Answer, Behaviour
from switchover_simulator.request import Request as Asked
from switchover_simulator.server import Server

LABELS: Final = ("first", "second")
_SHARE_OF_BAD: Final = {"first": 0.75, "second": 0.4}
_MOST_ATTEMPTS: Final = 4
_LIMIT: Final = {"timeouts": {"request": "10s"}}
_NUMBER: Final = re.compile(r"Write text (\d+)")


@dataclass(frozen=True)
class Request:
    """One request: what should be answered, and the kind of what each target does, attempt by attempt."""

    number: int
    api: Api
    stream: bool
    text: str
    kinds: dict[str, tuple[str, ...]]
    seed: str

    @property
    def kind(self) -> str:
        """What the first target does at first."""
        return self.kinds["first"][0]

    @property
    def can_be_saved(self) -> bool:
        """Whether a good answer is to be had for certain, whichever attempts are made."""
        committed = self.stream and self.api != "chat" and not MIDWAY.isdisjoint(self.kinds["first"])
        return not committed and all(kind in WELL for kind in self.kinds["second"])

    def does(self, label: str, attempt: int, asked: Asked) -> Behaviour:
        """Return what a target does in this attempt; one that is shown the beginning of the answer goes on with it."""
        attempt = min(attempt, _MOST_ATTEMPTS - 1)
        chance = random.Random(f"{self.seed}/{label}/{attempt}")
        return DEEDS[self.kinds[label][attempt]](chance, self._rest(asked), asked)

    def _rest(self, asked: Asked) -> str:
        messages = asked.json.get("messages", ())
        sent = next((str(each["content"]) for each in reversed(messages) if each["role"] == "assistant"), "")
        return self.text[resumes_at(sent, str(messages[-1]["content"])) :] if sent else self.text


def planned(seed: int, number: int) -> Request:
    """Make the request of this number: every kind gets its share at the first target."""
    own = f"{seed}/requests/{number}"
    chance = random.Random(own)
    names = [*DEEDS]
    kinds = {label: tuple(_kind(chance, label) for _ in range(_MOST_ATTEMPTS)) for label in LABELS}
    if chance.random() < 0.5:  # at its worst all the time, with its share for every kind
        kinds["first"] = (names[number % len(names)],) * _MOST_ATTEMPTS
    if chance.random() < 0.5:
        kinds["second"] = (chance.choice([*WELL]),) * _MOST_ATTEMPTS
    api = chance.choice([*APIS]) if chance.random() < 0.75 else "chat"
    return Request(number, api, chance.random() < 0.5, text(chance, number), kinds, own)


def _kind(chance: random.Random, label: str) -> str:
    if chance.random() < _SHARE_OF_BAD[label]:
        return chance.choice([*BAD])
    return chance.choice([each for each in DEEDS if each not in BAD])


@dataclass
class Result:
    """What became of all requests. `faults` are what the gateway logged as its own."""

    seed: int
    verdicts: list[tuple[Request, Verdict]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def table(self) -> dict[str, Counter[Outcome]]:
        """How often each outcome followed what the first target did."""
        counted: dict[str, Counter[Outcome]] = {kind: Counter() for kind in DEEDS}
        for each, verdict in self.verdicts:
            counted[each.kind][verdict.outcome] += 1
        return counted

    @property
    def saved(self) -> int:
        """How many came out whole though the first target had failed at first."""
        return sum(each.kind in BAD and verdict.outcome is Outcome.WHOLE for each, verdict in self.verdicts)

    @property
    def lost(self) -> int:
        """How many failed honestly though the second target was well; none should."""
        return sum(each.can_be_saved and verdict.outcome is Outcome.FAILED for each, verdict in self.verdicts)

    @property
    def wrong(self) -> list[str]:
        """Everything that must not be: one line each."""
        found = [
            f"request {each.number} ({each.api}, {'stream' if each.stream else 'whole'}, {each.kinds['first'][:2]}, "
            f"{each.kinds['second'][:2]}): {verdict.outcome.value}: {verdict.why}"
            for each, verdict in self.verdicts
            if verdict.outcome not in (HONEST if not each.can_be_saved else (Outcome.WHOLE,))
        ]
        return [*found, *(f"the gateway logged: {fault}" for fault in self.faults)]


async def run(seed: int, requests: int, at_once: int) -> Result:
    """Let so many requests meet both targets."""
    began = time.monotonic()
    plans: Callable[[int], Request] = cache(lambda number: planned(seed, number))
    result = Result(seed)
    waiting = iter(range(requests))

    async def client(url: str) -> None:
        for number in waiting:
            result.verdicts.append((plans(number), await _ask(url, plans(number))))

    async with _targets(plans) as ports:
        pools = [target(label, port) for label, port in ports.items()]
        # The last target that is silent is waited for without end, but for the route's own limit.
        limits = policy(firstTokenTimeout="1s", streamIdleTimeout="1s", answerTimeout="1s")
        routes = [each for api, path in APIS.items() for each in route(api, pools, filters=[rewritten(path)], **_LIMIT)]
        async with gateway(limits, *routes) as running:
            async with asyncio.TaskGroup() as clients:
                for _ in range(at_once):
                    clients.create_task(client(running.url))
            await running.stop()
    result.faults = [line["msg"] for line in running.lines if line["level"] == "ERROR"]
    result.seconds = time.monotonic() - began
    return result


async def _ask(url: str, of: Request) -> Verdict:
    prompt = f"Write text {of.number}."
    asked = {"input": prompt} if of.api == "responses" else {"messages": [{"role": "user", "content": prompt}]}
    got, end = await answered(url, f"/{of.api}", {"model": "any", "max_tokens": 999, "stream": of.stream, **asked})
    return (judge if of.stream else judge_whole)(got, end, of.text, of.api)


@asynccontextmanager
async def _targets(plans: Callable[[int], Request]) -> AsyncIterator[dict[str, int]]:
    servers = {label: _target(label, plans) for label in LABELS}
    try:
        yield {label: await server.start("127.0.0.1", 0) for label, server in servers.items()}
    finally:
        for server in servers.values():
            await server.stop()


def _target(label: str, plans: Callable[[int], Request]) -> Server:
    attempts: defaultdict[int, int] = defaultdict(int)

    def choose(asked: Asked) -> Behaviour | None:
        if asked.body is None:
            return None
        found = _NUMBER.search(asked.body.decode())
        if found is None:  # what a redirect led to
            return Answer(status=404)
        number = int(found[1])
        attempts[number] += 1
        return plans(number).does(label, attempts[number] - 1, asked)

    return Server(choose, lambda _request, _behaviour: None, label)
