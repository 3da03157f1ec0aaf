import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.routing import headers
from switchover_dataplane.routing.headers import conflicts, from_model, to_client, to_upstream

Pairs = list[tuple[str, str]]


def fields(pairs: Pairs) -> "CIMultiDictProxy[str]":
    return CIMultiDictProxy(CIMultiDict(pairs))


def upstream(pairs: Pairs, *, peer: str = "192.0.2.7", ai: bool = False) -> "CIMultiDict[str]":
    return to_upstream(fields(pairs), request_id="id-1", peer=peer, scheme="https", ai=ai)


ADDED = {"x-forwarded-for", "x-forwarded-proto", "x-request-id"}


def names(chosen: "CIMultiDict[str]") -> set[str]:
    return {name.lower() for name in chosen} - ADDED


# ── To a target ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_end_to_end_fields_cross_in_their_order_and_spelling() -> None:
    given = [("Host", "a.example"), ("User-Agent", "x"), ("X-Two", "1"), ("x-two", "2"), ("X-Empty", "")]
    assert list(upstream(given).items())[: len(given)] == given


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ],
)
def test_a_hop_by_hop_field_ends_here_in_both_directions(name: str) -> None:
    given = [(name, "x"), ("Accept", "*/*")]
    assert names(upstream(given)) == {"accept"}
    assert names(to_client(fields(given))) == {"accept"}


def test_a_field_that_connection_names_ends_here_in_both_directions() -> None:
    given = [("Connection", "close, X-Mine"), ("Connection", "x-other"), ("x-mine", "1"), ("X-Other", "2"), ("a", "b")]
    assert names(upstream(given)) == {"a"}
    assert names(to_client(fields(given))) == {"a"}


def test_connection_cannot_remove_the_host_or_the_fields_about_the_caller() -> None:
    chosen = upstream([("Connection", "host, x-forwarded-for, x-request-id"), ("Host", "a.example")])
    assert chosen["host"] == "a.example"
    assert chosen["x-forwarded-for"] == "192.0.2.7"
    assert chosen["x-request-id"] == "id-1"


@pytest.mark.parametrize("name", ["Content-Length", "Expect"])
def test_what_belongs_to_the_framing_of_one_message_is_not_copied(name: str) -> None:
    assert names(upstream([(name, "100-continue")])) == set()


@pytest.mark.parametrize(
    "name",
    [
        "x-envoy-max-retries",
        "x-envoy-retry-on",
        "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
    ],
)
def test_nobody_outside_steers_retries(name: str) -> None:
    assert names(upstream([(name, "9")])) == set()


def test_an_attempt_count_that_the_caller_sends_passes_as_it_does_at_envoy() -> None:
    assert upstream([("x-envoy-attempt-count", "2")])["x-envoy-attempt-count"] == "2"


def test_the_callers_address_goes_behind_those_of_the_proxies_before() -> None:
    assert upstream([])["x-forwarded-for"] == "192.0.2.7"
    given = [("X-Forwarded-For", "203.0.113.1"), ("x-forwarded-for", "198.51.100.2, 198.51.100.3")]
    chosen = upstream(given)
    assert chosen.getall("x-forwarded-for") == ["203.0.113.1, 198.51.100.2, 198.51.100.3, 192.0.2.7"]


def test_a_caller_without_an_address_adds_none() -> None:
    assert "x-forwarded-for" not in upstream([], peer="")
    assert upstream([("X-Forwarded-For", "203.0.113.1")], peer="").getall("x-forwarded-for") == ["203.0.113.1"]


def test_the_caller_cannot_say_how_it_came_in() -> None:
    chosen = upstream([("X-Forwarded-Proto", "http"), ("X-Request-Id", "mine")])
    assert chosen.getall("x-forwarded-proto") == ["https"]
    assert chosen.getall("x-request-id") == ["id-1"]


CREDENTIALS = ("Authorization", "api-key", "X-API-Key", "x-goog-api-key", "Cookie")


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_callers_credentials_reach_a_plain_server_but_never_a_provider(name: str) -> None:
    assert upstream([(name, "secret")])[name] == "secret"
    assert names(upstream([(name, "secret")], ai=True)) == {"accept-encoding"}


