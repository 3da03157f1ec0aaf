"""What a target quotes of the credentials that it was sent, and that none of it reaches the client."""

import asyncio
import gzip
import json
from io import BytesIO
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from multidict import CIMultiDict

from as_written import retries
from serving import (
    END,
    KEY,
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    raw,
    table,
    targets,
)
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Filters, Header, HeaderEdit
from switchover_dataplane.table.upstreams import Auth
from switchover_dataplane.upstream.redaction import NOTHING, RedactedPieces, Redaction, Redactions

ODD = 'sk/"odd" key+1'
"""A secret that is spelled otherwise in JSON and in URLs."""
SENT = "Basic dXNlcjpzZWNyZXQ="
"""The value of a header that comes of a Secret."""

COMPLETION = b'{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}'
ERROR = b'{"error":{"message":"Incorrect API key provided: %b"}}'

SPELLINGS: dict[str, tuple[str, str]] = {
    "as it is": (KEY, KEY),
    "in JSON": (ODD, json.dumps(ODD)[1:-1]),
    "in JSON that escapes slashes": (ODD, json.dumps(ODD)[1:-1].replace("/", "\\/")),
    "in a URL": (ODD, quote(ODD, safe="")),
    "with its scheme": (SENT, SENT),
    "without its scheme": (SENT, SENT.removeprefix("Basic ")),
    "with space around it": (f" {KEY}\n", KEY),
    "beyond ASCII in JSON": ("schlüssel-1", "schl\\u00fcssel-1"),
    "beyond ASCII": ("schlüssel-1", "schlüssel-1"),
}


