"""One Upstream with a model of another API in each priority: whatever fails before it, a client gets a whole answer."""

from contextlib import AsyncExitStack
from typing import Final

import pytest
from msgspec.structs import replace

from foreign import mixed
from matrix.cells import CALLS, TEXT, expect_calls
from matrix.clients import SESSIONS, Kind, Session
from matrix.fake import Fake, serving
from matrix.of_anthropic import OfAnthropic
from matrix.of_bedrock import OfBedrock
from matrix.of_google import OfGemini
from matrix.of_openai import OfOpenAI
from matrix.plan import Breaks, Fails, Plan, Says
from serving import free_port, gateway
from switchover_dataplane.table.policies import CoolDown, Policy

SOON: Final = 0.3
"""Seconds: a silent model has so long."""

PATIENT: Final = Policy(attempts=4, cool_down=CoolDown(base=0))
HASTY: Final = replace(PATIENT, first_token_timeout=SOON, first_token_timeout_reasoning=SOON, answer_timeout=SOON)
HALF_A_CALL: Final = Breaks("cut after content", Says((), CALLS.calls[:1]))
WAYS: Final[dict[str, Plan]] = {
    "429": Fails("limit"),
    "529": Fails("overloaded"),
    "reset": Breaks("reset"),
    "silent": Breaks("silent"),
    "error under 200": Breaks("error under 200"),
    "cut after content": Breaks("cut after content", TEXT),
}
MIXED: Final = (
    ("silent", "cut after content", "error under 200"),
    ("cut after content", "429", "reset"),
    ("reset", "silent", "cut after content"),
    ("529", "error under 200", "silent"),
)


class Chain:
    """Four providers and a gateway before them."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.clients: dict[Policy, Session] = {}
        self.fakes = [Fake(maker) for maker in (OfOpenAI(), OfAnthropic(), OfBedrock(), OfGemini())]

    async def serve(self, stack: AsyncExitStack) -> None:
        """Serve them all, until the stack ends."""
        await stack.enter_async_context(serving(*self.fakes))
        models = [(fake.maker.provider, fake.port) for fake in self.fakes]
        for policy in (PATIENT, HASTY):
            at = await stack.enter_async_context(gateway(mixed(free_port(), models, policy)))
            client = self.clients[policy] = SESSIONS[self.kind](at.url)
            stack.push_async_callback(client.close)

    def fails(self, plans: list[Plan], says: Says) -> Session:
        """Let the first ones fail, and all others answer; return a conversation that waits for an answer."""
        for number, fake in enumerate(self.fakes):
            fake.does(plans[number] if number < len(plans) else says)
        session = self.clients[HASTY if WAYS["silent"] in plans else PATIENT].anew()
        session.user("How is the weather?")
        return session

    def check(self, failing: int, *, is_hasty: bool = False) -> None:
        """Check that those were asked that it takes, and that nobody had anything against its request.

        Where a model is given up soon, a busy machine may take another one for silent.
        """
        assert [fault for fake in self.fakes for fault in fake.faults] == []
        asked = [bool(fake.seen) for fake in self.fakes]
        assert asked[: failing + 1] == [True] * (failing + 1), asked
        assert is_hasty or not any(asked[failing + 1 :]), asked


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", SESSIONS)
async def test_whatever_fails_in_the_first_three_a_client_gets_a_whole_answer(kind: Kind, stream: bool) -> None:
    chain = Chain(kind)
    failures = [[way] * failing for way in WAYS for failing in (1, 2, 3)] + [list(each) for each in MIXED]
    async with AsyncExitStack() as stack:
        await chain.serve(stack)
        for ways in failures:
            session = chain.fails([WAYS[way] for way in ways], TEXT)
            reply = await session.ask(stream=stream)
            assert (reply.text, reply.calls, reply.refused) == (TEXT.text, [], False), ways
            chain.check(len(ways), is_hasty="silent" in ways)


@pytest.mark.parametrize("kind", ["chat", "responses", "messages", "generate"])
async def test_a_call_that_is_cut_in_the_first_three_comes_whole_from_the_fourth(kind: Kind) -> None:
    chain = Chain(kind)
    async with AsyncExitStack() as stack:
        await chain.serve(stack)
        session = chain.fails([HALF_A_CALL] * 3, Says((), CALLS.calls))
        reply = await session.ask(stream=True, with_tools=True)
    expect_calls(reply)
    chain.check(3)
