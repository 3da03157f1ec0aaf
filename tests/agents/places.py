"""Where the agents' requests go: providers of the agent's own API, strict ones of others, the gateway before them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from multidict import CIMultiDict

from agents.failures import Failing
from agents.session import lost, turn, turn_of
from matrix.fake import Fake, Maker
from matrix.fake import serving as serving_fakes
from matrix.of_anthropic import OfAnthropic
from matrix.of_bedrock import MODEL, OfBedrock
from matrix.of_openai import OfAzure, OfOpenAI
from matrix.plan import Call, Says
from running import Manifests, Switchover, free_port, switchover
from scripted import HOST
from serving import KEY, Seen
from switchover_simulator.behaviour import Answer, Behaviour
from switchover_simulator.request import Request
from switchover_simulator.server import Server

_TOKEN: Final = {"secretRef": {"name": "key", "namespace": "gloo-system"}}
_OPENAI: Final = "api.openai.com"
"""The host by which the gateway knows that a provider has the Responses API."""
_AZURE: Final = "agents.openai.azure.com"
"""The same at Azure."""
_DEPLOYMENT: Final = {"endpoint": _AZURE, "deploymentName": "deployed", "apiVersion": "2024-10-21"}

_MOST_OF_GPT_4O: Final = 16_384
_PATHS: Final = (
    "/v1/messages",
    "/v1/chat/completions",
    "/openai/deployments/deployed/chat/completions?api-version=2024-10-21",
    f"/model/{MODEL.replace(':', '%3A')}/converse-stream",
)
"""What the strict providers are asked for."""
_PREFIXES: Final = {"message": "msg_", "function_call": "fc_", "custom_tool_call": "ctc_"}
"""How the ids of items begin at OpenAI."""

OWN: Final[dict[str, Callable[[str, int], dict[str, Any]]]] = {
    "messages": lambda model, port: {"anthropic": {"model": model, **_at(port)}},
    "responses": lambda model, port: {"openai": {"model": model, **_at(port, _OPENAI)}},
    "responses of azure": lambda _, port: {"azureOpenai": {**_DEPLOYMENT, **_at(port, _AZURE)}},
}
"""How a provider of an agent's own API is named: by the API, the model and the port."""

FOREIGN: Final[dict[str, tuple[Callable[[], Maker], Callable[[int], dict[str, Any]]]]] = {
    "bedrock": (OfBedrock, lambda port: {"bedrock": {"model": MODEL, "region": "us-east-1", **_at(port)}}),
    "openai-chat": (OfOpenAI, lambda port: {"openai": {"model": "gpt-4o", **_at(port)}}),
    "azure-chat": (OfAzure, lambda port: {"azureOpenai": {**_DEPLOYMENT, **_at(port)}}),
    "anthropic": (OfAnthropic, lambda port: {"anthropic": {"model": "claude-sonnet-4-5", **_at(port)}}),
}
"""The strict providers, each with how it is named."""


def _at(port: int, name: str = "") -> dict[str, Any]:
    place = {"host": HOST, "port": port, **({"hostname": name} if name else {})}
    return {"customHost": place, "authToken": _TOKEN}


# ── Providers of the agent's own API ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Asked:
    """Which provider was asked in which turn, in order, by which methods, and what the real ones would refuse."""

    turns: list[tuple[str, int]] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def server(self, label: str, answers: Failing) -> Server:
        """Make a provider that answers so."""

        def choose(request: Request) -> Behaviour | None:
            if request.body is None:
                return None
            return answers(request) if request.api else Answer(status=404)

        def observe(request: Request, _behaviour: Behaviour) -> None:
            self.turns.append((label, turn_of(request)))
            self.methods.add(request.method)
            self.faults.extend(f"{label}: {fault}" for fault in _of_elsewhere(request))

        return Server(choose, observe, label)


def _of_elsewhere(request: Request) -> Iterator[str]:
    """Say what of a conversation its own API refuses, as it came from another one: reasoning, and ids of items.

    Sources: Claude docs, "Extended thinking"; OpenAI API reference, "Create a model response" (input items).
    """
    body = request.json if isinstance(request.json, dict) else {}
    for message in body.get("messages", ()):
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "thinking" and not block["signature"]:
                yield "Invalid `signature` in `thinking` block"
    for item in body.get("input", ()):
        if item["type"] == "reasoning" and not item.get("encrypted_content"):
            yield f"Item with id '{item.get('id')}' not found"
        elif not str(item.get("id") or _PREFIXES.get(item["type"], "")).startswith(_PREFIXES.get(item["type"], "")):
            yield f"Invalid 'id': {item['id']}"


