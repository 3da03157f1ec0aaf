"""Requests to Bedrock are signed as botocore signs them, by keys of a Secret or of the pod's own identity."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import BEDROCK
from credential_endpoint import Clock, Endpoint, endpoint
from switchover_dataplane.upstream.renewed import FRESH, NoCredentials
from switchover_dataplane.upstream.signing import AwsKeys, PodIdentity, Signer, keys, signed

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
OWN = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token-of-the-test")
ARN = "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc"
NOW = 1_735_787_045.0


def by_botocore(path: str, headers: dict[str, str], by: AwsKeys, sent: dict[str, str]) -> str:
    """The signature of what was sent, as botocore makes it when it checks as a server does."""
    all_fields = {**headers, **sent, "host": HOST}
    del all_fields["authorization"]
    request = AWSRequest(method="POST", url=f"https://{HOST}{path}", headers=all_fields)
    request.context["timestamp"] = sent["x-amz-date"]
    auth = SigV4Auth(Credentials(by.access_key, by.secret_key, by.token), "bedrock", "us-east-1")
    canonical = auth.canonical_request(request)
    encoded_twice = quote(urlsplit(path).path, safe="/~")
    assert canonical.splitlines()[1] == encoded_twice
    signature: str = auth.signature(auth.string_to_sign(request, canonical), request)
    return signature


@pytest.mark.parametrize("model", ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", ARN, "amazon.nova-micro-v1:0"])
async def test_a_model_in_a_path_is_signed_as_botocore_signs_it(model: str) -> None:
    path = f"/model/{quote(model, safe='')}/converse"
    headers = {"content-type": "application/json"}

    sent = await Signer(OWN, "us-east-1", lambda: NOW).headers("POST", HOST, path, headers, b'{"a":1}')

    assert sent["authorization"].endswith(f"Signature={by_botocore(path, headers, OWN, sent)}")
    assert sent["x-amz-content-sha256"] == hashlib.sha256(b'{"a":1}').hexdigest()
    assert sent["x-amz-security-token"] == OWN.token
    scope = "AKIDEXAMPLE/20250102/us-east-1/bedrock/aws4_request"
    assert sent["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host;")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: name not in (".", "..")))
def test_whatever_the_model_is_called_the_signature_is_that_of_the_path_that_is_sent(model: str) -> None:
    path = f"/model/{quote(model, safe='')}/converse-stream"

    sent = signed("POST", HOST, path, {}, "0" * 64, by=OWN, region="us-east-1", now=NOW, service="bedrock")

    assert sent["authorization"].endswith(f"Signature={by_botocore(path, {}, OWN, sent)}")


async def test_a_large_body_is_signed_as_a_small_one() -> None:
    body = b"a" * 1_000_000

    sent = await Signer(OWN, "us-east-1", lambda: NOW).headers("POST", HOST, "/model/m/converse", {}, body)

    assert sent["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()


def test_only_fields_that_nothing_changes_on_the_way_are_signed() -> None:
    headers = {"Content-Type": "a/b", "User-Agent": "x", "Accept": "*/*", "X-Amzn-Bedrock-Trace": "ENABLED"}

    sent = signed("POST", HOST, "/", headers, "0" * 64, by=OWN, region="us-east-1", now=NOW, service="bedrock")

    names = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert names == [
        *("content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"),
        "x-amzn-bedrock-trace",
    ]


def test_keys_without_a_session_send_no_token() -> None:
    sent = signed("POST", HOST, "/", {}, "", by=AwsKeys("A", "b"), region="r", now=NOW, service="bedrock")

    assert sorted(sent) == ["authorization", "x-amz-content-sha256", "x-amz-date"]


def test_the_recorded_vector_has_the_same_signature() -> None:
    path = BEDROCK / "sigv4" / "oai-sigv4.json"
    if not path.exists():
        pytest.skip("no recorded vector of a signature")
    vector = msgspec.json.decode(path.read_bytes())
    given_keys, asked, expected = vector["credentials"], vector["request"], vector["expected"]
    url = urlsplit(asked["url"])

    sent = signed(
        asked["method"],
        str(url.hostname),
        url.path,
        {"content-type": asked["contentType"]},
        expected["payloadHash"],
        by=AwsKeys(given_keys["accessKeyId"], given_keys["secretAccessKey"], given_keys["sessionToken"]),
        region=vector["region"],
        now=datetime.fromisoformat(vector["signingDate"]).timestamp(),
        service=vector["service"],
    )

    assert hashlib.sha256(asked["body"].encode()).hexdigest() == expected["payloadHash"]
    assert sent["x-amz-date"] == expected["date"]
    assert sent["authorization"] == expected["authorization"]


# ── Keys of a Secret ────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_read_without_the_line_ends_after_them() -> None:
    assert keys("A\n", " b ", "c\n") == AwsKeys("A", "b", "c")


@pytest.mark.parametrize(
    ("given_keys", "named"),
    [
        (("", "secret-b", ""), "access key"),
        (("A", " ", ""), "secret key"),
        (("A\nB", "secret-b", ""), "access key"),
        (("A", "secret b", ""), "secret key"),
        (("A", "secret-b", "tökén"), "session token"),
    ],
)
def test_keys_that_are_none_are_named_and_not_shown(given_keys: tuple[str, str, str], named: str) -> None:
    with pytest.raises(NoCredentials, match=named) as failed:
        keys(*given_keys)

    assert not any(part and part in str(failed.value) for part in ("secret-b", "secret b", "tökén", "A\nB"))


def test_the_text_of_keys_shows_none_of_them() -> None:
    assert repr(OWN) == str(OWN) == f"{OWN}" == "AwsKeys(***)"


# ── The pod's own identity ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def _nothing_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def played() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def hands_out(life: float) -> Any:
    """An answer of a container's endpoint, with other keys each time."""

    def answer(played: Endpoint) -> tuple[int, str, dict[str, str]]:
        ends = datetime.fromtimestamp(time.time() + life, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        number = len(played.asked)
        fields = {"AccessKeyId": f"A{number}", "SecretAccessKey": "s", "Token": "t", "Expiration": ends}
        return 200, msgspec.json.encode(fields).decode(), {}

    return answer


@pytest.mark.usefixtures("_nothing_written")
async def test_the_keys_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    identity = PodIdentity("us-east-1", time.time)

    assert await identity.keys() == AwsKeys("A", "b")
    sent = await Signer(identity, "us-east-1", time.time).headers("POST", HOST, "/", {}, b"")
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=A/")


@pytest.mark.usefixtures("_nothing_written")
async def test_the_keys_of_a_container_are_kept_and_renewed_before_their_end(
    monkeypatch: pytest.MonkeyPatch, played: Endpoint
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{played.url}/keys")
    played.answer = hands_out(3600)
    clock = Clock(time.time())
    identity = PodIdentity("us-east-1", clock)

    first = [await identity.keys() for _ in range(3)]
    clock.now += 3600 - 60
    while (await identity.keys()).access_key == "A1":
        await asyncio.sleep(0.001)

    assert [each.access_key for each in first] == ["A1"] * 3
    assert [path for _, path, _ in played.asked] == ["/keys", "/keys"]


@pytest.mark.usefixtures("_nothing_written")
async def test_keys_of_the_pod_that_aws_refused_are_looked_up_anew(
    monkeypatch: pytest.MonkeyPatch, played: Endpoint
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{played.url}/keys")
    played.answer = hands_out(3600)
    clock = Clock(time.time())
    signer = Signer(PodIdentity("us-east-1", clock), "us-east-1", clock)
    await signer.headers("POST", HOST, "/", {}, b"")
    clock.now += FRESH

    signer.forget()

    sent = await signer.headers("POST", HOST, "/", {}, b"")
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=A2/")


async def test_keys_of_a_secret_stay_though_aws_refused_them() -> None:
    signer = Signer(OWN, "us-east-1", lambda: NOW)

    signer.forget()

    sent = await signer.headers("POST", HOST, "/", {}, b"")
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


@pytest.mark.usefixtures("_nothing_written")
async def test_a_web_identity_is_exchanged_at_the_token_service_of_its_region(
    monkeypatch: pytest.MonkeyPatch, played: Endpoint, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("web-identity-of-the-test")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", played.url)
    found = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken>"
    result = f"<Credentials>{found}<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
    name = "AssumeRoleWithWebIdentity"
    xmlns = "https://sts.amazonaws.com/doc/2011-06-15/"
    text = f'<{name}Response xmlns="{xmlns}"><{name}Result>{result}</{name}Result></{name}Response>'
    played.answer = lambda _: (200, text, {"content-type": "text/xml"})

    assert await PodIdentity("us-east-1", time.time).keys() == AwsKeys("A", "b", "c")

    [(_, _, body)] = played.asked
    assert "WebIdentityToken=web-identity-of-the-test" in body


@pytest.mark.usefixtures("_nothing_written")
async def test_a_refusal_of_the_token_service_is_an_error_without_its_words(
    monkeypatch: pytest.MonkeyPatch, played: Endpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("web-identity-of-the-test")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", played.url)
    error = "<Error><Code>AccessDenied</Code><Message>web-identity-of-the-test is wrong</Message></Error>"
    played.answer = lambda _: (403, f"<ErrorResponse>{error}</ErrorResponse>", {"content-type": "text/xml"})

    with caplog.at_level(logging.DEBUG), pytest.raises(NoCredentials) as failed:
        await PodIdentity("us-east-1", time.time).keys()

    assert "identity at AWS" in str(failed.value)
    assert "of-the-test" not in str(failed.value)
    assert "of-the-test" not in caplog.text


@pytest.mark.usefixtures("_nothing_written")
async def test_a_pod_without_an_identity_is_told_so() -> None:
    with pytest.raises(NoCredentials, match="no identity at AWS"):
        await PodIdentity("us-east-1", time.time).keys()
