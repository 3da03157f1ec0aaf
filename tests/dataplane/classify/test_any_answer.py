"""Whatever a server sends as an error, and however much: nothing raises, and no more is read than errors have."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_errors import NOW, retry_after
from switchover_dataplane.classify.error_body import MOST_TEXT, MOST_TEXTS, read
from switchover_dataplane.classify.refusal import classify
from switchover_dataplane.failover.outcome import ErrorClass

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "type", "message", "details", "metadata", "headers", "retryDelay"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)

bodies = st.binary(max_size=200) | jsons.map(msgspec.json.encode)

kinds = st.sampled_from(
    ["openai", "azure-openai", "mistral", "http", "anthropic", "gemini", "vertex-ai", "bedrock", "?"]
)

headers = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "x-amzn-errortype"]), st.text(max_size=30), max_size=3
)


@given(kinds, st.integers(0, 999), headers, bodies, st.integers(0, 300))
def test_no_answer_whatsoever_raises(kind: str, status: int, sent: dict[str, str], body: bytes, cut: int) -> None:
    found = classify(kind, status, sent, body[:cut])
    assert found is None or isinstance(found, ErrorClass)
    assert found is not None or status < 400
    wait = retry_after(sent, body[:cut], NOW)
    assert wait is None or 0 < wait < float("inf")


@pytest.mark.parametrize("body", [b'{"error":' * 5000, b"[" * 5000, b'{"error":' * 40 + b"1" + b"}" * 40])
def test_deeply_nested_bodies_do_not_raise(body: bytes) -> None:
    assert classify("openai", 500, {}, body) is ErrorClass.SERVER_ERROR
    assert retry_after({}, body, NOW) is None


MANY = b",".join([b'"Slow Down"'] * 40_000)

LARGE: dict[str, bytes] = {
    "texts": b'{"error":{"message":[%b]}}' % MANY,
    "texts in texts": msgspec.json.encode({"error": {"message": '{"message":["a"%s]}' % (',"a"' * 10_000)}}),
    "details": b'{"error":{"details":[%b]}}' % b",".join([b'{"message":"Slow Down"}'] * 4_000),
    "codes": b'{"error":[%b]}' % b",".join(b'{"code":"c%d"}' % number for number in range(4_000)),
    "numbers": b'{"error":{"message":[%b]}}' % b",".join([b"1"] * 40_000),
    "a long text": b'{"error":{"message":"%b"}}' % (b"Slow Down " * 100_000),
    "a long code": b'{"error":{"message":"x","code":"%b"}}' % (b"c" * 1_000_000),
    "cut": b'{"error":{"message":[%b' % MANY,
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_of_an_error_only_as_much_is_taken_as_errors_have(body: bytes) -> None:
    details = read({}, body)
    assert max(len(details.messages), len(details.codes)) <= MOST_TEXTS
    assert details.text or details.codes
    assert len(details.text) <= MOST_TEXT + MOST_TEXTS
    assert max(map(len, details.codes), default=0) <= 256


ERRORS = [b'{"error":{"message":[%b],"code":"x"}}', b'{"object":"error","message":[%b]}', b'{"type":"error","x":[%b]}']

GOODS = [b'{"choices":[%b]}', b'{"error":null,"choices":[%b]}', b'{"error":{"code":"x"},"choices":[%b]}', b"[%b]"]


@pytest.mark.parametrize(("body", "is_error"), [*((body, True) for body in ERRORS), *((body, False) for body in GOODS)])
def test_an_error_of_too_many_values_is_known_without_making_them(body: bytes, is_error: bool) -> None:
    details = read({}, body % MANY)
    assert (details.is_error, details.document) == (is_error, None)


def test_the_code_of_an_error_of_too_many_values_is_found_if_it_stands_first() -> None:
    body = b'{"x":[%b],"error":{"code":"insufficient_quota","message":[%b]}}' % (MANY, MANY)
    assert classify("openai", 200, {}, body) is ErrorClass.QUOTA_EXHAUSTED
