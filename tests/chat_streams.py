"""Streams of chat completions as targets send them, and what a client gets of one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import msgspec

from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    chunks,
    event,
    events_of,
    raw,
)

ASKED = {"model": "asked", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
WORDS = [f"{' ' if number else ''}word-{number}" for number in range(60)]
TEXT = "".join(WORDS)
ERROR = b'data: {"error":{"message":"x"}}\n\n'
CALL = event({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a'}}]})


@dataclass
class Got:
    """What a client got of a stream; `broke` tells that its end was none."""

    status: int
    body: bytes
    broke: bool

    @property
    def chunks(self) -> list[Any]:
        """The values of its events."""
        return [
            msgspec.json.decode(each.data)
            for each in events_of(self.body)
            if each.data is not None and each.data != b"[DONE]"
        ]

    @property
    def text(self) -> str:
        """The text that a person reads."""
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def is_whole(self) -> bool:
        """Whether it ended as one good answer does, once."""
        return not self.broke and self.body.count(b"[DONE]") == self.body.count(b'"finish_reason":"stop"') == 1

    @property
    def error(self) -> Any:
        """The error that it ended with."""
        return self.chunks[-1]["error"]


async def ask(client: aiohttp.ClientSession, at: Gateway, body: object = ASKED) -> Got:
    got = b""
    async with client.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode(body))) as answer:
        try:
            async for piece in answer.content.iter_any():
                got += piece
        except aiohttp.ClientPayloadError:
            return Got(answer.status, got, broke=True)
    return Got(answer.status, got, broke=False)


def said(words: Sequence[str]) -> list[bytes]:
    return [event({"content": word}) for word in words]


def stream(*events: bytes, end: bool = True, then: str = "go on") -> Answering:
    """Send events as a stream; without `end` the body is not ended."""
    return raw(STREAM_HEAD + chunks(ROLE, *events, end=end), then=then)


def whole(words: Sequence[str] = WORDS) -> Answering:
    return stream(*said(words), END)


async def going_on(seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a good model does that is asked for the first time, to continue a prefix, or to go on."""
    messages = msgspec.json.decode(seen.body)["messages"]
    text = TEXT
    if messages[-1]["role"] == "user" and len(messages) > 1:
        words = messages[-1]["content"].split("\n-----\n")[1].removesuffix("\n-----")
        text = TEXT[TEXT.index(words) :]
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    writer.write(STREAM_HEAD + chunks(ROLE, *said(pieces), END))
