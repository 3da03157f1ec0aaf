"""Streams that providers of every API really sent, as answers of Messages and of generateContent."""

from pathlib import Path

import pytest

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.answers import Answer, Event, Stop
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.joining import Joining, joined
from switchover_dataplane.translation.json_schemas import as_object
from switchover_dataplane.translation.neutral import Refusal, Text, ToolCall
from translated import asked, read_stream, recordings

_APIS = {
    "chat": Api.CHAT,
    "messages": Api.MESSAGES,
    "responses": Api.RESPONSES,
    "generatecontent": Api.GENERATE,
}


def shown(answer: Answer) -> list[object]:
    """Return what every client is shown: texts, the words of a refusal among them, and calls."""
    found: list[object] = []
    for block in answer.blocks:
        if isinstance(block, ToolCall):
            found.append((block.name, as_object(block.arguments)))
        elif isinstance(block, Text | Refusal):
            if found and isinstance(found[-1], str):
                found[-1] += block.text
            else:
                found.append(block.text)
    return found


def is_whole(events: list[Event]) -> bool:
    joining = Joining()
    joining.take(events)
    return joining.is_whole


@pytest.mark.parametrize("form", [FORMATS[Api.MESSAGES], FORMATS[Api.GENERATE]], ids=lambda form: form.name)
@recordings(*(f"*/{folder}/*.stream.sse" for folder in _APIS))
def test_a_recorded_stream_says_the_same_in_another_api(path: Path, form: Format) -> None:
    events = read_stream(FORMATS[_APIS[path.parent.name]], path.read_bytes() + b"\n\n")
    writer = form.writer(asked())
    again = read_stream(form, b"".join(writer.write([event]) for event in events))
    assert is_whole(again) is is_whole(events)
    if not is_whole(events):
        return
    answer, other = joined(events), joined(again)
    assert shown(other) == shown(answer)
    assert shown(form.read_answer(form.write_answer(answer, asked()))) == shown(answer)
    refused = any(isinstance(block, Refusal) for block in answer.blocks)
    assert other.stop is (Stop.REFUSAL if refused and answer.stop is Stop.END else answer.stop)
    if answer.usage is not None and other.usage is not None:
        assert (other.usage.input or 0, other.usage.output or 0) == (answer.usage.input or 0, answer.usage.output or 0)