@pytest.mark.parametrize(
    "name",
    [
        *("OpenAI-Organization", "OpenAI-Project", "X-Auth-Token", "X-Amz-Security-Token", "Ocp-Apim-Subscription-Key"),
        *("X-Forwarded-Access-Token", "X-Forwarded-Authorization", "X-Forwarded-Client-Cert", "X-Forwarded-For"),
        *("X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via", "X-Original-Url", "Origin"),
        *("X-HTTP-Method-Override", "Referer", "Baggage", "X-Envoy-Attempt-Count", "X-Anything", "x_api_key"),
    ],
)
def test_what_a_model_is_not_asked_with_reaches_none(name: str) -> None:
    assert names(upstream([(name, "secret")], ai=True)) == {"accept-encoding"}
    assert "secret" not in upstream([(name, "secret")], ai=True).values()


@pytest.mark.parametrize(
    "name",
    [
        *("Accept", "Accept-Language", "Content-Type", "Host", "User-Agent", "Idempotency-Key", "OpenAI-Beta"),
        *("Anthropic-Beta", "anthropic-version", "Traceparent", "tracestate", "X-Stainless-Retry-Count"),
    ],
)
def test_what_a_model_is_asked_with_reaches_it_unless_connection_names_it(name: str) -> None:
    assert upstream([(name, "1"), (name, "2")], ai=True).getall(name) == ["1", "2"]
    kept = name if name == "Host" else None
    assert upstream([(name, "1"), ("Connection", f"close, {name}")], ai=True).get(name) == (kept and "1")


def test_a_model_learns_the_request_s_id_and_nothing_of_who_asked() -> None:
    assert dict(upstream([("X-Request-Id", "mine")], ai=True)) == {
        "x-request-id": "id-1",
        "accept-encoding": "identity",
    }


def test_a_providers_answer_is_asked_for_in_clear_and_a_plain_servers_as_the_caller_likes() -> None:
    given = [("Accept-Encoding", "gzip"), ("accept-encoding", "br")]
    assert upstream(given, ai=True).getall("accept-encoding") == ["identity"]
    assert upstream(given).getall("accept-encoding") == ["gzip", "br"]
    assert "accept-encoding" not in upstream([])


def test_the_callers_own_mapping_is_not_changed() -> None:
    given = CIMultiDict([("Connection", "close"), ("Host", "a")])
    to_upstream(given, request_id="1", peer="", scheme="http", ai=True)["host"] = "b"
    assert list(given.items()) == [("Connection", "close"), ("Host", "a")]


# ── To the client ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_keeps_each_cookie_and_loses_its_framing() -> None:
    answer = fields([("Content-Length", "3"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("Retry-After", "7")])
    assert list(to_client(answer).items()) == [("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("Retry-After", "7")]


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "X-Api-Key", "api-key", "x-goog-api-key", "xi-api-key", "Ocp-Apim-Subscription-Key"),
        *("X-Amz-Security-Token", "x-auth-token", "X-Access-Token", "x-new-provider-secret", "X-Signature", "x-sig"),
        *("Set-Cookie", "cookie", "x-session-id", "authentication-info", "x-authenticated-user", "x-user-pass"),
        *("OpenAI-Organization", "openai-project", "anthropic-organization-id", "X-Goog-User-Project", "x-account-id"),
        *("x-organisation", "x-litellm-model-api-key", "x_api_key", "bearer", "x-jwt"),
    ],
)
def test_no_credential_and_no_account_of_a_model_s_answer_reaches_the_client(name: str) -> None:
    assert list(from_model(fields([(name, "secret"), ("X-A", "1"), (name, "other")])).items()) == [("X-A", "1")]


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Type", "Retry-After", "retry-after-ms", "x-request-id", "openai-processing-ms", "openai-version"),
        *("x-ratelimit-limit-tokens", "x-ratelimit-remaining-project-tokens", "X-RateLimit-Reset-Tokens"),
        *("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-input-tokens-reset", "x-tokens"),
        *("x-amzn-bedrock-input-token-count", "x-total-token", "Access-Control-Allow-Credentials", "WWW-Authenticate"),
        *("Idempotency-Key", "ETag", "Location", "x-should-retry", "cf-ray", "x-inside", "x-ms-error-code"),
    ],
)
def test_the_other_fields_of_a_models_answer_reach_the_client(name: str) -> None:
    assert list(from_model(fields([(name, "1")])).items()) == [(name, "1")]


