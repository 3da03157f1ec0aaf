"""Answers of Bedrock as the clients of each other API see them, wherever the bytes of its stream are cut."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import decoded, files
from converse_frames import ASKED, read_bytes
from switchover_dataplane.formats import sse
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.event_stream_frames import Scanner, event
from switchover_dataplane.translation.answers import Answer, Ended, Event, Failed, Stop
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.neutral import Refusal, Text, ToolCall
from switchover_dataplane.translation.stream import StreamTranslation

CLIENTS = [each for each in FORMATS.values() if each.api is not Api.CONVERSE]
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


def translated(client: Format, *pieces: bytes) -> bytes:
    translation = StreamTranslation(Scanner(), FORMAT.reader(), client.writer(ASKED))
    written = []
    for piece in pieces:
        written.append(translation.feed(piece))
        while translation.is_behind:
            written.append(translation.feed(b""))
    return b"".join([*written, translation.end()])


def seen(client: Format, stream: bytes) -> list[Event]:
    scanner, reader = sse.Scanner(), client.reader()
    events = scanner.feed(stream)
    while scanner.is_behind:
        events += scanner.feed(b"")
    events += scanner.end()
    read = [each for found in events if found.data is not None for each in reader.take(found.data, found.name)]
    return read + list(reader.end())


def said(answer: Answer) -> tuple[str, list[tuple[str, str]]]:
    """What every API has a place for: the words, and the calls with their arguments."""
    words = "".join(block.text for block in answer.blocks if isinstance(block, Text | Refusal))
    return words, [(block.name, block.arguments) for block in answer.blocks if isinstance(block, ToolCall)]


@EACH_CLIENT
@pytest.mark.parametrize("path", files("converse/*.stream.bin"))
def test_every_recorded_stream_says_the_same_to_each_client(path: Path, client: Format) -> None:
    stream = path.read_bytes()
    answer = joined(read_bytes(stream))

    written = translated(client, stream)
    events = seen(client, written)

    assert events[-1] == Ended()
    words, calls = said(joined(events))
    expected_words, expected_calls = said(answer)
    assert words.startswith(expected_words)
    assert [name for name, _ in calls] == [name for name, _ in expected_calls]
    assert joined(events).stop in (answer.stop, Stop.END, Stop.TOOLS, Stop.REFUSAL)
    assert translated(client, *(stream[at : at + 11] for at in range(0, len(stream), 11))) == written


@EACH_CLIENT
@pytest.mark.parametrize("path", files("converse/*.answer.json"))
def test_every_recorded_answer_says_the_same_to_each_client(path: Path, client: Format) -> None:
    document = decoded(path)
    if "message" in document:
        pytest.skip("it is an error")
    answer = FORMAT.read_answer(document)

    again = client.read_answer(client.write_answer(answer, ASKED))

    assert said(again)[0].startswith(said(answer)[0])
    assert [name for name, _ in said(again)[1]] == [name for name, _ in said(answer)[1]]


STREAM = b"".join(
    (
        event("messageStart", b'{"role":"assistant"}'),
        event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"Hi"}}'),
        event("contentBlockStop", b'{"contentBlockIndex":0}'),
        event("contentBlockStart", b'{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"n"}}}'),
        event("contentBlockDelta", b'{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\\"a\\":1}"}}}'),
        event("contentBlockStop", b'{"contentBlockIndex":1}'),
        event("messageStop", b'{"stopReason":"tool_use"}'),
        event("metadata", b'{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}}'),
    )
)


@EACH_CLIENT
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_split_of_a_stream_gives_each_client_the_same_bytes(client: Format, cuts: list[int]) -> None:
    pieces = [STREAM[start:end] for start, end in pairwise([0, *sorted(cuts), len(STREAM)])]

    assert translated(client, *pieces) == translated(client, STREAM)


@EACH_CLIENT
@pytest.mark.parametrize("cut", [0, 1])
def test_a_stream_that_breaks_is_whole_for_no_client(client: Format, cut: int) -> None:
    broken = STREAM[:200] if cut else STREAM[:200] + bytes(40)

    events = seen(client, translated(client, broken))

    assert Ended() not in events
    assert any(isinstance(each, Failed) for each in events)