@pytest.mark.parametrize(("secret", "quoted"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_replaced_however_it_is_spelled(secret: str, quoted: str) -> None:
    redaction = Redaction.of(secret)
    fields = CIMultiDict([("x-a", f"a {quoted} b"), ("x-a", "c")])
    redaction.headers(fields)
    assert list(fields.items()) == [("x-a", "a *** b"), ("x-a", "c")]
    assert redaction.body(f"a {quoted} b".encode()) == b"a *** b"


@pytest.mark.parametrize("word", ["", "x", "EMPTY", "ollama", "Bearer x"])
def test_short_words_are_left_in_their_sentences(word: str) -> None:
    assert Redaction.of(word).body(b"Bearer EMPTY ollama x") == b"Bearer EMPTY ollama x".replace(b"Bearer x", b"***")


@pytest.mark.parametrize("size", range(1, 40))
def test_a_secret_is_found_wherever_its_body_is_cut(size: int) -> None:
    text = f"sk-of {KEY}{KEY} and {KEY[:-1]} {KEY}".encode()
    pieces = RedactedPieces(Redaction.of(KEY))
    sent = [pieces.feed(text[start : start + size]) for start in range(0, len(text), size)]
    assert b"".join(sent) + pieces.end() == text.replace(KEY.encode(), b"***")


def test_only_what_may_be_the_beginning_of_a_secret_is_held_back() -> None:
    pieces = RedactedPieces(Redaction.of(KEY))
    assert pieces.feed(b"a word") == b"a word"
    assert pieces.feed(b"a word " + KEY[:5].encode()) == b"a word "
    assert pieces.feed(b"!") == KEY[:5].encode() + b"!"
    assert pieces.end() == b""


def test_without_a_secret_nothing_is_changed() -> None:
    fields = CIMultiDict({"x-a": "***"})
    NOTHING.headers(fields)
    assert (NOTHING.body(b"a"), RedactedPieces(NOTHING).feed(b"a"), dict(fields)) == (b"a", b"a", {"x-a": "***"})


def test_each_target_has_its_own_key_and_the_secrets_in_headers_are_everybodys() -> None:
    of = table(1, [1, 2])
    [upstream] = of.upstreams.values()
    second = msgspec.structs.replace(upstream.priorities[1][0], auth=Auth("token", "second"))
    sends = Filters(request_headers=(HeaderEdit(set=(Header("x-proxy", secret="header"),)),))
    of = msgspec.structs.replace(
        of,
        rules={"rule": msgspec.structs.replace(of.rules["rule"], filters=sends)},
        upstreams={"ns/up": msgspec.structs.replace(upstream, priorities=(upstream.priorities[0], (second,)))},
        secrets={"key": KEY, "second": "sk-second-1", "header": SENT},
    )
    redactions = Redactions(of)
    said = f"{KEY} sk-second-1 {SENT}".encode()
    assert redactions.of(["ns/up/0/0"], ()).body(said) == f"*** sk-second-1 {SENT}".encode()
    assert redactions.of(["ns/up/1/0", "ns/up/0/0"], ()).body(said) == f"*** *** {SENT}".encode()
    assert redactions.of(["ns/up/1/0"], (sends,)).body(said) == f"{KEY} *** ***".encode()
    assert redactions.of(["a target without a key"], ()) is NOTHING


# ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────────────────


def answer(status: bytes, body: bytes, *fields: bytes, kind: bytes = b"application/json") -> bytes:
    lines = b"".join(field + b"\r\n" for field in (b"content-type: " + kind, *fields))
    return b"HTTP/1.1 " + status + b"\r\n" + lines + b"content-length: %d\r\n\r\n" % len(body) + body


def quoting(written: bytes) -> Answering:
    """Say bytes in which each `%b` is the key that came."""

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = seen.headers["authorization"].removeprefix("Bearer ").encode()
        await raw(written.replace(b"%b", key))(seen, reader, writer)

    return script


def with_length(status: bytes, body: bytes, *fields: bytes, kind: bytes = b"application/json") -> bytes:
    """Write an answer that is as long as it says with the key in it."""
    return answer(status, body.replace(b"%b", KEY.encode()), *fields, kind=kind)


LONG = b'{"error":{"message":"' + b"x" * 80_000 + b"%b" + b"x" * 80_000 + b'"}}'
TEXT = event({"content": "hello"})
QUOTED: dict[str, tuple[bytes, bool, int]] = {
    "a 401": (with_length(b"401 U", ERROR), False, 401),
    "a 403 as text": (with_length(b"403 F", b"bad key %b", kind=b"text/plain"), False, 403),
    "a 500": (with_length(b"500 E", ERROR), False, 500),
    "a 500 in gzip": (
        answer(b"500 E", gzip.compress(ERROR.replace(b"%b", KEY.encode())), b"content-encoding: gzip"),
        False,
        500,
    ),
    "a 500 of more than is held": (with_length(b"500 E", LONG), False, 500),
    "a 500 in chunks that cut the key": (
        b"HTTP/1.1 500 E\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunks(b"x" * 140_000 + KEY[:9].encode(), KEY[9:].encode() + b"x"),
        False,
        500,
    ),
    "a 200 with an error": (with_length(b"200 OK", ERROR), False, 401),
    "a good answer": (with_length(b"200 OK", COMPLETION.replace(b"hello", b"%b")), False, 200),
    "a field of a good answer": (
        with_length(b"200 OK", COMPLETION, b"x-echo: Bearer %b".replace(b"%b", KEY.encode())),
        False,
        200,
    ),
    "Location": (with_length(b"201 C", COMPLETION, b"location: http://a/?k=" + KEY.encode()), False, 201),
    "Retry-After": (with_length(b"429 T", b"{}", b"retry-after: " + KEY.encode()), False, 429),
    "an error event": (STREAM_HEAD + chunks(b"data: " + ERROR.replace(b"%b", KEY.encode()) + b"\n\n"), True, 401),
    "a field of a stream": (
        STREAM_HEAD.replace(b"\r\n\r\n", b"\r\nx-echo: %b\r\n\r\n") + chunks(TEXT + END),
        True,
        200,
    ),
    "a content event": (STREAM_HEAD + chunks(TEXT.replace(b"hello", b"a " + KEY.encode()) + END), True, 200),
    "a comment": (STREAM_HEAD + chunks(TEXT + b": " + KEY.encode() + b"\n\n" + END), True, 200),
    "an error event behind content": (
        STREAM_HEAD + chunks(TEXT + b"data: " + ERROR.replace(b"%b", KEY.encode()) + b"\n\n"),
        True,
        200,
    ),
}


async def ask(at: Gateway, *, stream: bool) -> tuple[int, str, bytes]:
    """Return status, header fields and as much of the body as came."""
    asked = msgspec.json.encode({"model": "asked", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
    got = b""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{at.url}/model", data=BytesIO(asked), allow_redirects=False) as answer:
            try:
                async for piece in answer.content.iter_any():
                    got += piece
            except aiohttp.ClientPayloadError:
                pass
            return answer.status, str(dict(answer.headers)), got


@pytest.mark.parametrize(("said", "stream", "status"), QUOTED.values(), ids=QUOTED)
async def test_a_key_that_a_target_quotes_does_not_reach_the_client(
    said: bytes, stream: bool, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with targets(quoting(said)) as [one], gateway(table(free_port(), [one.port], Policy(attempts=1))) as at:
        got, fields, body = await ask(at, stream=stream)
        assert KEY in one.seen[0].headers["authorization"]
    assert (got, KEY in fields, KEY.encode() in body) == (status, False, False)
    assert KEY not in caplog.text
    assert "***" in fields or b"***" in body or b"broke off" in body


async def test_an_error_in_a_success_that_a_policy_hands_on_is_redacted_too() -> None:
    policy = retries(attempts=1, tokens=("retriable-status-codes",), status_codes=(429,))
    said = STREAM_HEAD + chunks(b"data: " + ERROR.replace(b"%b", KEY.encode()) + b"\n\n")
    async with targets(quoting(said)) as [one], gateway(table(free_port(), [one.port], policy)) as at:
        status, _, body = await ask(at, stream=True)
    assert (status, KEY.encode() in body, b"provided: ***" in body) == (200, False, True)


async def test_the_key_of_the_model_that_continues_an_answer_is_redacted_too() -> None:
    first = STREAM_HEAD + chunks(event({"content": "one two"}), end=False)
    second = STREAM_HEAD + chunks(event({"content": f"one two {KEY}"}), END)
    async with targets(raw(first, then="close"), raw(second)) as each:
        async with gateway(table(free_port(), [one.port for one in each])) as at:
            _, _, body = await ask(at, stream=True)
    assert (KEY.encode() in body, b" ***" in body, b"[DONE]" in body) == (False, True, True)


async def test_a_secret_of_a_header_that_a_plain_backend_quotes_is_redacted_too() -> None:
    sends = Filters(request_headers=(HeaderEdit(set=(Header("authorization", secret="key"),)),))
    said = with_length(b"403 F", b"%b", b"x-echo: " + KEY.encode())
    async with targets(quoting(said)) as [one]:
        of = table(free_port(), [one.port], filters=sends, ai=False, auth="")
        async with gateway(of) as at:
            status, fields, body = await ask(at, stream=False)
        assert one.seen[0].headers["authorization"] == KEY
    assert (status, body, KEY in fields) == (403, b"***", False)
