"""`make agents`: Claude Code and Codex, unchanged, end a session with edits although their first provider fails.

The first provider has the agent's own API. It answers the first turn, fails in the next two, each time in the same way,
and is well again. The provider behind it has the same API in some tests and another one in others: that one refuses
whatever its real one would refuse.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.agents import LONGEST, Agent, ClaudeCode, Codex, Ended, run
from agents.failures import FAILURES, Failing
from agents.places import OWN, Asked, foreign, gateway, serving
from agents.session import COPY, MARK, SEARCHES, SECRET_FILE, good, search, turn_of
from running import Switchover
from switchover_simulator.behaviour import Behaviour
from switchover_simulator.request import Request

SAME: dict[str, tuple[Agent, str]] = {
    "claude-code": (ClaudeCode(), "messages"),
    "codex": (Codex(), "responses"),
    "codex to azure": (Codex(), "responses of azure"),
}
"""Agents, and the second provider, which has their API too."""
ELSEWHERE: dict[str, tuple[Agent, str]] = {
    "claude-code to bedrock": (ClaudeCode(), "bedrock"),
    "claude-code to openai": (ClaudeCode(), "openai-chat"),
    "codex to azure": (Codex(), "azure-chat"),
    "codex to anthropic": (Codex(), "anthropic"),
    "codex with custom tools to anthropic": (Codex("gpt-5.5"), "anthropic"),
    "codex with custom tools to azure": (Codex("gpt-5.5"), "azure-chat"),
}
"""Agents, and the second provider, which has another API."""
FAILS_IN = range(1, 3)


@dataclass
class Session:
    """A session: what the agent did, which provider was asked when, and what the files say at the end."""

    asked: Asked = field(default_factory=Asked)
    token: str = field(default_factory=lambda: f"token-{secrets.token_hex(6)}")
    ended: Ended = field(default_factory=lambda: Ended(None, "", ""))
    copied: str = ""
    marked: str = ""

    def holds(self) -> None:
        """Hold that the agent copied what it had read, marked it and said so, and that no provider had to refuse."""
        course = f"asked (provider, turn): {self.asked.turns}; the agent wrote at last: {self.ended.written[-600:]}"
        assert self.asked.faults == [], course
        assert self.ended.code == 0, course
        assert self.token in self.ended.final, course
        assert self.copied.strip() == self.token, course
        assert self.marked.strip() == f"{MARK}{self.token}", course


@asynccontextmanager
async def gateway_of_one_api(
    agent: Agent, first: Failing, folder: Path, its: Session, second: str
) -> AsyncIterator[Switchover]:
    """Serve two providers of the agent's own API."""
    servers = {"first": its.asked.server("first", first), "second": its.asked.server("second", good)}
    async with serving(servers) as ports:
        models = (OWN[agent.api]("first", ports["first"]), OWN[second]("second", ports["second"]))
        async with gateway(folder, *models) as served:
            yield served


@asynccontextmanager
async def gateway_of_two_apis(
    agent: Agent, first: Failing, folder: Path, its: Session, second: str
) -> AsyncIterator[Switchover]:
    """Serve a provider of the agent's own API, and a strict one of another."""
    async with (
        serving({"first": its.asked.server("first", first)}) as ports,
        foreign(second, its.asked) as (fake, named),
        gateway(folder, OWN[agent.api]("first", ports["first"]), named) as served,
    ):
        yield served
        its.asked.faults += fake.faults


async def session(agent: Agent, failing: Failing, folder: Path, second: str, *, fails_in: range = FAILS_IN) -> Session:
    """Let an agent copy and mark a token while the first provider fails, and the one that `second` names is well."""
    if missing := agent.missing():
        pytest.skip(f"{missing} is not installed: make agents")
    home, work, manifests = (folder / each for each in ("home", "work", "manifests"))
    for each in (home, work, manifests):
        each.mkdir()

    def first(request: Request) -> Behaviour:
        return failing(request) if turn_of(request) in fails_in else good(request)

    its = Session()
    (work / SECRET_FILE).write_text(f"{its.token}\n")
    serves = gateway_of_one_api if second in OWN else gateway_of_two_apis
    async with serves(agent, first, manifests, its, second) as served:
        its.ended = await run(agent, served.url, home, work)
    its.copied = (work / COPY).read_text() if (work / COPY).exists() else ""
    its.marked = (work / SECRET_FILE).read_text()
    return its


@pytest.mark.timeout(2 * LONGEST)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", SAME)
async def test_an_agent_ends_its_session_though_the_first_provider_fails_twice_in_a_row(
    tmp_path: Path, way: str, failure: str
) -> None:
    agent, second = SAME[way]
    its = await session(agent, FAILURES[failure], tmp_path, second)
    its.holds()
    assert ("first", 1) in its.asked.turns, "the first provider had to fail"
    assert ("second", 2) in its.asked.turns


@pytest.mark.timeout(2 * LONGEST)
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", ELSEWHERE)
async def test_an_agent_ends_its_session_at_a_provider_of_another_api(tmp_path: Path, way: str, failure: str) -> None:
    agent, second = ELSEWHERE[way]
    its = await session(agent, FAILURES[failure], tmp_path, second)
    its.holds()
    assert ("first", 1) in its.asked.turns, "the first provider had to fail"
    assert {("second", 1), ("second", 2)} <= set(its.asked.turns)


@pytest.mark.timeout(2 * LONGEST)
@pytest.mark.parametrize("second", ["anthropic", "azure-chat"])
async def test_codex_ends_its_session_elsewhere_with_tools_that_stand_within_the_conversation(
    tmp_path: Path, second: str
) -> None:
    its = await session(Codex("gpt-6.2-sol"), FAILURES["overload"], tmp_path, second, fails_in=range(9))
    its.holds()
    assert {("second", 0), ("second", 3)} <= set(its.asked.turns)


@pytest.mark.timeout(2 * LONGEST)
async def test_codex_goes_on_elsewhere_with_tools_that_it_had_searched_for(tmp_path: Path) -> None:
    def first(request: Request) -> Behaviour:
        has_searched = SEARCHES.encode() in (request.body or b"")
        return FAILURES["overload"](request) if has_searched else search(request)

    its = await session(Codex("gpt-5.5"), first, tmp_path, "anthropic", fails_in=range(9))
    its.holds()
    assert {("second", 0), ("second", 3)} <= set(its.asked.turns)


@pytest.mark.timeout(2 * LONGEST)
async def test_codex_goes_on_by_http_at_once_after_it_asked_for_a_websocket(tmp_path: Path) -> None:
    its = await session(Codex(websockets=True), good, tmp_path, "responses")
    its.holds()
    assert "Reconnecting" not in its.ended.written
    assert its.asked.methods == {"POST"}
