"""A client's format and a provider: what of it holds, for each case, whole and streamed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import pytest

from foreign import mixed
from matrix.clients import IMAGE, LIMIT, SESSIONS, TOOL, Kind, Reply, Session
from matrix.fake import Fake, Maker, serving
from matrix.of_anthropic import ClaudeOfVertex, OfAnthropic
from matrix.of_bedrock import BLOCKED, OfBedrock
from matrix.of_google import GeminiOfVertex, OfGemini
from matrix.of_openai import OfAzure, OfMistral, OfOpenAI
from matrix.plan import REFUSAL, REFUSES, Breaks, Call, Fails, Reason, Says
from serving import free_port, gateway
from switchover_dataplane.table.policies import CoolDown, Policy

MAKERS: Final[dict[str, Callable[[], Maker]]] = {
    "openai": OfOpenAI,
    "azureOpenai": OfAzure,
    "mistral": OfMistral,
    "anthropic": OfAnthropic,
    "gemini": OfGemini,
    "vertexAi": GeminiOfVertex,
    "vertexAi/claude": ClaudeOfVertex,
    "bedrock": OfBedrock,
}
POLICY: Final = Policy(cool_down=CoolDown(base=0))
TEXT: Final = Says(("It is ", "warm in Paris, ", "and cold ", "in Rome."))
CALLS: Final = Says(("I will look.",), (Call(TOOL, {"city": "Paris"}), Call(TOOL, {"city": "Rome"})))
WEATHER: Final = Says(('{"city":', '"Paris",', '"degrees":21}'))
TOKENS: Final = (7, 5)


class Cell:
    """One client and one provider, twice: what the first of them cannot do, the second does."""

    def __init__(self, kind: Kind, first: Fake, second: Fake, client: Session) -> None:
        self.kind = kind
        self.first = first
        self.second = second
        self.client = client

    def session(self, question: str = "How is the weather?", *, image: bool = False) -> Session:
        """Begin a conversation."""
        session = self.client.anew()
        session.user(question, image=image)
        return session

    @property
    def faults(self) -> list[str]:
        """What the providers had against the requests."""
        return self.first.faults + self.second.faults


Case = Callable[[Cell, bool], Awaitable[None]]


async def _asked(cell: Cell, stream: bool, **others: Any) -> Reply:
    image = bool(others.pop("image", False))
    session = cell.session(image=image)
    return await session.ask(stream=stream, **others)


async def plain_text(cell: Cell, stream: bool) -> None:
    cell.first.does(TEXT)
    reply = await _asked(cell, stream)
    assert (reply.text, reply.calls, reply.refused) == (TEXT.text, [], False), reply
    # A stream of Chat Completions has no count for those who do not ask for it, as Mistral's SDK does not.
    assert reply.tokens == TOKENS or (cell.kind == "mistralai" and stream), reply.tokens


async def parallel_calls_and_their_results(cell: Cell, stream: bool) -> None:
    cell.first.does(CALLS, TEXT)
    session = cell.session()
    reply = await session.ask(stream=stream, with_tools=True)
    expect_calls(reply)
    session.results(reply, "21 degrees", "9 degrees")
    reply = await session.ask(stream=stream, with_tools=True)
    assert (reply.text, reply.calls) == (TEXT.text, []), reply
    sent = cell.first.seen[-1].body.decode()
    assert 0 < sent.index("21 degrees") < sent.index("9 degrees"), sent


def expect_calls(reply: Reply) -> None:
    """Check that a reply has the calls of `CALLS`, each with an id of its own."""
    expected = [(call.name, call.arguments) for call in CALLS.calls]
    assert [(name, arguments) for _, name, arguments in reply.calls] == expected, reply
    ids = [each for each, _, _ in reply.calls if each]
    assert len(set(ids)) == len(ids), ids


async def an_image(cell: Cell, stream: bool) -> None:
    cell.first.does(TEXT)
    reply = await _asked(cell, stream, image=True)
    assert reply.text == TEXT.text, reply
    sent = cell.first.seen[-1].body.decode()
    assert IMAGE in sent or (cell.kind == "generate" and _for_urls(IMAGE) in sent), sent


def _for_urls(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


async def structured_output(cell: Cell, stream: bool) -> None:
    cell.first.does(WEATHER)
    reply = await _asked(cell, stream, with_schema=True)
    assert reply.parsed is not None, reply
    assert (reply.parsed.city, reply.parsed.degrees) == ("Paris", 21)
    assert "degrees" in json.dumps(cell.first.body), cell.first.body


async def a_refusal(cell: Cell, stream: bool) -> None:
    cell.first.does(REFUSES)
    reply = await _asked(cell, stream)
    assert reply.refused, reply
    assert reply.text in {"", BLOCKED, REFUSAL}, reply


def an_error(reason: Reason) -> Case:
    async def case(cell: Cell, stream: bool) -> None:
        cell.first.does(Fails(reason))
        cell.second.does(Fails(reason))
        session = cell.session()
        kind, status = session.errors[reason]
        with pytest.raises(kind) as raised:
            await session.ask(stream=stream)
        code = getattr(raised.value, "status_code", None) or getattr(raised.value, "code", None)
        assert code == status or (reason == "overloaded" and code == 503), code

    return case


def broken(how: Any, *, shown: bool = False) -> Case:
    async def case(cell: Cell, stream: bool) -> None:
        cell.first.does(Breaks(how, TEXT))
        cell.second.does(TEXT)
        reply = await _asked(cell, stream)
        assert reply.text == TEXT.text, reply
        assert len(cell.second.seen) == 1
        continued = stream and shown
        said = json.dumps(TEXT.text.rpartition("in Rome.")[0].strip())[1:-1]
        assert (said in cell.second.seen[0].body.decode()) is continued, cell.second.seen[0].body

    return case


async def a_cut_that_nobody_continues(cell: Cell, stream: bool) -> None:
    cell.first.does(Breaks("cut after content", TEXT))
    cell.second.does(Fails("overloaded"))
    session = cell.session()
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one it is depends on the SDK
        await session.ask(stream=stream)
    assert not isinstance(raised.value, AssertionError | TypeError | KeyError | AttributeError), repr(raised.value)


async def a_call_that_is_cut(cell: Cell, stream: bool) -> None:
    cell.first.does(Breaks("cut after content", Says((), CALLS.calls[:1])))
    cell.second.does(Says((), CALLS.calls))
    reply = await _asked(cell, stream, with_tools=True)
    expect_calls(reply)


# What only some APIs carry: the fields of a request, the field that is named, and who has it.
_OPENAI: Final = frozenset(("openai", "azureOpenai"))
_GOOGLE: Final = frozenset(("gemini", "vertexAi"))
_CLAUDE: Final = frozenset(("anthropic", "vertexAi/claude"))
_SEARCH: Final = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
UNCARRIED: Final[dict[Kind, tuple[dict[str, Any], str, frozenset[str]]]] = {
    "chat": ({"logit_bias": {"50256": -100}}, "logit_bias", _OPENAI | {"mistral"}),
    "mistralai": ({"n": 2}, "n ", _OPENAI | {"mistral"} | _GOOGLE),
    "responses": ({"previous_response_id": "resp_1"}, "previous_response_id", _OPENAI),
    "messages": ({"tools": [_SEARCH]}, "tools[0]", _CLAUDE),
    "generate": ({"cached_content": "cachedContents/1"}, "cachedContent", _GOOGLE),
}


async def what_it_cannot_carry(cell: Cell, stream: bool) -> None:
    fields, named, carriers = UNCARRIED[cell.kind]
    if cell.first.maker.name in carriers:
        return
    cell.first.does(TEXT)
    session = cell.session()
    kind, _ = session.errors["request"]
    with pytest.raises(kind) as raised:
        await session.ask(stream=stream, **fields)
    assert named in str(raised.value), str(raised.value)
    assert cell.first.seen == []


CASES: Final[dict[str, Case]] = {
    "text": plain_text,
    "calls and results": parallel_calls_and_their_results,
    "image": an_image,
    "structured output": structured_output,
    "refusal": a_refusal,
    "error: request": an_error("request"),
    "error: limit": an_error("limit"),
    "error: overloaded": an_error("overloaded"),
    "cut before content": broken("cut before content"),
    "cut after content": broken("cut after content", shown=True),
    "cut and not continued": a_cut_that_nobody_continues,
    "cut call": a_call_that_is_cut,
    "not carried": what_it_cannot_carry,
}

_NO_MARK: Final = "Mistral has no mark for a refusal"
_UNREAD: Final = "Mistral's SDK reads no refusal as OpenAI writes it"
_IN_PIECES: Final = "Mistral's SDK reads no calls that come in pieces, as OpenAI writes them"


def _meant(kind: Kind, maker: str, case: str, stream: bool) -> str:
    """Say why a case is not asked of a client at a provider, "" if it is."""
    if case == "cut and not continued" and not stream:
        return "an answer that is no stream is never cut for the client"
    if case == "refusal" and maker == "mistral":
        return _NO_MARK
    if kind != "mistralai" or maker == "mistral":
        return ""
    if stream and case in {"calls and results", "cut call"}:
        return _IN_PIECES
    return _UNREAD if maker in _OPENAI and case == "refusal" else ""


async def held(kind: Kind, maker: str) -> dict[tuple[str, bool], str]:
    """Try every case with a client at a provider: what went wrong, by the case and whether it was streamed, if any."""
    first, second = Fake(MAKERS[maker]()), Fake(MAKERS[maker]())
    found: dict[tuple[str, bool], str] = {}
    async with serving(first, second):
        models = [(first.maker.provider, first.port), (second.maker.provider, second.port)]
        async with gateway(mixed(free_port(), models, POLICY)) as at:
            cell = Cell(kind, first, second, SESSIONS[kind](at.url))
            for name, case in CASES.items():
                for stream in (False, True):
                    if _meant(kind, maker, name, stream):
                        continue
                    found[name, stream] = await _tried(cell, case, stream)
            await cell.client.close()
        await _everybody_left()
    return found


async def _everybody_left() -> None:
    """Wait until the connections of the gateway have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=5)


