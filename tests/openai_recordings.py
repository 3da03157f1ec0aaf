"""Recordings of real providers for the formats of OpenAI, and what their tests share.

The recordings lie beside the repository, not in it; a test that needs them is skipped by name where they are missing.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from switchover_dataplane.formats.sse import Event as Framed
from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.translation.answers import Answer, Event
from switchover_dataplane.translation.format import Asked, Asker, Format, Reader
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import Reasoning, Request, ToolCall

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"

ASKED = Asked("a" * 24, 1_700_000_000, Request(model="asked-model", wants_usage=True, reasoning=Reasoning(shows=True)))


def recorded(api: str, kind: str) -> list[Any]:
    """The recordings of an API ("chat", "responses") and a kind ("request.json", "answer.json", "stream")."""
    found = sorted(RECORDINGS.glob(f"*/{api}/*.{kind}*"))
    if not found:
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(reason="the recordings are not here"))]
    return [pytest.param(path, id=str(path.relative_to(RECORDINGS))) for path in found]


def named(path: Path) -> str:
    """The name of a recording, as tests list exceptions."""
    return str(path.relative_to(RECORDINGS))


def body_of(path: Path) -> Any:
    """The JSON value of a recording."""
    return json.loads(path.read_bytes())


def asker_of(path: Path, model: str) -> Asker:
    """Who is asked: the provider of a recording."""
    provider = path.relative_to(RECORDINGS).parts[0]
    if provider == "mistral":
        return Asker("mistral", model_of(model))
    return Asker("azure-openai" if provider == "azure" else "openai", model_of(model))


def framed(raw: bytes, cuts: Iterable[int] = ()) -> list[Framed]:
    """The events of a stream that comes in pieces."""
    scanner, found, start = Scanner(), list[Framed](), 0
    for cut in (*sorted(cuts), len(raw)):
        found += scanner.feed(raw[start:cut])
        while scanner.is_behind:
            found += scanner.feed(b"")
        start = cut
    return found + scanner.end()


def as_sse(path: Path) -> bytes:
    """The bytes of a recorded stream; some are kept as payloads without framing."""
    raw = path.read_bytes()
    if path.suffix == ".sse":
        return raw
    return b"".join(b"data: " + line + b"\n\n" for line in raw.splitlines() if line.strip())


def taken(reader: Reader, raw: bytes, cuts: Iterable[int] = ()) -> Sequence[Event]:
    """What a reader reads of a stream."""
    events: list[Event] = []
    for event in framed(raw, cuts):
        if event.data is not None:
            events.extend(reader.take(event.data, event.name))
    return [*events, *reader.end()]


def payloads(raw: bytes) -> list[Any]:
    """The JSON values of a written stream, without `[DONE]`."""
    return [json.loads(event.data) for event in framed(raw) if event.data not in (None, b"[DONE]")]


def written(form: Format, events: Iterable[Event], asked: Asked = ASKED) -> bytes:
    """What a format writes of events that come one by one."""
    writer = form.writer(asked)
    return b"".join([writer.write((event,)) for event in events])


def without_ids(answer: Answer) -> Answer:
    """An answer without the ids of its calls, which a format may have to change."""
    blocks = [replace(block, id="") if isinstance(block, ToolCall) else block for block in answer.blocks]
    return replace(answer, blocks=tuple(blocks))
