"""A conversation that changes its provider before every turn and comes back: nobody refuses what others have said."""

from typing import Any, Final

import pytest

from foreign import mixed
from matrix.cells import CALLS, POLICY, TEXT, expect_calls
from matrix.clients import SESSIONS, Kind
from matrix.fake import Fake, serving
from matrix.of_anthropic import SIGNED as BY_CLAUDE
from matrix.of_anthropic import OfAnthropic
from matrix.of_bedrock import OfBedrock
from matrix.of_google import SIGNED as BY_GEMINI
from matrix.of_google import OfGemini
from matrix.of_openai import SIGNED as BY_OPENAI
from matrix.of_openai import OfMistral, OfOpenAI
from matrix.plan import Says
from serving import Gateway, free_port, gateway
from switchover_dataplane.served_table import Ack
from switchover_dataplane.table.wire import encode

THINKS: Final = Says(TEXT.pieces, thinks=True)
THINKS_AND_CALLS: Final = Says(CALLS.pieces, CALLS.calls, thinks=True)
TURNS: Final = (
    ("openai", THINKS),
    ("anthropic", THINKS_AND_CALLS),
    ("gemini", THINKS_AND_CALLS),
    ("bedrock", THINKS_AND_CALLS),
    ("mistral", TEXT),
    ("openai", THINKS_AND_CALLS),
    # Whoever signed something gets it back, and writes the same ids once more.
    ("anthropic", THINKS_AND_CALLS),
    ("gemini", THINKS_AND_CALLS),
    ("bedrock", THINKS_AND_CALLS),
    ("openai", THINKS_AND_CALLS),
    ("mistral", CALLS),
    ("gemini", TEXT),
)
MAKERS_OF: Final = {
    BY_CLAUDE: {"anthropic", "bedrock"},
    BY_GEMINI: {"gemini"},
    BY_OPENAI: {"openai"},
}
OWN: Final[dict[Kind, tuple[str, str]]] = {
    "messages": (BY_CLAUDE, "anthropic"),
    "generate": (BY_GEMINI, "gemini"),
    "responses": (BY_OPENAI, "openai"),
}


async def _serve(at: Gateway, fake: Fake) -> None:
    """Let a provider answer from now on."""
    table = mixed(at.port, [(fake.maker.provider, fake.port)], POLICY)
    applied = await at.state.apply(encode(table), at.listeners)
    assert isinstance(applied, Ack), applied


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", SESSIONS)
async def test_a_conversation_goes_from_provider_to_provider_and_back(kind: Kind, stream: bool) -> None:
    if kind == "mistralai" and stream:
        pytest.skip("Mistral's SDK reads no calls that come in pieces, as OpenAI writes them")
    makers: tuple[Any, ...] = (OfOpenAI(), OfAnthropic(), OfGemini(), OfBedrock(), OfMistral())
    fakes = {maker.name: Fake(maker) for maker in makers}
    bodies: list[tuple[str, str]] = []
    async with serving(*fakes.values()):
        first = fakes["openai"]
        async with gateway(mixed(free_port(), [(first.maker.provider, first.port)], POLICY)) as at:
            session = SESSIONS[kind](at.url)
            try:
                session.user("How is the weather?", image=True)
                for number, (name, says) in enumerate(TURNS):
                    fake = fakes[name]
                    fake.does(says)
                    await _serve(at, fake)
                    reply = await session.ask(stream=stream, with_tools=True)
                    assert fake.faults == []
                    bodies.append((name, fake.seen[-1].body.decode()))
                    assert reply.text == says.text, (number, name)
                    if says.calls:
                        expect_calls(reply)
                        session.results(reply, f"{number}1 degrees", f"{number}2 degrees")
                    else:
                        session.user(f"And in {number} days?")
            finally:
                await session.close()
    _check_signatures(kind, bodies)
    last = bodies[-1][1]
    said = [f"{number}{each} degrees" for number, (_, says) in enumerate(TURNS) if says.calls for each in (1, 2)]
    assert [text for text in said if text not in last] == []


def _check_signatures(kind: Kind, bodies: list[tuple[str, str]]) -> None:
    """Check that signatures go to their makers alone, and to these where the client's format has a place for them."""
    for signature, makers in MAKERS_OF.items():
        assert {name for name, body in bodies if signature in body} <= makers
    if kind in OWN:
        signature, maker = OWN[kind]
        came_back = [signature in body for name, body in bodies if name == maker]
        assert came_back == [False, *[True] * (len(came_back) - 1)], came_back