@pytest.mark.parametrize("name", ["x-stainless-api-key", "X-Stainless-Auth-Token"])
def test_a_credential_under_the_name_of_an_sdk_reaches_no_model(name: str) -> None:
    assert "secret" not in upstream([(name, "secret")], ai=True).values()


# ── Request ids ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sane_request_id_of_the_caller_is_kept() -> None:
    assert headers.request_id(fields([("X-Request-ID", "abc-123")]), lambda: "new") == "abc-123"


@pytest.mark.parametrize("given", [[], [""], ["a b"], ["é"], ["a\tb"], ["x" * 129], ["one", "two"]])
def test_a_request_id_that_would_spoil_a_log_is_replaced(given: list[str]) -> None:
    assert headers.request_id(fields([("x-request-id", value) for value in given]), lambda: "new") == "new"


# ── Heads to refuse ─────────────────────────────────────────────────────────────────────────────────────────────────

HOST = ("Host", "a.example")


@pytest.mark.parametrize(
    "pairs",
    [
        [HOST],
        [("Host", "a.example:8080")],
        [("Host", "[2001:db8::1]:443")],
        [("Host", "")],
        [HOST, ("Content-Length", "0")],
        [HOST, ("Content-Length", "12"), ("content-length", "12")],
        [HOST, ("Transfer-Encoding", "Chunked")],
    ],
)
def test_an_unambiguous_head_is_served(pairs: Pairs) -> None:
    assert conflicts(fields(pairs)) is None


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], "no Host"),
        ([HOST, ("host", "a.example")], "more than one Host"),
        ([("Host", "a b")], "no host name"),
        ([("Host", "a/b")], "no host name"),
        ([("Host", "user@a")], "no host name"),
        ([("Host", "a,b@c")], "no host name"),
        ([("Host", "a:b")], "no host name"),
        ([("Host", "a:1:2")], "no host name"),
        ([("Host", "[::1")], "no host name"),
        ([("Host", "a\x00")], "no host name"),
        ([("Host", "é")], "no host name"),
        ([("Host", "a" * 300)], "no host name"),
        ([HOST, ("Content-Length", "1"), ("Content-Length", "2")], "more than one Content-Length"),
        ([HOST, ("Content-Length", "1, 1")], "no number"),
        ([HOST, ("Content-Length", "+1")], "no number"),
        ([HOST, ("Content-Length", "-1")], "no number"),
        ([HOST, ("Content-Length", "0x1")], "no number"),
        ([HOST, ("Content-Length", "²")], "no number"),
        ([HOST, ("Content-Length", "")], "no number"),
        ([HOST, ("Content-Length", "9" * 30)], "no number"),
        ([HOST, ("Content-Length", "1"), ("Transfer-Encoding", "chunked")], "beside"),
        ([HOST, ("Transfer-Encoding", "gzip, chunked")], "other than chunked"),
        ([HOST, ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], "other than chunked"),
        ([HOST, ("Transfer-Encoding", "identity")], "other than chunked"),
        ([HOST, ("Transfer-Encoding", "\x0bchunked;x")], "other than chunked"),
    ],
)
def test_a_head_that_two_servers_could_read_differently_is_named(pairs: Pairs, reason: str) -> None:
    assert reason in (conflicts(fields(pairs)) or "")


def test_http_1_0_needs_no_host_and_knows_no_transfer_encoding() -> None:
    assert conflicts(fields([]), http_1_1=False) is None
    assert "HTTP/1.0" in (conflicts(fields([("Transfer-Encoding", "chunked")]), http_1_1=False) or "")


def test_an_absolute_target_has_to_name_the_same_host() -> None:
    assert conflicts(fields([HOST]), target="http://A.example/x") is None
    assert conflicts(fields([HOST]), target="*") is None
    assert "request target" in (conflicts(fields([HOST]), target="http://b.example/x") or "")
