"""Refusals that say when to come back, in fields, sentences and headers, and the wait in seconds that comes of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.classify.error_body import read
from switchover_dataplane.classify.refusal import failed_stream, refused
from switchover_dataplane.classify.waits import requested_wait, waits_of

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""

DAY = 86_400.0


def wait(body: object, headers: dict[str, str] | None = None, status: int = 429) -> float | None:
    return refused("openai", status, headers or {}, msgspec.json.encode(body), NOW)[1]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"resets_in_seconds": 529498, "resets_at": int(NOW) + 529498}, 529498.0),
        ({"resets_at": int(NOW) + 90}, 90.0),
        ({"reset_at": "2027-01-15T08:01:30Z"}, 90.0),
        ({"resetsAt": int(NOW * 1000) + 90_000}, 90.0),
        ({"quotaResetTimeStamp": "2027-01-15T10:00:00+01:00"}, 3600.0),
        ({"quotaResetDelay": "1h2m3.5s"}, 3723.5),
        ({"retry_after": 10}, 10.0),
        ({"retry_after": "10.5"}, 10.5),
        ({"retryAfter": 17}, 17.0),
        ({"retry_after_ms": 1500}, 1.5),
        ({"retryAfterSeconds": 30}, 30.0),
        ({"retry_in_minutes": 2}, 120.0),
        ({"reset_after": 42.5}, 42.5),
        ({"wait_seconds": 12}, 12.0),
        ({"cooldown": 8}, 8.0),
        ({"available_at": "2027-01-15 08:10:00"}, 600.0),
        ({"retry_at": "Fri, 15 Jan 2027 08:00:07 GMT"}, 7.0),
        ({"resets_at": int(NOW) + 900, "retry_after": 5}, 5.0),
        # What looks like a wait and is none.
        ({"resets_at": int(NOW) - 90}, None),
        ({"reset": 9}, None),
        ({"resets_at": 9}, None),
        ({"reset": "6m0s"}, None),
        ({"retry_count": 3}, None),
        ({"max_retries": 3}, None),
        ({"retryable": True}, None),
        ({"retry": True}, None),
        ({"retry_after": 0}, None),
        ({"retry_after": -5}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": None}, None),
        ({"retry_after": 1e300}, None),
        ({"retry_after": 40_000_000}, None),
        ({"available": 5}, None),
        ({"reset_at": "2027-13-45T99:00:00Z"}, None),
        ({"limit": {"requests": 10, "resets_in": 20}}, 20.0),
        ({"metadata": {"resetInSeconds": 61}}, 61.0),
        ({"input": {"retry_after": 299}}, None),
    ],
)
def test_a_wait_in_a_field_is_known_by_the_shape_of_its_name_and_by_its_value(
    fields: dict[str, object], seconds: float | None
) -> None:
    found = wait({"error": {"message": "no", "type": "x", **fields}})
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5-hour usage limit reached. Resets in 3hr 56min. To continue, enable usage.", 14_160.0),
        ("Try again in 2 days.", 2 * DAY),
        ("try again in 1 week", 7 * DAY),
        ("Please wait 84152s.", 84_152.0),
        ("Your quota will reset after 1h2m3s", 3723.0),
        ("Retry after 1 hour, 30 minutes and 5 seconds", 5405.0),
        ("Try again in about 3 hours.", 10_800.0),
        ("It will be available again at 2027-01-15T08:00:30Z", 30.0),
        ("Your limit will reset at 2027-01-15 09:00:00 UTC.", 3600.0),
        ("Limit resets in: 20 minutes", 1200.0),
        ("Usage renews in 5 hours", 18_000.0),
        ("请在 20 秒后重试", 20.0),
        ("您的限额将在 2027-01-15 08:02:00 重置", 120.0),
        ("Bitte versuchen Sie es in 20 Sekunden erneut", 20.0),
        ("Bitte versuchen Sie es erneut in 2 Minuten", 120.0),
        ("Wait 5 monkeys", None),
        ("Resets 2:10pm (America/Sao_Paulo)", None),
        ("Try again in 0 seconds", None),
        ("Try again in 5000 days", None),
        ("It was available at 2020-01-15 08:02:00", None),
        ("Limit 10 per 20 seconds", None),
    ],
)
def test_a_wait_in_a_sentence_is_read_as_people_write_spans_and_moments(text: str, seconds: float | None) -> None:
    assert wait({"error": {"message": text}}) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"anthropic-ratelimit-unified-status": "rejected", "anthropic-ratelimit-unified-reset": "1800007200"}, 7200.0),
        (
            {
                "anthropic-ratelimit-unified-5h-status": "allowed",
                "anthropic-ratelimit-unified-5h-reset": "1800000060",
                "anthropic-ratelimit-unified-7d-status": "rejected",
                "anthropic-ratelimit-unified-7d-reset": "1800090000",
            },
            90_000.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:20Z",
            },
            20.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000012000"}, 12.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30.0),
        ({"X-RateLimit-Remaining": "0", "x-ratelimit-remaining": "0", "X-RateLimit-Reset": "30"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2.5"}, 2.5),
        ({"retry-after": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 5.0),
        ({"ratelimit": '"minute";r=7;t=5, "day";r=0;t=3600'}, 3600.0),
        ({"ratelimit": "limit=10, remaining=0, reset=30"}, 30.0),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"x-retry-after": "12"}, 12.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "2027-01-15T08:00:09Z"}, 9.0),
        ({"retry-after": "1800000060"}, 60.0),
        ({"retry-after": "later", "x-retry-after": "later"}, None),
        ({"ratelimit": '"minute";r=7;t=5'}, None),
        # Without a bucket that is used up a reset says nothing.
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "30"}, None),
        ({"x-ratelimit-reset": "30"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-tokens": "30"}, None),
        ({"anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-unified-reset": "1800007200"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "junk"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000000"}, None),
        ({"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "30"}, None),
    ],
)
def test_a_reset_in_a_header_counts_where_its_own_bucket_is_used_up(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wait({"error": {"message": "no"}}, headers) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_bucket_is_used_up_by_any_answer_but_only_a_limit_is_waited_for(status: int) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}
    assert wait({"error": {"message": "no"}}, headers, status) is None


def test_a_wait_is_found_in_an_event_and_in_an_error_that_was_cut() -> None:
    assert failed_stream("openai", b'{"error":{"code":429,"retry_after":7}}', NOW)[1] == 7.0
    assert refused("openai", 429, {}, b'{"error":{"message":"no","resets_in_seconds":61,"x":"', NOW)[1] == 61.0
    assert refused("openai", 429, {}, b'{"error":{"retry_after":"20s","message":"cut', NOW)[1] == 20.0


names = st.sampled_from(["retry_after", "resets_at", "resetInSeconds", "quotaResetDelay", "wait_ms", "retryDelay"])
values = (
    st.text(max_size=40) | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["1h", "20s", "1800000001"])
)
texts = st.lists(st.sampled_from(["resets in", "try again at", "9", "h", " ", "2027-01-15", "t", "08:00", "后", "s"]))


@given(names, values, texts, st.text(max_size=30))
def test_whatever_stands_in_fields_sentences_and_headers_a_wait_is_some_seconds_or_none(
    name: str, value: object, text: list[str], header: str
) -> None:
    details = read({}, msgspec.json.encode({"error": {name: value, "message": "".join(text)}}))
    found = requested_wait(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": header}, waits_of(details), NOW)
    assert found is None or 0 < found <= 400 * DAY
