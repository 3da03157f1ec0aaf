"""What looks like a key, what does not, and what is left of a text that held one."""

import pytest

from switchover_operator.key_shapes import begins_as_a_key, described, looks_like_a_key, without_keys

KEYS = [
    "sk-abcdefghijkl",
    "sk-ant-api03-abcdef",
    "sk-proj-Ab_c-12345678",
    "gsk_abcdefgh12345678",
    "xai-abcdefgh12345678",
    "hf_abcdefghijklmnop",
    "AIzaSyA-abcdefgh",
    "AKIAABCDEFGHIJKLMNOP",
    "github_pat_11ABCDEFG",
    "eyJhbGciOiJIUzI1NiJ9.e30.abc",
    "Bearer abcdef123456",
    "basic dXNlcjpwYXNz",
    "/v1/models?key=hidden",
    "https://api.example.com/v1?api-key=hidden&x=1",
    "https://user:hidden@api.example.com",
    "-----BEGIN PRIVATE KEY-----\nhidden",
    "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "Zk3x9QmT7vLp2RsW8yBn4Hc",
]
NO_KEYS = [
    "",
    "gpt-4o-2024-08-06",
    "ft:gpt-4o-mini-2024-07-18:acme::9aBcDeFg",
    "claude-3-5-sonnet-20241022",
    "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "model-failover.gloo-system.svc.cluster.local:80",
    "switchover-dataplane-7d9f8b6c5d-x2k4p",
    "spec.ai.multi.priorities[0].pool[0].openai.authToken.secretRef.name",
    "spec.options.retries.rateLimitedRetryBackOff.resetHeaders[0].name",
    "spec.configs[0].apiKeyAuth.k8sSecretApikeyStorage.apiKeySecretRefs[7]",
    "gateway.networking.k8s.io/v1beta1",
    "task-runner-for-the-whole-team",
    "a risk-averse-and-careful plan",
    "x-amzn-bedrock-guardrail-identifier",
    "Bearer authentication",
]


@pytest.mark.parametrize("text", KEYS)
def test_what_looks_like_a_key_is_masked_wherever_it_stands(text: str) -> None:
    masked = without_keys(f"Upstream ai/models: got '{text}' here")

    assert looks_like_a_key(text)
    assert "***" in masked
    assert text not in masked
    assert "hidden" not in masked


@pytest.mark.parametrize("text", NO_KEYS)
def test_names_paths_and_models_do_not_look_like_keys(text: str) -> None:
    assert (looks_like_a_key(text), without_keys(text)) == (False, text)


def test_the_beginning_that_names_the_kind_of_a_key_stays() -> None:
    assert without_keys("Secret ai/sk-abcdefghijkl does not exist") == "Secret ai/sk-*** does not exist"


@pytest.mark.parametrize(("text", "expected"), [("sk-abcdefghijkl", True), ("?key=x", False), ("gpt-4o", False)])
def test_only_beginnings_of_keys_are_refused_as_names(text: str, expected: bool) -> None:
    assert begins_as_a_key(text) is expected


@pytest.mark.parametrize(
    ("size", "told"), [(0, "fewer than 20"), (19, "fewer than 20"), (20, "20 to 63"), (64, "64 or more")]
)
def test_of_a_text_that_is_not_shown_only_the_rough_length_is_told(size: int, told: str) -> None:
    assert described("x" * size) == f"a string of {told} characters"
