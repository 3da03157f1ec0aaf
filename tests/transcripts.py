"""Events of a stream as a transcript takes them, and transcripts of streams that broke off."""

from typing import Any

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.streams.transcript import Transcript

DONE = b"data: [DONE]\n\n"
SEAM = b": seam\n\n"


def event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    return event({"model": "m", "choices": [{"index": index, "delta": fields, "finish_reason": finish}]})


ROLE = delta(role="assistant", content="")
USAGE = event({"choices": [], "usage": {"total_tokens": 7}})
END = delta("stop")


def new(choices: int = 1, api: Api | None = None) -> Transcript:
    """A transcript of an answer of this API, of which nothing came yet."""
    return Transcript(choices, api, holds_calls=True)


def take(transcript: Transcript, *events: bytes) -> bytes:
    scanner = Scanner()
    scanned = scanner.feed(b"".join(events))
    while scanner.is_behind:
        scanned += scanner.feed(b"")
    return b"".join(transcript.take(event) for event in scanned)


def text_of(answer: bytes) -> str:
    """The text that a client reads."""
    chunks = [msgspec.json.decode(e.data) for e in Scanner().feed(answer) if e.data and e.data != b"[DONE]"]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def broken(*events: bytes, api: Api | None = None) -> Transcript:
    """A transcript of an answer that broke off after these events."""
    transcript = new(1, api)
    take(transcript, *events)
    return transcript


def continued(text: str) -> Transcript:
    """A transcript of an answer that broke off after this text and that another model is to continue."""
    transcript = broken(delta(content=text))
    transcript.continue_with(SEAM)
    return transcript


def usage(tokens: int) -> bytes:
    return event({"choices": [], "usage": {"completion_tokens": tokens}})


def call(arguments: str, **fields: Any) -> bytes:
    return delta(tool_calls=[{"index": 0, "function": {"arguments": arguments}}], **fields)
