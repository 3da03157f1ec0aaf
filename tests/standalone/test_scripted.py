"""Scripted upstreams on the wire: each behaviour as the peer's socket sees it."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from certificates import Authority
from envoy_vectors import load
from scripted import HOST, Blackhole, Refusing, Scripted, Upstreams, measured
from switchover_simulator.behaviour import Answer, Fin, NotHttp, Partial, Reset, ResetOnHead, Stream

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


class Peer:
    """A client's connection in plain bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, tls: ssl.SSLContext | None = None) -> "Peer":
        peer = cls(*await asyncio.open_connection(HOST, port, ssl=tls))
        PEERS.append(peer)
        return peer

    def send(self, body: Any = None, path: str = "/v1/chat/completions", headers: str = "") -> None:
        data = json.dumps(CHAT if body is None else body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
        self.writer.write(head.encode() + data)

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of an answer with a length."""
        head = await self.head()
        length = next(int(line[15:]) for line in head.splitlines() if line.startswith("content-length:"))
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Everything until the end; a reset is an error."""
        return await self.reader.read()

    async def chunks(self) -> bytes:
        """A chunked body to its last chunk, unframed."""
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body

    async def until_reset(self) -> bytes:
        """Everything before the reset that has to come."""
        received = b""
        try:
            while piece := await self.reader.read(65536):
                received += piece
        except ConnectionResetError:
            return received
        raise AssertionError(f"closed in order after {received!r}")

    def close(self) -> None:
        self.writer.close()


PEERS: list[Peer] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    """Close every connection that a test opened."""
    yield
    for peer in PEERS:
        peer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await peer.writer.wait_closed()
    PEERS.clear()


def events(body: bytes) -> list[Any]:
    """The values of server-sent events."""
    data = [event.removeprefix("data: ") for event in body.decode().split("\n\n") if event]
    return [json.loads(each) if each.startswith("{") else each for each in data]


async def ask(upstream: Scripted, body: Any = None) -> Peer:
    peer = await Peer.connect(upstream.port)
    peer.send(body)
    return peer


async def test_behaviours_are_taken_one_a_request_on_one_connection_and_the_last_sticks() -> None:
    async with Scripted(429, 503, 200) as upstream:
        peer = await Peer.connect(upstream.port)
        statuses = []
        for _ in range(4):
            peer.send()
            statuses.append((await peer.answer())[0])
        assert statuses == [429, 503, 200, 200]
        assert (upstream.accepted, upstream.models) == (1, ["gpt-4o"] * 4)


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    async with Scripted(Answer(body="first", delay=0.05), Answer(body="second")) as upstream:
        peer = await ask(upstream)
        peer.send()
        assert [await peer.answer(), await peer.answer()] == [(200, b"first"), (200, b"second")]


async def test_a_request_is_kept_with_its_method_path_headers_and_body() -> None:
    async with Scripted() as upstream:
        peer = await Peer.connect(upstream.port)
        peer.send({"model": "m"}, "/v1/embeddings?a=b", "Authorization: Bearer k\r\n")
        await peer.answer()
        [request] = upstream.requests
        assert (request.method, request.target, request.path) == ("POST", "/v1/embeddings?a=b", "/v1/embeddings")
        assert request.headers["authorization"] == "Bearer k"
        assert request.json == {"model": "m"}


async def test_a_chunked_request_is_read_and_a_client_that_expects_100_gets_it() -> None:
    async with Scripted() as upstream:
        peer = await Peer.connect(upstream.port)
        peer.writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n")
        assert await peer.head() == "HTTP/1.1 100 Continue\r\n\r\n"
        peer.writer.write(b'5\r\n{"mod\r\n9\r\nel": "m"}\r\n0\r\n\r\n')
        assert (await peer.answer())[0] == 200
        assert upstream.models == ["m"]


async def test_a_client_that_asks_to_close_is_closed_after_the_answer() -> None:
    async with Scripted() as upstream:
        peer = await Peer.connect(upstream.port)
        peer.send(headers="connection: close\r\n")
        assert "connection: close" in await peer.head()
        await peer.rest()


async def test_what_is_not_http_is_answered_400() -> None:
    async with Scripted() as upstream:
        peer = await Peer.connect(upstream.port)
        peer.writer.write(b"hello\r\n\r\n")
        assert (await peer.rest()).startswith(b"HTTP/1.1 400 ")
        assert upstream.requests == []


# ── Failures below HTTP ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("behaviour", [Reset(), ResetOnHead()], ids=["after the request", "on its head"])
async def test_a_reset_is_a_reset_for_the_peer_and_the_request_is_recorded(behaviour: Reset | ResetOnHead) -> None:
    async with Scripted(behaviour) as upstream:
        peer = await ask(upstream)
        assert await peer.until_reset() == b""
        assert len(upstream.requests) == 1


async def test_a_reset_on_the_head_does_not_wait_for_the_body() -> None:
    async with Scripted("rst-on-head") as upstream:
        peer = await Peer.connect(upstream.port)
        peer.writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        assert await peer.until_reset() == b""


async def test_fin_closes_in_order_without_a_byte() -> None:
    async with Scripted(Fin()) as upstream:
        assert await (await ask(upstream)).rest() == b""


async def test_not_http_is_a_line_and_a_close() -> None:
    async with Scripted(NotHttp(text="220 mail\r\n")) as upstream:
        assert await (await ask(upstream)).rest() == b"220 mail\r\n"


async def test_partial_declares_more_than_it_sends() -> None:
    async with Scripted(Partial(body="twelve bytes", missing=5, end="fin")) as upstream:
        peer = await ask(upstream)
        assert "content-length: 17" in await peer.head()
        assert await peer.rest() == b"twelve bytes"


@pytest.mark.parametrize("after", ["request", "head"])
async def test_a_stall_is_silence_until_the_peer_closes(after: str) -> None:
    async with Scripted({"mode": "stall", "after": after}) as upstream:
        peer = await ask(upstream)
        await upstream.received()
        if after == "head":
            assert (await peer.head()).startswith("HTTP/1.1 200 OK")
        assert upstream.open == 1
        peer.close()
        await upstream.until(lambda: upstream.open == 0)


async def test_a_delayed_answer_is_dropped_when_the_peer_closes() -> None:
    async with Scripted(Answer(delay=3600.0)) as upstream:
        peer = await ask(upstream)
        await upstream.received()
        peer.close()
        await upstream.until(lambda: upstream.open == 0)


async def test_what_holds_goes_on_when_released() -> None:
    async with Scripted(Answer(hold=True)) as upstream:
        peer = await ask(upstream)
        await upstream.received()
        answering = asyncio.create_task(peer.answer())
        await asyncio.sleep(0)
        assert not answering.done()
        upstream.release()
        assert (await answering)[0] == 200


async def test_a_connection_can_close_after_an_answer_without_having_announced_it() -> None:
    async with Scripted(Answer(then="fin", body="x")) as upstream:
        peer = await ask(upstream)
        assert "connection" not in await peer.head()
        assert await peer.rest() == b"x"


async def test_a_port_where_nothing_listens_refuses() -> None:
    async with Refusing() as upstream:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await Peer.connect(upstream.port)


async def test_a_blackhole_leaves_a_connection_without_an_answer() -> None:
    async with Blackhole() as upstream:
        with socket.socket() as connecting:
            connecting.settimeout(0.1)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(connecting.connect, (HOST, upstream.port))


async def test_a_stopped_upstream_refuses_and_one_that_starts_again_has_its_port() -> None:
    async with Scripted() as upstream:
        await upstream.stop()
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(upstream.port)
        await upstream.start()
        assert (await (await ask(upstream)).answer())[0] == 200


# ── Whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_good_answer_is_a_chat_completion_of_the_model_asked_for() -> None:
    async with Scripted(Answer(content="two words", finish="length")) as upstream:
        status, body = await (await ask(upstream)).answer()
        answer = json.loads(body)
        assert (status, answer["object"], answer["model"]) == (200, "chat.completion", "gpt-4o")
        assert answer["choices"][0]["message"] == {"role": "assistant", "content": "two words", "refusal": None}
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize(
    ("path", "host", "error"),
    [
        ("/v1/chat/completions", "x", {"type": "requests", "code": "rate_limit_exceeded"}),
        ("/openai/deployments/d/chat/completions", "x", {"code": "429"}),
        ("/v1/chat/completions", "api.mistral.ai", {"object": "error", "type": "rate_limited", "code": "1300"}),
    ],
)
async def test_a_refusal_has_the_shape_of_its_provider(path: str, host: str, error: dict[str, str]) -> None:
    async with Scripted(429) as upstream:
        peer = await Peer.connect(upstream.port)
        peer.writer.write(f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        body = json.loads((await peer.answer())[1])
        assert error.items() <= body.get("error", body).items()


async def test_an_error_that_is_written_wins_over_the_status_s_own() -> None:
    async with Scripted({"status": 429, "error": {"type": "insufficient_quota", "code": "insufficient_quota"}}) as u:
        error = json.loads((await (await ask(u)).answer())[1])["error"]
        assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")


async def test_headers_that_are_written_win_over_the_usual_and_repeat_where_listed() -> None:
    headers = {"Content-Type": "text/x", "retry-after": 1, "set-cookie": ["a", "b"]}
    async with Scripted({"status": 503, "headers": headers}) as upstream:
        head = (await (await ask(upstream)).head()).splitlines()
        assert [line for line in head if line.lower().startswith("content-type")] == ["Content-Type: text/x"]
        assert {"retry-after: 1", "set-cookie: a", "set-cookie: b", "x-served-by: upstream"} <= set(head)


@pytest.mark.parametrize(
    ("framing", "bytes_after_head"), [("chunked", b"1\r\nx\r\n0\r\n\r\n"), ("close", b"x")], ids=["chunked", "close"]
)
async def test_an_answer_can_be_framed_otherwise(framing: str, bytes_after_head: bytes) -> None:
    async with Scripted({"body": "x", "framing": framing}) as upstream:
        peer = await ask(upstream)
        assert "content-length" not in await peer.head()
        assert await peer.reader.readexactly(len(bytes_after_head)) == bytes_after_head
        if framing == "close":
            assert await peer.rest() == b""


async def test_interim_answers_come_before_the_final_one() -> None:
    async with Scripted(Answer(interim=[103])) as upstream:
        peer = await ask(upstream)
        assert await peer.head() == "HTTP/1.1 103 Early Hints\r\n\r\n"
        assert (await peer.answer())[0] == 200


async def test_a_long_answer_waits_for_a_slow_reader_and_arrives_whole() -> None:
    async with Scripted(Answer(body="x" * 8_000_000)) as upstream:
        status, body = await (await ask(upstream)).answer()
        assert (status, len(body)) == (200, 8_000_000)


# ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_request_for_a_stream_gets_role_content_finish_usage_and_done() -> None:
    async with Scripted(Answer(content="a b")) as upstream:
        peer = await ask(upstream, CHAT | {"stream": True, "stream_options": {"include_usage": True}})
        assert "content-type: text/event-stream" in await peer.head()
        role, first, second, finish, usage, done = events(await peer.chunks())
        assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        assert [each["choices"][0]["delta"] for each in (first, second)] == [{"content": "a"}, {"content": " b"}]
        assert finish["choices"][0]["finish_reason"] == "stop"
        assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 2)
        assert done == "[DONE]"


async def test_the_connection_serves_another_request_after_a_stream() -> None:
    async with Scripted(Stream(events=1), 429) as upstream:
        peer = await ask(upstream)
        await peer.head()
        await peer.chunks()
        peer.send()
        assert (await peer.answer())[0] == 429


async def test_azure_begins_with_the_filter_s_results_and_mistral_ends_with_usage_on_the_last_chunk() -> None:
    async with Scripted(Stream(events=1)) as upstream:
        azure = await Peer.connect(upstream.port)
        azure.send(path="/openai/deployments/d/chat/completions?api-version=1")
        await azure.head()
        opening = events(await azure.chunks())
        assert "prompt_filter_results" in opening[0]
        assert opening[1]["model"] == "d"
        mistral = await Peer.connect(upstream.port)
        mistral.writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.mistral.ai\r\ncontent-length: 2\r\n\r\n{}"
        )
        await mistral.head()
        assert events(await mistral.chunks())[-2]["usage"]["completion_tokens"] == 1


