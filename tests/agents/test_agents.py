"""`make agents`: Claude Code and Codex, unchanged, end a session with tools although their first provider fails.

Two providers of the agent's own API stand behind the gateway. The first one answers the first turn and fails from the
second one on, each time in the same way; shipped defaults but for `firstTokenTimeout`, which says when silence ends.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents.agents import LONGEST, Agent, ClaudeCode, Codex, Ended, run
from agents.failures import FAILURES, Failing
from agents.session import COPY, SECRET_FILE, good
from running import SECRET, Manifests, Switchover, free_port, switchover
from scripted import HOST
from switchover_simulator.behaviour import Answer, Behaviour
from switchover_simulator.request import Request
from switchover_simulator.server import Server

AGENTS: dict[str, Agent] = {"claude-code": ClaudeCode(), "codex": Codex()}


@dataclass
class Providers:
    """Both providers: which one was asked in which turn, in order, and by which methods they were asked."""

    failing: Failing
    asked: list[tuple[str, int]] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    ports: dict[str, int] = field(default_factory=dict)

    def _first(self, request: Request) -> Behaviour:
        return good(request) if request.turn == 0 else self.failing(request)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Providers"]:
        servers = {"first": self._server("first", self._first), "second": self._server("second", good)}
        for label, server in servers.items():
            self.ports[label] = await server.start(HOST, 0)
        try:
            yield self
        finally:
            for server in servers.values():
                await server.stop()

    def _server(self, label: str, answers: Failing) -> Server:
        def choose(request: Request) -> Behaviour | None:
            if request.body is None:
                return None
            return answers(request) if request.api else Answer(status=404)

        def observe(request: Request, _behaviour: Behaviour) -> None:
            self.asked.append((label, request.turn))
            self.methods.add(request.method)

        return Server(choose, observe, label)


@asynccontextmanager
async def gateway(folder: Path, providers: Providers) -> AsyncIterator[Switchover]:
    """Serve both providers, by priority."""
    manifests = Manifests(folder, free_port())
    manifests.gateway()
    token = {"secretRef": {"name": "openai-secret", "namespace": "gloo-system"}}
    pools = [
        {"pool": [{"openai": {"model": label, "customHost": {"host": HOST, "port": port}, "authToken": token}}]}
        for label, port in providers.ports.items()
    ]
    manifests.write("agents", _upstream(pools), _route(), _policy())
    async with switchover(folder, manifests.port, 9) as running:
        await running.says("ready: ")
        yield running
    assert SECRET not in "".join(running.written)


def _upstream(pools: list[dict[str, Any]]) -> dict[str, Any]:
    return _named("gloo.solo.io/v1", "Upstream", "agents", {"ai": {"multi": {"priorities": pools}}})


def _route() -> dict[str, Any]:
    # What the agents ask for goes to the providers' own paths, which an AI Upstream would replace otherwise.
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [rewrite],
        "backendRefs": [{"name": "agents", "group": "gloo.solo.io", "kind": "Upstream"}],
    }
    spec = {"parentRefs": [{"name": "ai-gateway"}], "rules": [rule]}
    return _named("gateway.networking.k8s.io/v1", "HTTPRoute", "agents", spec)


def _policy() -> dict[str, Any]:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "agents"}
    return _named(
        "switchover.dev/v1alpha1",
        "FailoverPolicy",
        "agents",
        {"targetRefs": [target], "firstTokenTimeout": "2s"},
    )


def _named(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, "spec": spec}


@dataclass(frozen=True)
class Session:
    """A session that ended: what the agent did, and what its files say."""

    ended: Ended
    token: str
    copied: str
    course: str

    def holds(self) -> None:
        """Hold that the agent copied what it had read, and said so."""
        assert self.ended.code == 0, self.course
        assert self.token in self.ended.final, self.course
        assert self.copied == self.token, self.course


async def session(agent: Agent, failing: Failing, folder: Path) -> tuple[Session, Providers]:
    """Let an agent copy a token while the first provider fails."""
    if missing := agent.missing():
        pytest.skip(f"{missing} is not installed: make agents")
    home, work, manifests = (folder / each for each in ("home", "work", "manifests"))
    for each in (home, work, manifests):
        each.mkdir()
    token = f"token-{secrets.token_hex(6)}"
    (work / SECRET_FILE).write_text(f"{token}\n")
    async with Providers(failing).running() as providers, gateway(manifests, providers) as served:
        ended = await run(agent, served.url, home, work)
    copied = (work / COPY).read_text() if (work / COPY).exists() else ""
    course = f"asked (provider, turn): {providers.asked}; the agent wrote at last: {ended.written[-600:]}"
    return Session(ended, token, copied, course), providers


@pytest.mark.timeout(2 * LONGEST)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_ends_its_session_though_the_first_provider_fails_from_the_second_turn_on(
    tmp_path: Path, name: str, failure: str
) -> None:
    its, providers = await session(AGENTS[name], FAILURES[failure], tmp_path)
    its.holds()
    assert ("first", 1) in providers.asked, "the first provider had to fail"
    assert ("second", 2) in providers.asked


@pytest.mark.timeout(2 * LONGEST)
async def test_codex_goes_on_by_http_at_once_after_it_asked_for_a_websocket(tmp_path: Path) -> None:
    its, providers = await session(Codex(websockets=True), good, tmp_path)
    its.holds()
    assert "Reconnecting" not in its.ended.written, its.course
    assert providers.methods == {"POST"}
