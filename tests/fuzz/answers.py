"""Whole answers → whether they are good, why not, how long to stay away, and what the client is shown."""

import math
import random
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from multidict import CIMultiDict

from fuzz.edits import edited
from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.join import JOINERS, joined_array
from switchover_dataplane.classify import error_body, refusal
from switchover_dataplane.classify.success import check_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass
from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_stream import as_stream
from switchover_dataplane.formats.as_whole import FailedEvent, SizeBudget, Unjoinable
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.reply.as_error import error_response
from switchover_dataplane.upstream.codings import BadCoding, Undoing, can_undo, named

NOW = 1_796_000_000.0
_READ = 1 << 16
KINDS = ("openai", "azure-openai", "mistral", "anthropic", "gemini", "vertex-ai", "bedrock", "http")
SEEDS = (
    b'{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"total_tokens":1}}',
    b'{"error":{"message":"Rate limit reached. Please try again in 7m12.5s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}',  # noqa: E501
    b'{"error":{"message":["a","b"],"errors":[{"message":"c"}],"details":[{"@type":"x","retryDelay":"34.07s"}]}}',
    b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    b'{"object":"error","message":"no","type":"x","code":"1300"}',
    b'[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"PerDayPerModel"}]}]}}]',
    b'{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\\"error\\":{\\"message\\":\\"slow\\"}}","headers":{"X-RateLimit-Reset":"1796000060000"}}}}',  # noqa: E501
    b'{"message":"Too many tokens","__type":"com.amazon#ThrottlingException:http://x"}',
    b"<html><body>503</body></html>",
    b'{"id":"m","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"s"},{"type":"text","text":"hi","citations":[{"type":"x"}]},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"output_tokens":2}}',
    b'{"id":"r","object":"response","status":"completed","output":[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"s"}]},{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"incomplete_details":null,"error":null}',
    b'[{"candidates":[{"content":{"role":"model","parts":[{"text":"h"}]},"index":0}]},{"candidates":[{"content":{"parts":[{"text":"i"},{"functionCall":{"name":"f","args":{}}}]},"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":2}}]',
    b'{"choices":[{"index":0,"delta":{"role":"assistant","content":"hi","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[{"token":"hi"}]},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}',
    b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}},"delta":{"stop_reason":"end_turn"}}',
    b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
    b'{"type":"response.completed","response":{"status":"completed","output":[]},"output_index":0,"item":{"type":"message"}}',
    b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]}]}',
    b'{"choices":[{"message":{"content":"hi","tool_calls":[{"id":"a"}]},"finish_reason":"error"}]}',
    b"",
)
WORDS = (
    b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"null", b"NaN", b"1e999", b'"error":', b'"message":', b'"a",',
    b'"code":', b'"choices":', b'"finish_reason":"error"', b'"error":{', b'"details":[', b'"retryDelay":"1s"',
    b'"retryDelay":"' + b"9" * 40 + b's"', b"try again in 99999999999999s", b"retry after 5 seconds", b'"\\ud83d":1,',
    b"\\ud83d", b"\xff", b"\x00", b"\xef\xbb\xbf", b"<html>", b'{"a":', b'"raw":"{}"', b"PerDay",
    b"request too large", b'"object":"error",',
)  # fmt: skip
VALUES = (
    "", "0", "5", "-5", "1e9", "99999999999999999999", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT",
    "Wed, 99 Oct 2026 07:28:00 GMT", "now", "٣", "\udcff", "1" * 400,
)  # fmt: skip
STATUSES = (200, 201, 204, 301, 400, 401, 402, 403, 404, 408, 413, 422, 424, 429, 500, 502, 503, 504, 529)
FIELDS = {
    "content-type": (
        "application/json",
        "text/event-stream",
        "text/html",
        "text/plain; charset=x",
        "application/a+json",
    ),
    "content-encoding": ("gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "br, zstd"),
    "retry-after": VALUES,
    "retry-after-ms": VALUES,
    "x-amzn-errortype": ("", "ThrottlingException", "a#b:c", "#", ":", "\udcff"),
}


@dataclass(frozen=True)
class Given:
    """One answer as it came."""

    kind: str
    expected: Expected
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def seeds() -> Sequence[bytes]:
    return SEEDS


def draw(chance: random.Random, known: Sequence[bytes]) -> Given:
    headers = tuple((name, chance.choice(values)) for name, values in FIELDS.items() if chance.random() < 0.4)
    status = chance.choice(STATUSES) if chance.random() < 0.9 else chance.randint(200, 999)
    expected = Expected(chance.choice((None, *Api)), later=chance.random() < 0.1, inputs=chance.choice((0, 0, 1, 2)))
    return Given(chance.choice(KINDS), expected, status, headers, edited(chance, known, WORDS))


def seed(given: Given) -> bytes:
    return given.body


def _in_clear(headers: "CIMultiDict[str]", body: bytes) -> bytes:
    """Return the start of a body without its codings, or a body that is not in them as it is."""
    codings = named(headers)
    if not codings or not can_undo(codings):
        return body
    undoing, made = Undoing(codings), b""
    undoing.give(body)
    try:
        while not undoing.hungry and len(made) < _READ:
            made += undoing.step(_READ)
    except BadCoding:
        return body
    return made


def are_judged_without_a_fault(given: Given) -> Hashable:
    """Every answer is good or has a reason that is named; waits are times, and texts stay within bounds."""
    headers = CIMultiDict(given.headers)
    body = _in_clear(headers, given.body)
    outcome = check_success(given.kind, given.expected, given.status, headers, body, time.time())
    assert isinstance(outcome, Committed | Broken)
    reason = refusal.classify(given.kind, given.status, headers, body)
    assert reason is None or isinstance(reason, ErrorClass)
    refused, wait, _ = refusal.refused(given.kind, given.status, headers, body, NOW)
    assert isinstance(refused, ErrorClass)
    assert wait is None or (math.isfinite(wait) and wait > 0)
    said = error_body.read(headers, body)
    assert len(said.text) <= 2 * len(body) + 64 * 1024
    if isinstance(outcome, Broken):
        shown = error_response(outcome, Answer(given.status, headers, held=[body]))
        assert shown is None or 400 <= shown.status <= 599
    events = as_stream(given.expected.api, body, with_usage=True)
    assert events is None or events.endswith(b"\n\n")
    assert all(lenient_json.is_json(made) for made in _joined(body))
    return (
        given.expected.api,
        type(outcome),
        reason,
        refused,
        wait is None,
        frozenset(said.codes) if len(said.codes) < 4 else 4,
    )


def _joined(body: bytes) -> Iterator[bytes]:
    """Take the answer, and its beginning, as events of each API; yield what is put together of those that make one."""
    array = joined_array(body, 1 << 16)
    if array is not None:
        yield array
    for joiner in (kind(SizeBudget(1 << 16)) for kind in JOINERS.values()):
        try:
            for data in (body, body):
                joiner.take(data)
            joiner.take_done()
            if joiner.is_whole:
                yield joiner.written()
        except (ValueError, RecursionError, FailedEvent, Unjoinable):
            continue
