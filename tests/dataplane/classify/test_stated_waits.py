"""How long a provider asks to wait, in headers and in bodies, in each provider's form."""

from email.utils import formatdate

import msgspec
import pytest

from provider_errors import NOW, google, openai, quota, retry_after


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "junk", "retry-after": "9"}, 9.0),
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(NOW + 90)}, 90.0),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "1_000"}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 99 Oct 99999 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset": "9"}, None),
        ({"anthropic-ratelimit-requests-reset": "2030-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_a_wait_in_headers_is_read_in_the_order_of_the_providers_sdks(
    headers: dict[str, str], wait: float | None
) -> None:
    assert retry_after(headers, b"", NOW) == (None if wait is None else pytest.approx(wait))


def retry_info(delay: str) -> dict[str, str]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def openrouter(reset: float) -> bytes:
    headers = {"X-RateLimit-Reset": str(round(reset))}
    return msgspec.json.encode({"error": {"code": 429, "message": "x", "metadata": {"headers": headers}}})


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        (google("RESOURCE_EXHAUSTED", "", quota("PerMinute"), retry_info("34s")), 34.0),
        (b"[" + google("RESOURCE_EXHAUSTED", "", retry_info("600.5s")) + b"]", 600.5),
        (google("RESOURCE_EXHAUSTED", "", retry_info("0s")), None),
        (google("RESOURCE_EXHAUSTED", "", retry_info("a while")), None),
        (google("RESOURCE_EXHAUSTED", "", "not an object"), None),
        (openai("exceeded token rate limit. Please retry after 37 seconds. Contact us"), 37.0),
        (openai("Please retry after 1 second."), 1.0),
        (openai("Please retry after 800 milliseconds."), 0.8),
        (openai("Rate limit reached. Please try again in 7m12.5s. Visit"), 432.5),
        (openai("Please try again in 20s."), 20.0),
        (openai("Please try again in 250ms."), 0.25),
        (openai("Please try again in 1h2m3s."), 3723.0),
        (openai("Please try again in a bit."), None),
        (openai("Request too large for gpt-4o: Limit 30000, Requested 90000. Please try again in 1s."), None),
        (openrouter((NOW + 12) * 1000), 12.0),
        (openrouter((NOW - 12) * 1000), None),
        (b'{"error":{"metadata":{"headers":["X-RateLimit-Reset"]}}}', None),
        (b'{"error":"x"}', None),
        (b"[]", None),
        (b"please retry after 5 seconds", 5.0),
        (google("RESOURCE_EXHAUSTED", "You exceeded your quota. Please retry in 34.07s."), 34.07),
        (openai("Rate limited. Try again after 1 minute."), 60.0),
        (openai("Please try again in 20 minutes."), 1200.0),
        (openai("Please try again in 2 hours."), 7200.0),
        (b"\xef\xbb\xbf" + openai("Please try again in 20s."), 20.0),
        (google("RESOURCE_EXHAUSTED", "", retry_info("34s"))[:-3], 34.0),
        (openrouter((NOW + 12) * 1000).replace(b"X-RateLimit", b"x-ratelimit"), 12.0),
    ],
)
def test_a_wait_in_a_body_is_read_in_each_providers_form(body: bytes, wait: float | None) -> None:
    assert retry_after({}, body, NOW) == (None if wait is None else pytest.approx(wait))


def test_a_header_is_believed_before_a_body() -> None:
    assert retry_after({"retry-after": "5"}, openai("Please try again in 20s."), NOW) == 5.0


def test_a_daily_quota_lasts_until_its_day_ends_though_retry_info_has_seconds() -> None:
    body = google("RESOURCE_EXHAUSTED", "", quota("RequestsPerDayPerProject"), retry_info("34s"))
    seven_in_the_morning = 20_000 * 86_400.0 + 7 * 3600
    assert retry_after({}, body, seven_in_the_morning) == 3600.0
    assert retry_after({}, body, seven_in_the_morning + 3600) == 86_400.0
