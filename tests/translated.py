"""What tests of translations share: recordings of real providers, streams cut anywhere, answers of any kind."""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.translation.answers import Answer, AnswerBlock, Citation, Event, Stop, Usage
from switchover_dataplane.translation.format import Asked, Asker, Format, ProviderKind, Written
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.json_schemas import as_object, as_text
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import Reasoning, Request, Text, Thinking, ToolCall, Turn

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
ID = "0123456789abcdefghijABCD"


def recordings(*patterns: str) -> pytest.MarkDecorator:
    """Mark a test for each recording; without recordings it is skipped by name."""
    found = sorted(path for pattern in patterns for path in RECORDINGS.glob(pattern))
    if not found:
        return pytest.mark.parametrize("path", [pytest.param(None, marks=pytest.mark.skip("no recordings are here"))])
    return pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in found])


def path_of(recording: Path) -> str:
    """Return the path to which the request of a recording was sent."""
    case = f"{recording.parent.parent.name}/{recording.parent.name}/{recording.name.split('.json')[0]}"
    case = case.removesuffix(".request").removesuffix(".answer")
    for line in (RECORDINGS / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["case"] == case:
            return entry["path"] or ""
    raise AssertionError(f"{case} is not in the index")


def asked(request: Request | None = None) -> Asked:
    """A client that wants to see all reasoning."""
    return Asked(ID, 1_700_000_000, request or Request(model="mine", reasoning=Reasoning(budget=-1, shows=True)))


def written(form: Format, request: Request, model: str, provider: ProviderKind) -> Written:
    """Write a request for a model of a provider."""
    return form.write_request(request, Asker(provider, model_of(model)))


def said(*blocks: Any, role: Any = "user", path: str = "messages[0]") -> Turn:
    """A turn."""
    return Turn(role, tuple(Text(block) if isinstance(block, str) else block for block in blocks), path)


def graves(losses: Iterable[Loss]) -> list[str]:
    """The paths of losses that may change the answer."""
    return [loss.path for loss in losses if not loss.is_hint]


def hints(losses: Iterable[Loss]) -> list[str]:
    """The paths of losses that leave the answer what it is."""
    return [loss.path for loss in losses if loss.is_hint]


def read_stream(form: Format, stream: bytes, cuts: Sequence[int] = ()) -> list[Event]:
    """Read a stream that arrives cut at `cuts`, and that ends in an orderly way."""
    scanner, reader = Scanner(), form.reader()
    places = [0, *sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    events: list[Event] = []
    for start, end in itertools.pairwise(places):
        pieces = scanner.feed(stream[start:end])
        while scanner.is_behind:
            pieces += scanner.feed(b"")
        for piece in pieces:
            if piece.data is not None:
                events += reader.take(piece.data, piece.name)
    return [*events, *reader.end()]


def written_stream(form: Format, answer: Answer, asker: Asked) -> bytes:
    """Write an answer as a stream, each event on its own."""
    writer = form.writer(asker)
    return b"".join(writer.write([event]) for event in as_events(answer))


def again(form: Format, answer: Answer, asker: Asked) -> Answer:
    """Write an answer as a stream and read it again."""
    return joined(read_stream(form, written_stream(form, answer, asker)))


def plain(answer: Answer) -> Answer:
    """Return an answer with the arguments of its calls as the shortest text of an object."""
    blocks = tuple(
        replace(block, arguments=as_text(as_object(block.arguments))) if isinstance(block, ToolCall) else block
        for block in answer.blocks
    )
    return replace(answer, blocks=blocks)


_WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,12}", fullmatch=True)
_ARGUMENTS = st.dictionaries(st.text(max_size=5), st.integers(-5, 5) | st.text(max_size=5) | st.none(), max_size=3)


def _arguments(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def answers(maker: Any) -> st.SearchStrategy[Answer]:
    """Answers of texts, calls and reasoning of one maker, in which no text follows a text and no id comes again."""
    signatures = st.from_regex(r"([A-Za-z0-9+/]{4}){1,3}", fullmatch=True)
    thinking = st.builds(lambda text, signature: Thinking(text, maker, signature), _WORDS, signatures)
    calls = st.builds(
        lambda number, name, arguments: ToolCall(f"call_{number}", name, _arguments(arguments)),
        st.integers(0, 10**6),
        _NAMES,
        _ARGUMENTS,
    )
    blocks = st.lists(st.one_of(_WORDS.map(Text), calls, thinking), min_size=1, max_size=5)
    counts = st.integers(0, 10**6)
    usage = st.builds(
        lambda fresh, cached, output, reasoning: Usage(fresh + cached, output + reasoning, cached, 0, reasoning),
        *(counts, counts, counts, counts),
    )
    citations = st.lists(st.builds(Citation, st.just("https://example.com"), _WORDS, _WORDS), max_size=2, unique=True)
    return st.builds(_answer, blocks, usage, citations)


def _answer(blocks: list[AnswerBlock], usage: Usage, citations: list[Citation]) -> Answer:
    kept: list[AnswerBlock] = []
    for block in blocks:
        called = {each.id for each in kept if isinstance(each, ToolCall)}
        if isinstance(block, ToolCall) and block.id in called:
            continue
        if not (isinstance(block, Text) and kept and isinstance(kept[-1], Text)):
            kept.append(block)
    stop = Stop.TOOLS if any(isinstance(block, ToolCall) for block in kept) else Stop.END
    sources = tuple(citations) if isinstance(kept[-1], Text) else ()
    return Answer(tuple(kept), stop, "the-model", usage=usage, citations=sources)


__all__ = [
    "ID",
    "again",
    "answers",
    "asked",
    "graves",
    "hints",
    "path_of",
    "plain",
    "read_stream",
    "recordings",
    "said",
    "written",
    "written_stream",
]