async def test_a_stream_sends_what_it_is_given_event_by_event() -> None:
    pieces: list[Any] = [
        "text",
        {"delta": {"tool_calls": []}},
        {"data": {"x": 1}},
        {"raw": ": hi\n\n"},
        {"pause": 0.01},
    ]
    async with Scripted({"mode": "stream", "events": pieces, "role": False, "end": "clean"}) as upstream:
        peer = await ask(upstream)
        await peer.head()
        text, tools, data, raw = events(await peer.chunks())
        assert text["choices"][0]["delta"] == {"content": "text"}
        assert tools["choices"][0]["delta"] == {"tool_calls": []}
        assert (data, raw) == ({"x": 1}, ": hi")


async def test_a_stream_goes_on_when_a_held_event_is_released() -> None:
    async with Scripted(Stream(events=["a", {"hold": True}, "b"], role=False, end="clean")) as upstream:
        peer = await ask(upstream)
        await peer.head()
        assert b'"a"' in await peer.reader.readuntil(b"\n\n")
        upstream.release()
        assert await peer.reader.readuntil(b'"b"')


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("clean", "content"),
        ("done-without-finish", "[DONE]"),
        ("error-event", "error"),
        ("error-event-done", "[DONE]"),
    ],
)
async def test_a_stream_can_end_well_framed_and_yet_wrong(end: str, last: str) -> None:
    async with Scripted({"mode": "stream", "events": 2, "end": end}) as upstream:
        peer = await ask(upstream)
        await peer.head()
        sent = events(await peer.chunks())
        assert last in json.dumps(sent[-1])
        assert not any(each["choices"][0]["finish_reason"] for each in sent if "choices" in each)


