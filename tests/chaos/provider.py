"""The models of all streams at one port: they know the plan of each by the prompt, and play it byte by byte.

A model that is asked anew answers from the beginning. One that is shown the beginning of an answer does as its way
says. An assistant's message at the end is repeated by a model that goes on with it, as Mistral does.
"""

import asyncio
import contextlib
import json
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from chaos import wire
from chaos.plan import Plan

MODELS = ("first", "second", "third")
_NUMBER = re.compile(r"stream (\d+)")
_RESET = struct.pack("ii", 1, 0)

Message = dict[str, Any]


class Provider:
    """All models. `asked` counts what they were asked to do, `wrongly` lists what they should not have been asked."""

    def __init__(self, plans: Callable[[int], Plan]) -> None:
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.wrongly: list[str] = []
        self._plans = plans
        self._playing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Provider"]:
        """Listen; at the end wait until the gateway has gone and its connections with it."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.gather(*self._playing)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._playing.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._playing.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Play one request's answer; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        [length] = re.findall(rb"content-length: *(\d+)", head)
        written = self._answer(json.loads(await reader.readexactly(int(length))))
        for piece in written.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # the piece becomes a segment of its own, mostly
        if written.ending == "hang":
            await reader.read()
        if written.ending == "rst":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        return written.ending == "keep"

    def _answer(self, body: dict[str, Any]) -> wire.Written:
        messages: list[Message] = body["messages"]
        found = _NUMBER.search(str(messages[0]["content"]))
        assert found is not None
        plan = self._plans(int(found[1]))
        place = MODELS.index(body["model"])
        model = plan.models[place]
        chance = plan.chance(f"{body['model']}, {len(messages)} messages")
        if len(messages) == 1:
            text: str | None = plan.text
        else:
            text = self._continuation(plan, place, messages)
        if text is None:
            return wire.refusal("Expected last role User or Tool (or Assistant with prefix True) but got assistant")
        return wire.stream(text, body["model"], model.style, model.fault, chance, tool=plan.tool)

    def _continuation(self, plan: Plan, place: int, messages: list[Message]) -> str | None:
        """Return what a model says that is shown the beginning of an answer; None: it refuses."""
        prefill = messages[-1]["role"] == "assistant"
        sent = next((str(each["content"]) for each in reversed(messages) if each["role"] == "assistant"), "")
        if plan.tool or not sent or not plan.text.startswith(sent):
            self.wrongly.append(f"stream {plan.number}: {MODELS[place]} was shown {sent!r} as the answer's beginning")
        way = plan.models[place].way
        self.asked[f"{way} ({'prefill' if prefill else 'asked'})"] += 1
        match way:
            case "answers-anew":
                return plan.text
            case "refuses-prefill" if prefill:
                return None
            case "goes-on-unasked":
                return plan.text[len(sent) :]
            case "goes-on-wrongly":
                return _wrong(plan, sent)
            case _:
                return plan.text if prefill else plan.text[resumes_at(sent, str(messages[-1]["content"])) :]


def resumes_at(sent: str, asked: str) -> int:
    """Return where the last words begin that a request quotes: a model that does as it is asked begins with them."""
    words = sent.rstrip()
    return next((at for at in range(len(words)) if words[at:] in asked), len(sent))


def _wrong(plan: Plan, sent: str) -> str:
    """Return what neither begins with the answer's beginning nor with its last words."""
    chance = plan.chance("wrong")
    rest = plan.text[len(sent) :]
    _, _, later = rest.partition(" ")
    # No word begins with a capital or a dash, so that even a single letter that was sent is no beginning of these.
    wrong = [f"Sure, I go on: {sent[-20:]}{rest}", f"— {rest}", f"Words of no stream, {plan.number} of them"]
    return chance.choice([*wrong, f"Later: {later}"])
