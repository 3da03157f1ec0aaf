"""Answers of Converse as tests write and read them, by our reader and by botocore's."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import msgspec
from botocore.eventstream import EventStream
from botocore.parsers import EventStreamJSONParser, RestJSONParser

from bedrock_recordings import service
from switchover_dataplane.formats.event_stream_frames import Scanner
from switchover_dataplane.translation.answers import (
    Alive,
    Event,
)
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.neutral import Json, Request

ASKED = Asked("0123456789abcdefghijklmn", 0, Request())
"""What an answer is written for."""


def read(*frames: tuple[str, Json], at_end: bool = True) -> list[Event]:
    reader = FORMAT.reader()
    events = [event for name, payload in frames for event in reader.take(msgspec.json.encode(payload), name)]
    return events + (list(reader.end()) if at_end else [])


def read_bytes(stream: bytes) -> list[Event]:
    scanner, reader = Scanner(), FORMAT.reader()
    frames = scanner.feed(stream)
    while scanner.is_behind:
        frames += scanner.feed(b"")
    frames += scanner.end()
    return [event for frame in frames for event in reader.take(frame.data, frame.name)] + list(reader.end())


def delta(index: int, content: Json) -> tuple[str, Json]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": content, "p": "abc"}


def start(index: int, content: Json) -> tuple[str, Json]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": content, "p": "abc"}


def stop(reason: str = "end_turn") -> tuple[str, Json]:
    return "messageStop", {"stopReason": reason}


def whole(*content: Json, reason: str = "end_turn", **more: Json) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": reason, **more}


def without_alive(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Alive)]


def parsed(document: Json) -> Any:
    """A whole answer as botocore reads it; it raises for what the model does not have."""
    response = {"status_code": 200, "headers": {}, "body": msgspec.json.encode(document)}
    return RestJSONParser().parse(response, service().operation_model("Converse").output_shape)


def parsed_stream(stream: bytes) -> list[Any]:
    class Raw(BytesIO):
        def stream(self) -> Iterable[bytes]:
            yield self.getvalue()

    shape = service().operation_model("ConverseStream").output_shape
    assert shape is not None
    member = shape.members["stream"]
    return list(EventStream(Raw(stream), member, EventStreamJSONParser(), "ConverseStream"))
