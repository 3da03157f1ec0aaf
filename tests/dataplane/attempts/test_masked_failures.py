"""What comes under a success and is none: pages, errors, halves, and answers in a form that nobody asked for."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import brotli
import msgspec
import pytest

from as_written import AsWritten, as_written, retries
from coded import CODE, zstd
from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    json,
    raw,
    table,
    targets,
)
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import OpenAI

ANSWER = {"object": "chat.completion", "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}
GUIDE = retries(attempts=2, tokens=("retriable-status-codes",), status_codes=(429,))
TWICE = Policy(attempts=2)


def success(body: bytes, kind: str | None = "application/json", **headers: str) -> Answering:
    given = {"content-length": str(len(body)), **({"content-type": kind} if kind else {}), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return raw(b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body)


def half() -> Answering:
    """Half an answer of a server that marks its end by closing."""
    return raw(b'HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{"choices":[{"mess', then="close")


@asynccontextmanager
async def served(*models: Answering, policy: Policy | AsWritten | None = None) -> AsyncIterator[Gateway]:
    async with targets(*models) as each, gateway(table(free_port(), [one.port for one in each], policy)) as at:
        yield at


async def ask(at: Gateway, **fields: Any) -> tuple[int, bytes, Any]:
    """Return status, body and headers."""
    sent = msgspec.json.encode({"model": "asked", "messages": [{"role": "user", "content": "hi"}], **fields})
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{at.url}/model", data=BytesIO(sent)) as answer:
            return answer.status, await answer.read(), answer.headers


GOOD = msgspec.json.encode(ANSWER)
FAILURES: dict[str, Answering] = {
    "half an answer": half(),
    "a page of no type": success(b"<!DOCTYPE html><html></html>", None),
    "a page that says it is text": success(b"  <html></html>", "text/plain"),
    "a page that says it is JSON": success(b"<html></html>"),
    "an error in a list": success(b'[{"error":{"code":503}}]'),
    "Mistral's error": success(b'{"object":"error","message":"x"}'),
    "an error that says it is text": success(b'{"error":{"message":"x"}}', "text/plain"),
    "an error of no type": success(b'{"error":{"message":"x"}}', None),
    "an error in a type of its own": success(b'{"error":{"message":"x"}}', "application/vnd.own+json"),
    "an error beside no choices": success(b'{"error":{"message":"x"},"choices":[]}'),
    "half a JSON text of no type": success(b'{"choices":[{', None),
    "a key that is no text": success(b'{"\xff":1}'),
    "space": success(b"  \n "),
    "nested without end": success(b"[" * 100_000),
    "an object nested without end": success(b'{"a":' * 100_000),
    "an error with half a character": success(b'{"error":{"message":"\\ud83d"}}'),
    "a finish_reason that is an error": success(b'{"error":null,"choices":[{"finish_reason":"error"}]}'),
    "gzip and something else": success(gzip.compress(GOOD) + b"oops", content_encoding="gzip"),
    "gzip that is none": success(b"hello", content_encoding="gzip"),
    "a large error": success(b'{"error":{"message":[%b]}}' % b",".join([b'"a"'] * 40_000)),
    "half of a large answer": success(b'{"x":[%b' % (b"[]," * 20_000)),
    "a large answer whose finish_reason is an error": success(
        b'{"choices":[{"finish_reason":"error","x":[%b0]}]}' % (b"[]," * 20_000)
    ),
    "a list": success(b'["hello"]'),
    "a proxy's text": success(b"upstream connect error or disconnect/reset before headers", "text/plain"),
    "text that begins as JSON does": success(b"[music] hello", "text/plain"),
    "XML": success(b"<?xml version='1.0'?><hello/>", "application/xml"),
    "a picture": success(b"<svg>hello</svg>", "image/svg+xml"),
    "NDJSON that says it is a stream": success(b'{"choices":[]}\n{"choices":[]}\n', "text/event-stream"),
    "no content": raw(b"HTTP/1.1 204 X\r\n\r\n"),
    "a reset of content": raw(b"HTTP/1.1 205 X\r\ncontent-length: 0\r\n\r\n"),
    "a redirect": raw(b"HTTP/1.1 302 X\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n"),
    "not modified": raw(b"HTTP/1.1 304 X\r\n\r\n"),
    "half of a br": success(brotli.compress(GOOD)[:-9], content_encoding="br"),
    "half of a zstd": success(zstd.compress(GOOD)[:-9], content_encoding="zstd"),
    "br and something else": success(brotli.compress(GOOD) + b"oops", content_encoding="br"),
    "half of a gzip within br": success(brotli.compress(gzip.compress(GOOD)[:-9]), content_encoding="gzip, br"),
    "a coding that nobody knows": success(gzip.compress(GOOD), content_encoding="own"),
    "a known coding upon one that nobody knows": success(gzip.compress(GOOD), content_encoding="own, gzip"),
    "more codings than anybody means": success(
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(GOOD)))), content_encoding="gzip, gzip, gzip, gzip"
    ),
    "half of a gzip": success(gzip.compress(GOOD)[:-9], content_encoding="gzip"),
    "a page in gzip": success(gzip.compress(b"<html></html>"), "text/html", content_encoding="gzip"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("failing", FAILURES.values(), ids=FAILURES)
async def test_what_is_no_answer_is_moved_to_the_next_model(failing: Answering, stream: bool) -> None:
    async with served(failing, success(GOOD), policy=TWICE) as at:
        status, body, _ = await ask(at, stream=stream)
    assert (status, b"hello" in body) == (200, True)


@pytest.mark.parametrize("policy", [TWICE, GUIDE], ids=["default", "the guide's"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "failing", [half(), success(b"<html></html>", None), success(b"")], ids=["half", "page", "empty"]
)
async def test_what_is_no_answer_never_reaches_the_client_as_one(
    failing: Answering, stream: bool, policy: Policy | AsWritten
) -> None:
    async with served(failing, failing, policy=policy) as at:
        status, body, headers = await ask(at, stream=stream)
    error = msgspec.json.decode(body)["error"]
    assert (status, error["code"], error["type"]) == (502, "upstream_protocol_error", "server_error")
    assert "model-0" in error["message"]
    assert headers["content-type"].startswith("application/json")


ERRORS: dict[str, tuple[Answering, int, bytes]] = {
    "a status of its own": (success(b'{"error":{"code":429,"message":"slow"}}'), 429, b"slow"),
    "a class that has one": (success(b'{"error":{"code":"insufficient_quota","message":"gone"}}'), 429, b"gone"),
    "neither": (success(b'{"error":{"message":"odd"}}'), 502, b"odd"),
    "an event": (raw(STREAM_HEAD + chunks(b'data: {"error":{"code":503,"message":"busy"}}\n\n')), 503, b"busy"),
    "an event with more behind it": (
        raw(STREAM_HEAD + chunks(b'data: {"error":{"code":429,"message":"slow"}}\n\ndata: [DONE]\n\n')),
        429,
        b"slow",
    ),
    "the caller's own fault": (success(b'{"error":{"code":"context_length_exceeded"}}'), 400, b"context"),
    "words of no form": (raw(STREAM_HEAD + chunks(b"event: error\ndata: oops\n\n")), 502, b"model-0"),
    "a finish_reason": (success(b'{"choices":[{"finish_reason":"error"}]}'), 502, b"model-0"),
}


@pytest.mark.parametrize(("failing", "status", "words"), ERRORS.values(), ids=ERRORS)
async def test_an_error_under_a_success_reaches_the_client_as_an_error_with_its_own_words(
    failing: Answering, status: int, words: bytes
) -> None:
    async with served(failing, failing, policy=TWICE) as at:
        got, body, headers = await ask(at)
    assert (got, words in body) == (status, True)
    assert headers["content-type"].startswith("application/json")


MANY = b"[]," * 20_000
GOODS: dict[str, Answering] = {
    "a large answer": success(GOOD[:-1] + b',"x":[%b0]}' % MANY),
    "a large answer with a number that JSON has not": success(GOOD[:-1] + b',"x":[%bNaN]}' % MANY),
    "a large answer with half a surrogate pair": success(GOOD[:-1] + b',"x":[%b"\\ud83d"]}' % MANY),
    "a byte order mark": success(b"\xef\xbb\xbf" + GOOD),
    "a number that JSON has not": success(GOOD[:-1] + b',"logprobs":-Infinity}'),
    "half a surrogate pair": success(GOOD.replace(b"hello", b"hello\\ud83d")),
    "a type of no name": success(GOOD, None),
    "JSON that says it is text": success(GOOD, "text/plain"),
    "JSON that says it is a stream": success(GOOD, "text/event-stream"),
    "JSON that says it is a page": success(GOOD, "text/html"),
    "blanks before JSON": success(b" \n" * 300 + GOOD),
    "an error that is null": success(GOOD[:-1] + b',"error":null}'),
    "gzip": success(gzip.compress(GOOD), content_encoding="gzip"),
    "x-gzip, in capitals": success(gzip.compress(GOOD), content_encoding="X-GZip"),
    "br": success(brotli.compress(GOOD), content_encoding="br"),
    "zstd": success(zstd.compress(GOOD), content_encoding="zstd"),
    "zstd in two frames": success(zstd.compress(GOOD[:9]) + zstd.compress(GOOD[9:]), content_encoding="zstd"),
    "br upon gzip": success(brotli.compress(gzip.compress(GOOD)), content_encoding="gzip, br"),
    "gzip upon zstd upon nothing": success(gzip.compress(zstd.compress(GOOD)), content_encoding="identity,zstd,,gzip"),
    "gzip by its name alone": success(GOOD, content_encoding="gzip"),
    "br by its name alone": success(b"\n" + GOOD, content_encoding="br"),
    "zstd upon gzip by their names alone": success(GOOD, content_encoding="gzip, zstd"),
    "a charset as its coding": success(GOOD, content_encoding="UTF-8"),
    "a large answer in br": success(brotli.compress(GOOD[:-1] + b" " * 1_000_000 + b"}"), content_encoding="br"),
    "a large answer in zstd": success(zstd.compress(GOOD[:-1] + b" " * 1_000_000 + b"}"), content_encoding="zstd"),
    "deflate": success(zlib.compress(GOOD), content_encoding="deflate"),
    "deflate without a header": success(zlib.compress(GOOD)[2:-4], content_encoding="deflate"),
    "gzip in two members": success(gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]), content_encoding="gzip"),
    "gzip and padding": success(gzip.compress(GOOD) + b"\0" * 9, content_encoding="gzip"),
    "a large answer in gzip": success(gzip.compress(GOOD[:-1] + b" " * 1_000_000 + b"}"), content_encoding="gzip"),
}


@pytest.mark.parametrize("good", GOODS.values(), ids=GOODS)
async def test_what_every_sdk_reads_is_good(good: Answering) -> None:
    async with served(good, json(500, {})) as at:
        status, body, headers = await ask(at)
    assert (status, b"hello" in body, headers.get("content-encoding")) == (200, True, None)
    assert headers["content-type"] == "application/json"
    assert headers["x-switchover-attempts"] == "1"


async def test_a_whole_answer_with_half_a_character_becomes_a_stream_too() -> None:
    async with served(success(GOOD.replace(b"hello", b"hello\\ud83d"))) as at:
        status, body, _ = await ask(at, stream=True)
    assert (status, b"hello\\ud83d" in body, body.endswith(b"data: [DONE]\n\n")) == (200, True, True)


@pytest.mark.parametrize(
    ("compress", "coding"), [(compress, name.encode()) for name, compress in CODE.items()], ids=CODE
)
async def test_a_refusal_in_a_coding_is_understood_and_reaches_the_client_readable(
    compress: Callable[[bytes], bytes], coding: bytes
) -> None:
    error = compress(b'{"error":{"code":"context_length_exceeded","message":"too long"}}')
    head = b"HTTP/1.1 400 X\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(error))
    async with served(raw(head + error), success(GOOD)) as at:
        assert (await ask(at))[0] == 200
    async with served(raw(head + error)) as at:
        status, body, _ = await ask(at)
    assert (status, b"too long" in body) == (400, True)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"429 X", b""),
        (b"429 X", b'{"error":{"message":"slow"}}'),
        (b"502 X", b"<html>bad gateway</html>"),
        (b"502 X", b" <!DOCTYPE html>"),
    ],
    ids=["nothing", "not in gzip", "a page", "another page"],
)
async def test_what_says_that_it_is_in_gzip_and_is_not_passes_as_it_came(head: bytes, body: bytes) -> None:
    answer = b"HTTP/1.1 " + head + b"\r\ncontent-encoding: gzip\r\n"
    answer += b"content-length: %d\r\n\r\n" % len(body) + body
    async with served(raw(answer), policy=Policy(attempts=1)) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        got = await reader.read()
        writer.close()
    assert got.startswith(b"HTTP/1.1 " + head.split()[0])
    assert got.endswith(b"\r\n\r\n" + body)


async def test_a_refusal_that_comes_in_drops_loses_none() -> None:
    error = b'  data: {"error":{"message":"slow"}}'

    async def script(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 503 X\r\ncontent-encoding: br\r\ncontent-length: %d\r\n\r\n" % len(error)
        for piece in (head, error[:2], error[2:4], error[4:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.06)  # longer than the gateway waits for what classifies a 503

    async with served(script, policy=Policy(attempts=1)) as at:
        status, body, headers = await ask(at)
    assert (status, body, headers.get("content-encoding")) == (503, error, None)


async def test_an_answer_in_an_unknown_coding_reaches_a_client_whole_where_envoy_s_rules_hold() -> None:
    body = gzip.compress(GOOD)
    async with served(success(body, content_encoding="own"), policy=as_written(semantics="Envoy")) as at:
        status, got, headers = await ask(at)
    assert (status, got, headers["content-encoding"]) == (200, body, "own")


@pytest.mark.parametrize("cut", [9, 15])
async def test_a_refusal_that_ends_within_its_coding_keeps_its_status_and_what_could_be_read(cut: int) -> None:
    error = b'{"error":{"message":"too slow"}}'
    body = gzip.compress(error)[:-cut]
    head = b"HTTP/1.1 500 X\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with served(raw(head + body), policy=Policy(attempts=1)) as at:
        status, got, headers = await ask(at)
    assert (status, headers.get("content-encoding"), error.startswith(got)) == (500, None, True)


@pytest.mark.parametrize("path", ["/model/responses/x", "/model/files/x/content"])
@pytest.mark.parametrize(
    "stored",
    [
        success(b'{"status":"failed","error":{"code":"server_error","message":"x"}}'),
        success(b'{"error":{"message":"x"}}', "application/octet-stream"),
        success(b"<html></html>", "text/html"),
        success(b""),
    ],
    ids=["a failed job", "a file of errors", "a page", "an empty file"],
)
async def test_what_is_fetched_is_nobodys_failure(stored: Answering, path: str) -> None:
    async with targets(stored, success(GOOD)) as (first, second):
        every = as_written(operations="All")
        of = table(free_port(), [first.port, second.port], every)
        async with gateway(of) as at, aiohttp.ClientSession() as session:
            async with session.get(at.url + path) as answer:
                assert (answer.status, answer.headers["x-switchover-attempts"]) == (200, "1")
    assert second.seen == []


# ── Streams that do not say that they are some ──────────────────────────────────────────────────────────────────────

UNLABELLED: dict[str, bytes] = {
    "no type": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "text": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n",
    "JSON": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
}
WORDS = [ROLE, event({"content": "Hello"}), event({"content": " world"})]


@pytest.mark.parametrize("head", UNLABELLED.values(), ids=UNLABELLED)
async def test_a_stream_that_does_not_say_so_is_followed_all_the_same(head: bytes) -> None:
    async with served(raw(head + chunks(*WORDS, END))) as at:
        status, body, headers = await ask(at, stream=True)
    assert (status, body, headers["content-type"]) == (200, b"".join([*WORDS, END]), "text/event-stream")
    async with served(raw(head + chunks(ROLE)), success(GOOD), policy=TWICE) as at:
        assert (await ask(at, stream=True))[2]["x-switchover-attempts"] == "2"
    async with served(raw(head + chunks(*WORDS))) as at:
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(at, stream=True)


@pytest.mark.parametrize("first", [b"d", b"data", b"\xef\xbb", b"\n", b"even", b"da"])
async def test_a_stream_whose_first_piece_is_tiny_is_followed_all_the_same(first: bytes) -> None:
    mark = b"\xef\xbb\xbf" if first.startswith(b"\xef") else b""
    text = (b"\n" if first == b"\n" else b"event: x\n" if first == b"even" else b"") + b"".join(WORDS)

    async def slowly(_seen: object, _reader: object, writer: asyncio.StreamWriter) -> None:
        whole = mark + text
        writer.write(UNLABELLED["no type"] + chunks(whole[: len(first)], end=False))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(chunks(whole[len(first) :], end=True))

    async with served(slowly) as at:
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(at, stream=True)


@pytest.mark.parametrize(
    ("compress", "coding"),
    [(gzip.compress, b"gzip"), (brotli.compress, b"br"), (zstd.compress, b"zstd"), (bytes, b"gzip"), (bytes, b"utf-8")],
    ids=["gzip", "br", "zstd", "gzip by its name alone", "a charset as its coding"],
)
async def test_a_stream_in_a_coding_is_followed(compress: Callable[[bytes], bytes], coding: bytes) -> None:
    head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: %b\r\n\r\n" % coding)
    whole = compress(b"".join([*WORDS, END]))
    async with served(raw(head + chunks(*(whole[at : at + 3] for at in range(0, len(whole), 3))))) as at:
        status, body, _ = await ask(at, stream=True)
    assert (status, body) == (200, b"".join([*WORDS, END]))
    async with served(raw(head + chunks(compress(b"".join(WORDS))))) as at:
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(at, stream=True)


async def test_a_stream_that_breaks_before_its_first_byte_fails_over_whatever_its_type() -> None:
    broken = raw(UNLABELLED["no type"], then="reset")
    async with served(broken, success(GOOD), policy=TWICE) as at:
        assert (await ask(at, stream=True))[0] == 200


@pytest.mark.parametrize("piece", [b": ping\n\n", ROLE, b"data: oops\n\n"], ids=["comments", "roles", "junk"])
async def test_what_pours_without_any_content_is_given_up_and_held_no_longer(piece: bytes) -> None:
    poured = raw(STREAM_HEAD + chunks(piece * (2 * 1024 * 1024 // len(piece)), end=False), then="wait")
    async with served(poured, success(GOOD), policy=TWICE) as at:
        status, body, _ = await ask(at, stream=True)
    assert (status, b"hello" in body) == (200, True)


# ── What the client sends ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["gpt-4o\n", "a\r\nx: y", "a\x00b", "\x7f", "m" * 100_000], ids=["LF", "CRLF", "NUL", "DEL", "long"]
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_model_s_name_of_any_letters_is_no_header_of_its_own_and_crashes_nothing(
    name: str, stream: bool
) -> None:
    async with targets(success(GOOD)) as [one]:
        of = table(free_port(), [one.port])
        [upstream] = of.upstreams.values()
        [[target]] = upstream.priorities
        unnamed = msgspec.structs.replace(target, provider=OpenAI(""))
        upstreams = {"ns/up": msgspec.structs.replace(upstream, priorities=((unnamed,),))}
        async with gateway(msgspec.structs.replace(of, upstreams=upstreams)) as at:
            status, _, headers = await ask(at, model=name, stream=stream)
    assert (status, "x" in headers, len(headers["x-switchover-served-by"]) < 300) == (200, False, True)


@pytest.mark.parametrize("body", [b'{"model":"\xff"}', b'{"\xff":1}'])
async def test_a_body_that_is_no_text_is_refused(body: bytes) -> None:
    async with served(success(GOOD)) as at, aiohttp.ClientSession() as session:
        async with session.post(f"{at.url}/model", data=BytesIO(body)) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_body")


async def test_a_field_that_is_no_text_does_not_ask_for_reasoning() -> None:
    async with served(success(GOOD), success(GOOD)) as at, aiohttp.ClientSession() as session:
        body = b'{"model":"m","stream":true,"reasoning_effort":"\xff"}'
        async with session.post(f"{at.url}/model", data=BytesIO(body)) as answer:
            assert answer.status == 200