@pytest.mark.parametrize(("end", "finished"), [("rst", False), ("finish-rst", True)])
async def test_a_stream_can_be_reset_before_and_after_its_finish_reason(end: str, finished: bool) -> None:
    async with Scripted({"mode": "stream", "events": 2, "gap": 0.01, "end": end}) as upstream:
        peer = await ask(upstream)
        assert (b'"finish_reason":"stop"' in await peer.until_reset()) is finished


async def test_a_stream_can_be_cut_without_its_last_chunk_or_left_hanging() -> None:
    async with Scripted(Stream(events=1, end="fin"), Stream(events=1, end="hang")) as upstream:
        cut = await (await ask(upstream)).rest()
        assert b"function" not in cut
        assert not cut.endswith(b"0\r\n\r\n")
        hanging = await ask(upstream)
        await hanging.head()
        assert upstream.open == 1
        hanging.close()
        await upstream.until(lambda: upstream.open == 0)


# ── Several, TLS, and the measured vectors ──────────────────────────────────────────────────────────────────────────


async def test_upstreams_tell_in_which_order_they_were_asked() -> None:
    async with Upstreams(p0=[429, 200], p1=503, gone="refused", dark="blackhole") as upstreams:
        for label in ("p1", "p0", "p0"):
            peer = await ask(upstreams[label])
            await peer.answer()
        assert upstreams.order == ["p1", "p0", "p0"]
        with pytest.raises(ConnectionRefusedError):
            await Peer.connect(upstreams.port("gone"))


