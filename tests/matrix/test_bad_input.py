"""Input that is bad or that nobody foresaw: a clear answer in the client's format, and no harm to other requests."""

import asyncio
import base64
import io
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
import pytest

from foreign import mixed
from matrix.cells import CALLS, POLICY, TEXT
from matrix.fake import FRAMES, Fake, Maker, serving, sse
from matrix.of_anthropic import Messages, OfAnthropic
from matrix.of_bedrock import Converse, OfBedrock
from matrix.of_google import OfGemini
from matrix.of_openai import OfMistral, OfOpenAI
from serving import Answering, chunks, free_port, gateway, raw, targets

QUESTION: Final = "How is the weather?"
GOOD: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}),
    "responses": ("/v1/responses", {"model": "m", "input": [{"role": "user", "content": QUESTION}]}),
    "messages": (
        "/v1/messages",
        {
            "model": "m",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        },
    ),
    "generate": (
        "/v1beta/models/m:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
    ),
}
ALL: Final = (OfOpenAI, OfMistral, OfAnthropic, OfGemini, OfBedrock)
NATIVE: Final[dict[str, str]] = {"chat": "openai", "responses": "openai", "messages": "anthropic", "generate": "gemini"}
T: Final = {"type": "object", "properties": {"city": {"type": "string"}}}
LONG: Final = "i" * 1_000
SYMBOLS: Final = "call " + "ä:./\u2028" * 30


class Got(NamedTuple):
    """An answer: its status and its JSON."""

    status: int
    body: Any

    def message(self, client: str) -> str:
        """The message of an error in the client's format, which is checked."""
        if client == "messages":
            assert self.body["type"] == "error", self.body
            assert isinstance(self.body["error"]["type"], str)
        elif client == "generate":
            assert self.body["error"]["code"] == self.status, self.body
            assert isinstance(self.body["error"]["status"], str)
        else:
            # Mistral's own errors have no wrapper, and go to clients of Chat Completions as they are.
            error = self.body if self.body.get("object") == "error" else self.body["error"]
            assert {"message", "type", "code"} <= error.keys(), self.body
            return str(error["message"])
        return str(self.body["error"]["message"])


class Behind:
    """A provider behind a gateway."""

    def __init__(self, fake: Fake, url: str, session: aiohttp.ClientSession) -> None:
        self.fake = fake
        self.url = url
        self.session = session

    async def ask(self, path: str, body: object) -> Got:
        """Ask, with a good request at the same time, which is answered whatever becomes of this one."""
        self.fake.does(TEXT)
        good = asyncio.create_task(self._ask(*GOOD["chat"]))
        got = await self._ask(path, body)
        answer = await good
        assert (answer.status, answer.body["choices"][0]["message"]["content"]) == (200, TEXT.text)
        return got

    async def _ask(self, path: str, body: object) -> Got:
        async with self.session.post(self.url + path, data=io.BytesIO(json.dumps(body).encode())) as answer:
            return Got(answer.status, await answer.json())


@asynccontextmanager
async def behind(maker: Maker) -> AsyncIterator[Behind]:
    fake = Fake(maker, TEXT)
    async with serving(fake), aiohttp.ClientSession() as session:
        async with gateway(mixed(free_port(), [(fake.maker.provider, fake.port)], POLICY)) as at:
            yield Behind(fake, at.url, session)


EACH = pytest.mark.parametrize("maker", ALL, ids=[maker.name for maker in ALL])