async def _tried(cell: Cell, case: Case, stream: bool) -> str:
    cell.first.does(TEXT)
    cell.second.does(TEXT)
    try:
        async with asyncio.timeout(50):
            await case(cell, stream)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - it is told, not handled
        faults = f"; judged: {cell.faults}" if cell.faults else ""
        return f"{type(error).__name__}: {error}{faults}"[:1500]
    return "; ".join(cell.faults)


def wrong(found: Mapping[tuple[str, bool], str]) -> list[str]:
    """Tell what did not hold."""
    return [f"{case}, {'streamed' if stream else 'whole'}: {what}" for (case, stream), what in found.items() if what]


def told(results: Mapping[tuple[Kind, str], Mapping[tuple[str, bool], str]], kinds: Sequence[Kind]) -> list[str]:
    """Write the matrix: of each client and provider, how many cases hold, whole and streamed."""
    lines = [f"{'':17}" + "".join(f"{kind:>22}" for kind in kinds)]
    for maker in MAKERS:
        row = f"{maker:17}"
        for kind in kinds:
            cell = results[kind, maker]
            counts = []
            for stream in (False, True):
                of = [what for (_, streamed), what in cell.items() if streamed is stream]
                counts.append(f"{sum(not what for what in of)}/{len(of)}")
            row += f"{' '.join(counts):>22}"
        lines.append(row)
    return lines


__all__ = ["CASES", "LIMIT", "MAKERS", "held", "told", "wrong"]
