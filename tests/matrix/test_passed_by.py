"""Targets that cannot carry a request are passed by, and the one that can answers, whatever stands before it."""

from typing import Final

import pytest

from foreign import mixed
from matrix.cells import MAKERS, POLICY, TEXT, UNCARRIED
from matrix.clients import SESSIONS, Kind
from matrix.fake import Fake, serving
from serving import free_port, gateway

OWN: Final[dict[Kind, str]] = {
    "chat": "openai",
    "responses": "openai",
    "messages": "anthropic",
    "generate": "gemini",
    "mistralai": "mistral",
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", SESSIONS)
async def test_what_only_the_last_target_can_carry_is_asked_of_it_alone(kind: Kind, stream: bool) -> None:
    fields, _, carriers = UNCARRIED[kind]
    passed_by = [Fake(maker(), TEXT) for name, maker in MAKERS.items() if name not in carriers]
    own = Fake(MAKERS[OWN[kind]](), TEXT)
    assert passed_by
    async with serving(*passed_by, own):
        models = [(fake.maker.provider, fake.port) for fake in (*passed_by, own)]
        async with gateway(mixed(free_port(), models, POLICY)) as at:
            session = SESSIONS[kind](at.url)
            session.user("How is the weather?")
            reply = await session.ask(stream=stream, **fields)
            await session.close()
    assert (reply.text, own.faults) == (TEXT.text, [])
    assert [fake.maker.name for fake in passed_by if fake.seen] == []
    assert len(own.seen) == 1