@EACH
async def test_a_body_of_another_format_than_its_path_is_refused_in_the_format_of_the_path(maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        for client, (path, _) in GOOD.items():
            for other, (_, body) in GOOD.items():
                # A short conversation looks the same in Chat Completions and in Messages.
                if client == other or {client, other} == {"chat", "messages"}:
                    continue
                got = await at.ask(path, body)
                assert got.status == 400, (client, other, got)
                assert got.message(client), (client, other)


@EACH
async def test_a_model_that_is_no_text_is_named(maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        for client, (path, body) in GOOD.items():
            for model in (5, None, ["m"], {"name": "m"}, True):
                got = await at.ask(path, {**body, "model": model})
                assert (got.status, "model" in got.message(client)) == (400, True), (client, model)


RESULT: Final = {"temperature": 21}
ORPHANS: Final[dict[str, dict[str, Any]]] = {
    "chat": {"messages": [*GOOD["chat"][1]["messages"], {"role": "tool", "tool_call_id": "x", "content": "21"}]},
    "responses": {
        "input": [*GOOD["responses"][1]["input"], {"type": "function_call_output", "call_id": "x", "output": "21"}]
    },
    "messages": {
        "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "21"}]}]
    },
    "generate": {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": RESULT}}]}]},
}


@EACH
async def test_results_without_their_calls_are_refused(maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        for client, fields in ORPHANS.items():
            path, body = GOOD[client]
            got = await at.ask(path, {**body, **fields})
            assert got.status == 400, (client, got)
            assert got.message(client)


def with_ids(client: str, first: str, second: str) -> dict[str, Any]:
    """Write a conversation with two calls whose ids are these."""
    ids = (first, second)
    if client == "chat":
        calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in ids]
        results = [{"role": "tool", "tool_call_id": each, "content": f"result {n}"} for n, each in enumerate(ids)]
        turns = [*GOOD["chat"][1]["messages"], {"role": "assistant", "content": None, "tool_calls": calls}, *results]
        return {"messages": turns, "tools": [{"type": "function", "function": {"name": "f", "parameters": T}}]}
    if client == "responses":
        items: list[Any] = [{"type": "function_call", "call_id": each, "name": "f", "arguments": "{}"} for each in ids]
        items += [
            {"type": "function_call_output", "call_id": each, "output": f"result {n}"} for n, each in enumerate(ids)
        ]
        return {
            "input": [*GOOD["responses"][1]["input"], *items],
            "tools": [{"type": "function", "name": "f", "parameters": T, "strict": False}],
        }
    if client == "messages":
        uses = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in ids]
        given = [{"type": "tool_result", "tool_use_id": each, "content": f"result {n}"} for n, each in enumerate(ids)]
        turns = [{"role": "assistant", "content": uses}, {"role": "user", "content": given}]
        return {
            "messages": [*GOOD["messages"][1]["messages"], *turns],
            "tools": [{"name": "f", "input_schema": T}],
        }
    asked = [{"functionCall": {"id": each, "name": "f", "args": {}}} for each in ids]
    told = [
        {"functionResponse": {"id": each, "name": "f", "response": {"output": f"result {n}"}}}
        for n, each in enumerate(ids)
    ]
    contents = [*GOOD["generate"][1]["contents"], {"role": "model", "parts": asked}, {"role": "user", "parts": told}]
    return {"contents": contents, "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": T}]}]}


@EACH
async def test_ids_of_any_length_and_signs_are_made_fit_for_another_api(maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        for client, (path, body) in GOOD.items():
            if NATIVE[client] == at.fake.maker.name:
                continue
            for ids in ((LONG + "1", LONG + "2"), (SYMBOLS + "1", SYMBOLS + "2"), ("1", "2")):
                got = await at.ask(path, {**body, **with_ids(client, *ids)})
                assert (got.status, at.fake.faults) == (200, []), (client, ids[0][:9], got)


IMAGE: Final = base64.b64encode(os.urandom(20_000_000)).decode()
PICTURES: Final[dict[str, dict[str, Any]]] = {
    "chat": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,IMAGE"}}],
            }
        ]
    },
    "responses": {
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,IMAGE"}],
            }
        ]
    },
    "messages": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "IMAGE"}}
                ],
            }
        ]
    },
    "generate": {"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "IMAGE"}}]}]},
}


