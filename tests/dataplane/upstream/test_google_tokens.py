"""A Secret becomes a bearer token for Vertex AI: as it is, or exchanged for the key of a service account."""

import asyncio
import base64
import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from credential_endpoint import HOUR, Clock, Endpoint, endpoint, secret, tokens
from serving import ON_THIS_MACHINE
from switchover_dataplane.target_addresses import STRICT, TargetAddresses
from switchover_dataplane.upstream.google_tokens import SCOPE, GoogleToken
from switchover_dataplane.upstream.renewed import FRESH, RENEW_BEFORE, NoCredentials


@pytest.fixture
def played() -> Iterator[Endpoint]:
    with endpoint() as one:
        one.answer = tokens
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


def of(played: Endpoint, clock: Clock, targets: TargetAddresses = ON_THIS_MACHINE) -> GoogleToken:
    return GoogleToken(secret(f"{played.url}/token"), clock, targets)


async def test_a_token_is_sent_as_it_is(clock: Clock) -> None:
    token = GoogleToken("ya29.of-the-test\n", clock, STRICT)

    token.forget()

    assert await token.headers() == {"authorization": "Bearer ya29.of-the-test"}
    await token.close()


async def test_a_key_is_exchanged_for_a_token_by_a_signed_assertion(played: Endpoint, clock: Clock) -> None:
    assert await of(played, clock).headers() == {"authorization": "Bearer token-1"}

    [(method, path, body)] = played.asked
    form = parse_qs(body)
    claims = msgspec.json.decode(base64.urlsafe_b64decode(form["assertion"][0].split(".")[1] + "=="))
    assert (method, path) == ("POST", "/token")
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert claims["iss"] == "a@p.iam.gserviceaccount.com"
    assert claims["scope"] == SCOPE


async def test_many_requests_cost_one_exchange_and_the_token_is_renewed_before_its_end(
    played: Endpoint, clock: Clock
) -> None:
    token = of(played, clock)

    assert set(await asyncio.gather(*(token.token() for _ in range(20)))) == {"token-1"}
    clock.now += HOUR - RENEW_BEFORE + 1
    while await token.token() == "token-1":
        await asyncio.sleep(0.001)

    assert await token.token() == "token-2"
    assert len(played.asked) == 2


async def test_a_token_that_vertex_refused_is_not_used_again(played: Endpoint, clock: Clock) -> None:
    token = of(played, clock)
    await token.token()
    clock.now += FRESH

    token.forget()

    assert await token.token() == "token-2"


# ── What can go wrong ───────────────────────────────────────────────────────────────────────────────────────────────


async def failure(token: GoogleToken) -> str:
    with pytest.raises(NoCredentials) as failed:
        await token.token()
    assert failed.value.__cause__ is None
    return str(failed.value)


async def test_a_refusal_is_told_by_its_code_and_no_other_word(
    played: Endpoint, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    words = {"error": "invalid_grant", "error_description": "Invalid signature for token-of-the-test"}
    played.answer = lambda _: (400, msgspec.json.encode(words).decode(), {})

    with caplog.at_level(logging.DEBUG):
        text = await failure(of(played, clock))

    assert text.endswith("the token endpoint refused the key (invalid_grant)")
    assert "of-the-test" not in caplog.text
    assert "assertion" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        '{"error": "a word of the endpoint\'s own"}',
        "<html>of-the-test</html>",
        "[]",
        "{}",
        "null",
        "",
    ],
)
async def test_any_other_refusal_shows_nothing_of_the_answer(played: Endpoint, clock: Clock, answer: str) -> None:
    played.answer = lambda _: (400, answer, {})

    text = await failure(of(played, clock))

    assert text.startswith("a token of the Google service account: ")
    assert "of-the-test" not in text
    assert "own" not in text


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        "null",
        "[1]",
        "no json",
        '{"access_token": 1, "expires_in": 3600}',
        '{"access_token": "a\\r\\nx-evil: 1", "expires_in": 3600}',
        '{"access_token": "a"}',
        '{"access_token": "a", "expires_in": -5}',
        '{"access_token": "a", "expires_in": "soon"}',
        '{"access_token": "' + "a" * 70_000 + '", "expires_in": 3600}',
    ],
)
async def test_a_success_that_holds_no_token_is_an_error(played: Endpoint, clock: Clock, answer: str) -> None:
    played.answer = lambda _: (200, answer, {})

    assert (await failure(of(played, clock))).startswith("a token of the Google service account: ")


async def test_an_endpoint_that_is_away_is_an_error(clock: Clock) -> None:
    with endpoint() as gone:
        pass

    assert "cannot be reached (ConnectionRefusedError)" in await failure(of(gone, clock))


async def test_a_redirect_is_not_followed(played: Endpoint, clock: Clock) -> None:
    played.answer = lambda each: (307, "", {"location": f"{each.url}/elsewhere"})

    await failure(of(played, clock))

    assert {path for _, path, _ in played.asked} == {"/token"}


async def test_no_address_is_asked_that_a_target_may_not_have(played: Endpoint, clock: Clock) -> None:
    for targets, uri in (
        (STRICT, f"{played.url}/token"),
        (ON_THIS_MACHINE, "https://169.254.169.254/token"),
        (ON_THIS_MACHINE, "https://[fe80::1]/token"),
    ):
        assert "may not be there" in await failure(GoogleToken(secret(uri), clock, targets))
    assert played.asked == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"private_key": None}, "`private_key`"),
        ({"client_email": None}, "`client_email`"),
        ({"client_email": 1}, "`client_email`"),
        ({"token_uri": ""}, "`token_uri`"),
        ({"type": "authorized_user"}, "`type`"),
        ({"private_key": "private-key-of-the-test"}, "`private_key`"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "`token_uri`"),
        ({"token_uri": "http://169.254.169.254/token"}, "`token_uri`"),
        ({"token_uri": "file:///etc/passwd"}, "`token_uri`"),
        ({"token_uri": "https://user@a.example/token"}, "`token_uri`"),
        ({"token_uri": "https://a.example:no-port/token"}, "`token_uri`"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_by_the_name_of_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(NoCredentials, match=named) as refused:
        GoogleToken(secret(**{"token_uri": "https://oauth2.googleapis.com/token", **fields}), time.time, STRICT)

    assert "of-the-test" not in str(refused.value)
    assert "PRIVATE" not in str(refused.value)


@pytest.mark.parametrize("text", ["", " \n", "two words-of-the-test", "tökén-of-the-test", '{"type": "of-the-test'])
def test_a_secret_that_is_no_credential_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(NoCredentials) as refused:
        GoogleToken(text, time.time, STRICT)

    assert "of-the-test" not in str(refused.value)


def test_the_key_of_googles_own_endpoint_is_taken() -> None:
    token = GoogleToken(secret("https://oauth2.googleapis.com/token"), time.time, STRICT)

    token.forget()