async def test_behaviours_change_while_it_runs() -> None:
    async with Scripted(429) as upstream:
        peer = await ask(upstream)
        assert (await peer.answer())[0] == 429
        upstream.behave(200)
        peer.send()
        assert (await peer.answer())[0] == 200


async def test_tls_is_trusted_by_the_authority_s_certificate_alone_and_resets_too() -> None:
    authority = Authority()
    async with Scripted(200, "rst", tls=authority.server(HOST)) as upstream:
        peer = await Peer.connect(upstream.port, authority.client())
        peer.send()
        assert (await peer.answer())[0] == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            await Peer.connect(upstream.port, Authority().client())
        peer.send()
        assert await peer.until_reset() == b""


@pytest.mark.parametrize("context", [Authority().server("other.example"), Authority().server(expired=True)])
async def test_a_certificate_can_be_for_another_name_or_expired(context: ssl.SSLContext) -> None:
    async with Scripted(tls=context) as upstream:
        with pytest.raises(ssl.SSLCertVerificationError):
            await Peer.connect(upstream.port, Authority().client())


async def test_every_behaviour_of_the_measured_vectors_is_understood() -> None:
    for case in load():
        said = {
            label: [measured(case.behaviour(label, n)) for n in range(2)] for pool in case.priorities for label in pool
        }
        Upstreams(**{label: first if first == again else [first, again] for label, (first, again) in said.items()})