@pytest.mark.parametrize(
    ("client", "maker"),
    [("chat", OfBedrock), ("responses", OfAnthropic), ("messages", OfGemini), ("generate", OfOpenAI)],
    ids=["chat", "responses", "messages", "generate"],
)
async def test_an_image_of_20_megabytes_goes_to_another_api_as_a_whole(client: str, maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        path, body = GOOD[client]
        asked = json.dumps({**body, **PICTURES[client]}).replace('"IMAGE"', f'"{IMAGE}"').replace("IMAGE", IMAGE)
        got = await at.ask(path, json.loads(asked))
        faults = [fault[:200] for fault in at.fake.faults]
        came_whole = any(IMAGE.encode() in seen.body for seen in at.fake.seen)  # no assertion is to print this
    assert (got.status, faults, came_whole) == (200, [], True), str(got.body)[:300]


async def test_fields_of_a_beta_are_kept_for_their_own_api_and_left_out_for_another() -> None:
    path, body = GOOD["messages"]
    asked = {**body, "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}, "hologram": True}
    async with behind(OfOpenAI()) as at:
        got = await at.ask(f"{path}?beta=true", asked)
        assert (got.status, at.fake.faults) == (200, []), got
    content = json.dumps(asked).encode()
    async with targets(raw(_whole(Messages().whole(TEXT)))) as (own,), aiohttp.ClientSession() as session:
        async with gateway(mixed(free_port(), [(OfAnthropic.provider, own.port)], POLICY)) as there:
            headers = {"anthropic-beta": "context-management-2025-06-27"}
            async with session.post(f"{there.url}{path}?beta=true", data=content, headers=headers) as answer:
                assert answer.status == 200
    assert own.seen[0].body == content.replace(b'"model": "m"', b'"model": "claude-sonnet-4-5"')
    assert own.seen[0].headers["anthropic-beta"] == headers["anthropic-beta"]


def _whole(body: object) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


UNKNOWN: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "chat": ({"messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}, "messages[0].content[0]"),
    "responses": ({"input": [{"type": "hologram_call", "x": 1}]}, "input[0]"),
    "messages": ({"messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}, "messages[0].content[0]"),
    "generate": ({"contents": [{"role": "user", "parts": [{"hologram": {"x": 1}}]}]}, "contents[0].parts[0]"),
}


@pytest.mark.parametrize("client", UNKNOWN)
async def test_a_part_that_nobody_knows_is_kept_for_its_own_api_and_named_for_another(client: str) -> None:
    fields, named = UNKNOWN[client]
    path, body = GOOD[client]
    async with behind(OfBedrock()) as at:
        got = await at.ask(path, {**body, **fields})
        assert got.status == 400
        assert named in got.message(client)
        assert b"hologram" not in b"".join(seen.body for seen in at.fake.seen)
    own = next(maker for maker in ALL if maker.name == NATIVE[client])
    async with behind(own()) as at:
        got = await at.ask(path, {**body, **fields})
        assert got.status == 400  # the provider does not know it either, and says so itself
        assert any(b"hologram" in seen.body for seen in at.fake.seen)


BLANKS: Final[dict[str, dict[str, Any]]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": " "},
            {"role": "user", "content": "\n"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "  "},
        ]
    },
    "responses": {"input": [{"role": "user", "content": " "}]},
    "generate": {"contents": [{"role": "user", "parts": [{"text": " "}]}]},
}


@pytest.mark.parametrize("maker", [OfAnthropic, OfBedrock], ids=["anthropic", "bedrock"])
async def test_texts_of_nothing_go_to_no_claude_which_refuses_them(maker: type[Maker]) -> None:
    async with behind(maker()) as at:
        for client, fields in BLANKS.items():
            path, body = GOOD[client]
            got = await at.ask(path, {**body, **fields})
            assert (got.status, at.fake.faults) == (200, []), (client, got)


# ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FRAME_HEAD: Final = f"HTTP/1.1 200 OK\r\ncontent-type: {FRAMES}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
EVENTS_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _spoilt(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 0xFF]) + frame[at + 1 :]


def _frames(spoil: int, *, shown: bool) -> Answering:
    """Send a stream of Bedrock's of which one frame has a byte that is not the one that was sent."""
    stream = Converse().stream(TEXT)
    good = [*stream.start, *(stream.content[:-1] if shown else [])]
    return raw(FRAME_HEAD + chunks(*good, _spoilt(stream.content[-1], spoil), *stream.end))


def _cut_frame(*, shown: bool) -> Answering:
    """Send a stream of Bedrock's that ends in good order within a frame."""
    stream = Converse().stream(TEXT)
    good = [*stream.start, *(stream.content[:-1] if shown else [])]
    return raw(FRAME_HEAD + chunks(*good, stream.content[-1][:-5]))


FRAMES_GONE_BAD: Final[dict[str, Answering]] = {
    f"{what} {'after' if shown else 'before'} content": made
    for shown in (False, True)
    for what, made in {
        "a wrong length": _frames(0, shown=shown),
        "a wrong checksum of the prelude": _frames(9, shown=shown),
        "a wrong checksum of the frame": _frames(-1, shown=shown),
        "a wrong payload": _frames(-8, shown=shown),
        "a cut frame": _cut_frame(shown=shown),
    }.items()
}


@pytest.mark.parametrize("client", GOOD)
@pytest.mark.parametrize("answer", FRAMES_GONE_BAD.values(), ids=FRAMES_GONE_BAD)
async def test_frames_that_are_spoilt_cost_the_client_nothing(answer: Answering, client: str) -> None:
    second = Fake(OfMistral(), TEXT)
    path, asked = _streamed(client)
    async with targets(answer) as (first,), serving(second), aiohttp.ClientSession() as session:
        models = [(OfBedrock.provider, first.port), (second.maker.provider, second.port)]
        async with gateway(mixed(free_port(), models, POLICY)) as at:
            async with session.post(at.url + path, json=asked) as got:
                assert got.status == 200
                text = await got.text()
    assert "".join(_texts(text)) == TEXT.text
    assert second.faults == []


def _streamed(client: str) -> tuple[str, dict[str, Any]]:
    """Return path and body that ask for a stream."""
    path, body = GOOD[client]
    if client == "generate":
        return path.replace("generateContent", "streamGenerateContent?alt=sse"), body
    return path, {**body, "stream": True}


def _texts(stream: str) -> list[str]:
    """Return the pieces of text that the events of a stream bring, in any format."""
    pieces: list[str] = []
    for line in stream.splitlines():
        if not line.startswith("data: {"):
            continue
        data = json.loads(line[6:])
        if data.get("choices"):
            pieces.append(data["choices"][0]["delta"].get("content") or "")
        elif data.get("type") == "response.output_text.delta":
            pieces.append(data["delta"])
        elif data.get("type") == "content_block_delta":
            pieces.append(data["delta"].get("text", ""))
        elif "candidates" in data:
            content = data["candidates"][0].get("content") or {}
            pieces += [part["text"] for part in content.get("parts", ()) if part.get("text")]
    return pieces


async def test_events_that_nobody_knows_are_kept_for_clients_of_their_api_and_left_out_for_others() -> None:
    stream = Messages().stream(TEXT)
    hologram = sse(("hologram", {"type": "hologram", "x": 1}))
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "x": 1}}
    unknown = [*hologram, *sse(("content_block_delta", delta))]
    answer = raw(EVENTS_HEAD + chunks(*stream.start, *unknown, *stream.content, *unknown, *stream.end))
    for client in GOOD:
        path, asked = _streamed(client)
        async with targets(answer) as (own,), aiohttp.ClientSession() as session:
            async with gateway(mixed(free_port(), [(OfAnthropic.provider, own.port)], POLICY)) as at:
                async with session.post(at.url + path, json=asked) as got:
                    assert got.status == 200
                    text = await got.text()
        assert text.count("hologram") == (6 if client == "messages" else 0), client
        assert "".join(_texts(text)) == TEXT.text, client


async def test_parts_of_an_answer_that_nobody_knows_harm_nothing_that_is_known() -> None:
    whole = Messages().whole(CALLS)
    whole["content"].insert(1, {"type": "hologram", "x": 1})
    for client, (path, body) in GOOD.items():
        async with targets(raw(_whole(whole))) as (own,), aiohttp.ClientSession() as session:
            async with gateway(mixed(free_port(), [(OfAnthropic.provider, own.port)], POLICY)) as at:
                async with session.post(at.url + path, json=body) as got:
                    assert got.status == 200, client
                    text = await got.text()
        assert ("hologram" in text) is (client == "messages")
        assert text.count("Paris") == 1
        assert text.count("Rome") == 1
