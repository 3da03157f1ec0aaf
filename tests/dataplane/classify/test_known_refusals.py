"""Refusals that were read before: they state what they stated, at whatever time and under whatever headers."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.classify.known_refusals import CAPACITY, LONGEST, KnownRefusals, Stated, key_of
from switchover_dataplane.classify.refusal import refused
from switchover_dataplane.failover.outcome import ErrorClass

NOW = 1_800_000_000.0
SECRET = "sk-a-key-that-a-target-quotes"
STATED = Stated(ErrorClass.RATE_LIMITED, "target", None)

messages = st.lists(
    st.sampled_from(
        [
            "try again in ",
            "resets at ",
            "20s",
            "2027-01-15T08:05:00Z",
            "perday",
            "permodel",
            "Limit 10, Requested 20",
            " ",
        ]
    ),
    max_size=5,
).map("".join)
fields = st.dictionaries(
    st.sampled_from(["code", "type", "param", "retry_after", "resets_at", "retryDelay"]),
    st.sampled_from(["rate_limit_exceeded", "insufficient_quota", "model", 5, 1_800_000_090, "7s", None]),
    max_size=3,
)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "x-ms-retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining"]),
    st.sampled_from(["0", "3", "1800000060", "Fri, 15 Jan 2027 08:00:07 GMT"]),
    max_size=2,
)
error_types = st.sampled_from(["", "ThrottlingException", "ValidationException"])
kinds = st.sampled_from(["openai", "anthropic", "bedrock", "http"])
statuses = st.sampled_from([400, 401, 404, 429, 500, 503, 529])


@given(kinds, statuses, messages, fields, st.lists(st.tuples(error_types, headers, st.floats(0, 1_000)), min_size=2))
def test_a_refusal_that_is_known_states_the_same_as_one_that_is_read_anew(
    kind: str,
    status: int,
    message: str,
    others: dict[str, object],
    times: list[tuple[str, dict[str, str], float]],
) -> None:
    body = msgspec.json.encode({"error": {"message": message, **others}})
    too_long_to_be_known = body + b" " * LONGEST
    for error_type, sent, later in times:
        with_type = {**sent, "x-amzn-errortype": error_type} if error_type else sent
        anew = refused(kind, status, with_type, too_long_to_be_known, NOW + later)
        assert refused(kind, status, with_type, body, NOW + later) == anew


def test_a_wait_until_a_moment_grows_shorter_while_its_refusal_is_known() -> None:
    body = msgspec.json.encode({"error": {"message": "slow down", "resets_at": int(NOW) + 90}})
    assert [refused("openai", 429, {}, body, NOW + later)[1] for later in (0, 30, 100)] == [90.0, 60.0, None]


def test_no_more_than_the_capacity_is_kept_and_the_newest_is() -> None:
    known = KnownRefusals()
    keys = [key_of("openai", 429, "", str(number).encode()) for number in range(CAPACITY + 10)]
    for key in keys:
        assert key is not None
        known.add(key, STATED)
    assert len(known) == CAPACITY
    assert keys[-1] is not None
    assert known.get(keys[-1]) == STATED


def test_the_text_of_a_refusal_is_no_part_of_its_key() -> None:
    assert SECRET not in repr(key_of("openai", 401, SECRET, SECRET.encode()))


@pytest.mark.parametrize(
    "other",
    [
        ("anthropic", 429, "", b"a"),
        ("openai", 503, "", b"a"),
        ("openai", 429, "ThrottlingException", b"a"),
        ("openai", 429, "", b"b"),
    ],
)
def test_refusals_that_differ_in_anything_that_decides_have_different_keys(other: tuple[str, int, str, bytes]) -> None:
    assert key_of(*other) != key_of("openai", 429, "", b"a")


@pytest.mark.parametrize(("error_type", "body"), [("", b" " * (LONGEST + 1)), ("x" * (LONGEST + 1), b"")])
def test_what_is_too_long_is_not_kept(error_type: str, body: bytes) -> None:
    assert key_of("openai", 429, error_type, body) is None
