"""Bytes of event streams → events, the verdict on their start, and what the client gets."""

import random
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from fuzz.edits import edited, pieces
from switchover_dataplane.failover.outcome import Committed
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import read
from switchover_dataplane.formats.chunk_kind import ChunkKind, stream_format_of
from switchover_dataplane.formats.sse import MAX_EVENT, Event, Scanner
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.opening import Opening
from switchover_dataplane.streams.transcript import Interruption, Transcript

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
CHAT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n' + 3 * TEXT
TOOLS = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}}]}\n\n'  # noqa: E501
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}\n\n'
)
MESSAGES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"role":"assistant","content":[]}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'  # noqa: E501
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'  # noqa: E501
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
RESPONSES = (
    b'event: response.created\ndata: {"type":"response.created","response":{"status":"in_progress"}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n'
)
GEMINI = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"}}]}\r\n\r\n'
    b'data: {"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP"}]}\r\n\r\n'
)
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}\n\n'
SEEDS = (
    CHAT + FINISH + DONE, TOOLS + FINISH + DONE, MESSAGES, RESPONSES, GEMINI, CHAT + ERROR + DONE, ERROR,
    b": ping\n\n" + CHAT + FINISH, b"\xef\xbb\xbf" + CHAT, CHAT.replace(b"\n", b"\r\n"), CHAT.replace(b"\n", b"\r"),
)  # fmt: skip
WORDS = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"data:", b"data: ", b"event: ", b"id: 1\n", b"retry: 1\n",
    b": ping\n\n", b"data: [DONE]\n\n", b"data: null\n\n", b"data: {}\n\n", b"data:1\n\n", b"data: {\n\n",
    b"event: error\n", b"\xef\xbb\xbf", b"\x00", b"\xff", b'"finish_reason":"error"', b'"finish_reason":null',
    b'"index":1', b'"index":-1', b'"index":99999999999', b'"\\ud83d":1,', b"\\ud83d", b'"error":{"message":"x"},',
    b'"choices":[],', b'"choices":null,', b'"delta":null', b"[]", b"{}", b"null", b"NaN", TEXT, FINISH, ERROR,
    MESSAGES, GEMINI,
)  # fmt: skip


GOOD = CHAT + TOOLS + CHAT
"""A stream of which only the end is missing."""


STREAMING = [api for api in Api if stream_format_of(api) is not None]
"""The APIs whose streams are events of this kind; embeddings come whole, and Converse streams frames."""


@dataclass(frozen=True)
class Stream:
    """A stream in pieces; `cut` tells that it is a good one of which the end is missing."""

    pieces: tuple[bytes, ...]
    cut: bool = False


def seeds() -> Sequence[bytes]:
    return SEEDS


def draw(chance: random.Random, known: Sequence[bytes]) -> Stream:
    if chance.random() < 0.2:
        return Stream(pieces(chance, GOOD[: chance.randint(1, len(GOOD))]), cut=True)
    return Stream(pieces(chance, edited(chance, known, WORDS)))


def seed(stream: Stream) -> bytes:
    return b"".join(stream.pieces)


def are_handed_on_whole_or_said_to_be_cut(stream: Stream) -> Hashable:
    """All bytes come out of the scanner, and a stream that is not whole is never handed on as if it were."""
    text = b"".join(stream.pieces)
    events = _scanned(stream.pieces)
    _bytes_in_are_bytes_out(text, events)
    if len(text) < MAX_EVENT:
        assert _dispatched(events) == _dispatched(_scanned([text])), "cut otherwise, read otherwise"
    seen: list[Hashable] = []
    for api in (None, *STREAMING):
        opening = Opening(Opened(events=events), 200, "openai", api, time.time, holds_calls=True)
        outcome = opening.verdict() or opening.at_end()
        how = _transcribed(events, api)
        whole = isinstance(outcome, Committed) and not how
        assert not (stream.cut and whole), "a stream without its end was handed on as whole"
        meanings = frozenset(read(event, api).kind for event in events)
        seen.append((type(outcome).__name__, how, meanings))
    return tuple(seen)


def _scanned(cut: list[bytes] | tuple[bytes, ...]) -> list[Event]:
    scanner = Scanner()
    events: list[Event] = []
    for piece in cut:
        events += scanner.feed(piece)
        while scanner.is_behind:
            events += scanner.feed(b"")
    return [*events, *scanner.end()]


def _dispatched(events: list[Event]) -> list[bytes]:
    """What clients see: blank lines and comments between events may be cut anywhere."""
    return [event.data for event in events if event.data is not None]


def _bytes_in_are_bytes_out(text: bytes, events: list[Event]) -> None:
    came_out = b"".join(event.raw for event in events)
    assert came_out in (text, text + b"\n", text + b"\n\n"), "the scanner lost or made bytes"


def _transcribed(events: list[Event], api: Api | None) -> str:
    """Follow the events as an answer of an API; return how it broke off, "" if it is whole."""
    transcript = Transcript(1, api, holds_calls=True)
    failed = False
    sent: list[bytes] = []
    for event in events:
        failed = failed or (read(event, api).kind is ChunkKind.ERROR and not transcript.is_settled)
        try:
            sent.append(transcript.take(event))
        except Interruption as interruption:
            return interruption.how
        assert not failed, "an error was passed over"
    try:
        sent.append(transcript.take_end())
    except Interruption as interruption:
        return interruption.how
    assert not transcript.is_holding, "a tool call of a whole answer was not handed on"
    _content_is_sent(events, b"".join(sent), api)
    return ""


def _content_is_sent(events: list[Event], sent: bytes, api: Api | None) -> None:
    """Everything that may be shown was sent, in its order; only what follows on a second end may be missing."""
    at = 0
    for event in events:
        if read(event, api).kind is ChunkKind.CONTENT:
            found = sent.find(event.raw, at)
            assert found >= 0, "content was lost or came out of its order"
            at = found + len(event.raw)