@asynccontextmanager
async def serving(servers: Mapping[str, Server]) -> AsyncIterator[dict[str, int]]:
    """Serve each at a port of its own; by label."""
    async with AsyncExitStack() as stack:
        ports: dict[str, int] = {}
        for label, server in servers.items():
            ports[label] = await server.start(HOST, 0)
            stack.push_async_callback(server.stop)
        yield ports


# ── Providers of other APIs ─────────────────────────────────────────────────────────────────────────────────────────


class Foreign(Fake):
    """A strict provider that answers the turn that a request is in. `asked` gets it under the label "second".

    The ids of its calls come again in every answer, as those of some servers do.
    """

    def __init__(self, maker: Maker, asked: Asked) -> None:
        super().__init__(maker)
        self._asked = asked

    async def answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow the session."""
        method, target, _ = seen.line.split(" ")
        request = Request(0, method, target, CIMultiDict(seen.headers), time.time(), body=seen.body)
        self._asked.turns.append(("second", turn_of(request)))
        self._asked.faults += lost(request) + _too_long(request)
        said = turn(request)
        calls = tuple(Call(name, arguments) for name, arguments in said.calls)
        self.plans = [Says(tuple(f"{word} " for word in said.says.split()), calls, thinks=True)]
        await super().answer(seen, reader, writer)


def _too_long(request: Request) -> list[str]:
    """Say that an answer may become longer than the model writes (OpenAI docs, "Models": gpt-4o)."""
    limit = request.json.get("max_completion_tokens", 0)
    return [f"max_tokens is too large: {limit}"] if request.model == "gpt-4o" and limit > _MOST_OF_GPT_4O else []


def _ready(maker: Maker) -> None:
    """Judge a request before there is one, as the first judgement loads an SDK, which may take longer than silence."""
    for path in _PATHS:
        if (wire := maker.wire(path)) is not None:
            wire.faults(Seen(f"POST {path} HTTP/1.1", {}, b""), {"model": "gpt-4o", "messages": [], "stream": True})


@asynccontextmanager
async def foreign(name: str, asked: Asked) -> AsyncIterator[tuple[Foreign, dict[str, Any]]]:
    """Serve a strict provider; it comes with how it is named."""
    maker, named = FOREIGN[name]
    fake = Foreign(maker(), asked)
    _ready(fake.maker)
    async with serving_fakes(fake):
        yield fake, named(fake.port)


# ── The gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def gateway(folder: Path, *models: dict[str, Any]) -> AsyncIterator[Switchover]:
    """Serve these, by priority; shipped defaults but for `firstTokenTimeout`, which says when silence ends."""
    manifests = Manifests(folder, free_port())
    manifests.gateway()
    manifests.write("agents", _upstream(models), _route(), _policy(), _secret())
    async with switchover(folder, manifests.port, 9) as running:
        await running.says("ready: ")
        yield running
    assert KEY not in "".join(running.written)


def _upstream(models: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    pools = [{"pool": [model]} for model in models]
    return _named("gloo.solo.io/v1", "Upstream", "agents", spec={"ai": {"multi": {"priorities": pools}}})


def _route() -> dict[str, Any]:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "agents", "group": "gloo.solo.io", "kind": "Upstream"}],
    }
    spec = {"parentRefs": [{"name": "ai-gateway"}], "rules": [rule]}
    return _named("gateway.networking.k8s.io/v1", "HTTPRoute", "agents", spec=spec)


def _policy() -> dict[str, Any]:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "agents"}
    spec = {"targetRefs": [target], "firstTokenTimeout": "2s"}
    return _named("switchover.dev/v1alpha1", "FailoverPolicy", "agents", spec=spec)


def _secret() -> dict[str, Any]:
    return _named("v1", "Secret", "key", stringData={"Authorization": KEY})


def _named(api: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, **fields}


__all__ = ["FOREIGN", "OWN", "Asked", "Foreign", "foreign", "gateway", "serving"]
