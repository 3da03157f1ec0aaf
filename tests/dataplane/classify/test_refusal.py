"""What providers answer when they refuse, as bytes, and the class that comes of it."""

import msgspec
import pytest

from provider_errors import NOW, anthropic, bedrock, google, mistral, openai, quota
from switchover_dataplane.classify.error_codes import GENERAL, ROWS
from switchover_dataplane.classify.refusal import classify, failed_stream, refused
from switchover_dataplane.failover.outcome import ErrorClass

AZURE_FILTER = msgspec.json.encode(
    {
        "error": {
            "message": "The response was filtered",
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": {"filtered": True}},
            },
        }
    }
)

KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}

GOLDEN = [
    ("openai", 401, openai("Incorrect API key provided: sk-***", "invalid_api_key"), "credentials"),
    ("openai", 400, openai("Incorrect API key provided", None), "credentials"),
    ("openai", 403, openai("Country, region, or territory not supported", "unsupported_country"), "credentials"),
    ("openai", 429, openai("Rate limit reached", "rate_limit_exceeded", "requests"), "rate-limited"),
    ("openai", 429, openai("Slow down", "slow_down"), "rate-limited"),
    ("openai", 503, openai("Slow down", "slow_down"), "rate-limited"),
    ("openai", 429, openai("You exceeded your current quota", None, "insufficient_quota"), "quota-exhausted"),
    ("openai", 429, openai("You exceeded your current quota, please check your plan", None, "x"), "rate-limited"),
    ("openai", 429, openai("", "billing_not_active", "x"), "quota-exhausted"),
    ("openai", 400, openai("", "billing_hard_limit_reached"), "quota-exhausted"),
    ("openai", 429, openai("", "project_spend_limit_exceeded", "x"), "quota-exhausted"),
    ("openai", 503, openai("", "server_is_overloaded", "service_unavailable_error"), "overloaded"),
    ("openai", 429, openai("The engine is currently overloaded, please try again", None, "x"), "overloaded"),
    ("openai", 500, openai("The server had an error", None, "server_error"), "server-error"),
    ("openai", 408, b"", "server-error"),
    ("openai", 409, b"", "server-error"),
    ("openai", 404, openai("The model does not exist", "model_not_found"), "model-unavailable"),
    ("openai", 403, openai("Project has no access to model", "model_not_found"), "model-unavailable"),
    ("openai", 400, openai("maximum context length is 8192 tokens", "context_length_exceeded"), "context-length"),
    ("openai", 400, openai("string too long", "string_above_max_length"), "caller-fault"),
    ("openai", 400, openai("", "content_policy_violation"), "content-filter"),
    ("openai", 400, openai("", "cyber_policy"), "content-filter"),
    ("openai", 400, openai("", "invalid_prompt"), "content-filter"),
    ("openai", 400, openai("Unknown parameter", "unknown_parameter"), "caller-fault"),
    ("openai", 401, openai("You must be a member of an organization to use the API"), "credentials"),
    ("openai", 401, openai("Your IP address is not authorized"), "credentials"),
    ("openai", 429, openai("Request too large for gpt-4o", "rate_limit_exceeded", "tokens"), "rate-limited"),
    ("openai", 429, openai("", "insufficient_quota", "x"), "quota-exhausted"),
    ("openai", 429, openai("", "credit_balance_exhausted", "insufficient_quota"), "quota-exhausted"),
    ("openai", 429, openai("", "organization_spend_limit_exceeded", "x"), "quota-exhausted"),
    ("openai", 429, openai("", "organization_usage_limit_exceeded", "x"), "quota-exhausted"),
    ("openai", 400, openai("", "bio_policy"), "content-filter"),
    ("openai", 400, openai("", "misalignment_policy_violation"), "content-filter"),
    ("openai", 400, openai("The model has been decommissioned", "model_decommissioned"), "model-unavailable"),
    ("openai", 422, openai("", "content_policy_violation"), "content-filter"),
    ("openai", 500, b"", "server-error"),
    ("azure-openai", 403, b'{"error":{"code":"403","message":"This resource is temporarily blocked"}}', "credentials"),
    ("azure-openai", 429, b'{"error":{"code":"429","message":"Requests to X have been limited"}}', "rate-limited"),
    (
        "azure-openai",
        429,
        b'{"error":{"code":"429","message":"exceeded token rate limit. Please retry after 37 seconds"}}',
        "rate-limited",
    ),
    (
        "azure-openai",
        429,
        b'{"error":{"code":"429","message":"We are temporarily unable to process your request"}}',
        "overloaded",
    ),
    ("azure-openai", 400, AZURE_FILTER, "content-filter"),
    ("azure-openai", 400, b'{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}', "content-filter"),
    ("azure-openai", 404, b'{"error":{"code":"DeploymentNotFound","message":"no"}}', "model-unavailable"),
    ("azure-openai", 404, b'{"code":"DeploymentNotFound","message":"no"}', "model-unavailable"),
    ("azure-openai", 403, b'{"error":{"code":"403","message":"Virtual Network denied"}}', "credentials"),
    ("azure-openai", 401, b'{"statusCode":401,"message":"Unauthorized"}', "credentials"),
    ("azure-openai", 429, b'{"error":{"code":"429","message":"Rate limit is exceeded."}}', "rate-limited"),
    (
        "azure-openai",
        429,
        b'{"error":{"code":"429","message":"The system is experiencing high demand"}}',
        "overloaded",
    ),
    ("anthropic", 401, anthropic("authentication_error"), "credentials"),
    ("anthropic", 403, anthropic("permission_error"), "credentials"),
    ("anthropic", 429, anthropic("rate_limit_error"), "rate-limited"),
    ("anthropic", 429, anthropic("rate_limit_error", "", "enforced_spend_limit_reached"), "quota-exhausted"),
    ("anthropic", 429, anthropic("rate_limit_error", "", "ramp_limit_exceeded"), "rate-limited"),
    ("anthropic", 429, anthropic("rate_limit_error", "", "contract_spend_limit_reached"), "quota-exhausted"),
    (
        "anthropic",
        429,
        anthropic("rate_limit_error", "", "linked_organization_spend_limit_reached"),
        "quota-exhausted",
    ),
    (
        "anthropic",
        400,
        anthropic("invalid_request_error", "You have reached your specified API usage limits."),
        "quota-exhausted",
    ),
    ("anthropic", 402, anthropic("billing_error"), "quota-exhausted"),
    ("anthropic", 400, anthropic("invalid_request_error", "Your credit balance is too low"), "quota-exhausted"),
    (
        "anthropic",
        400,
        anthropic("invalid_request_error", "You have reached your specified workspace API usage limits."),
        "quota-exhausted",
    ),
    ("anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8"), "context-length"),
    (
        "anthropic",
        400,
        anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 9"),
        "context-length",
    ),
    (
        "anthropic",
        400,
        anthropic("invalid_request_error", "Output blocked by content filtering policy"),
        "content-filter",
    ),
    ("anthropic", 400, anthropic("invalid_request_error", "does not support prefill"), "caller-fault"),
    ("anthropic", 404, anthropic("not_found_error"), "model-unavailable"),
    ("anthropic", 529, anthropic("overloaded_error"), "overloaded"),
    ("anthropic", 500, anthropic("api_error"), "server-error"),
    ("anthropic", 504, anthropic("timeout_error"), "server-error"),
    ("anthropic", 409, anthropic("conflict_error"), "server-error"),
    ("anthropic", 413, anthropic("request_too_large"), "caller-fault"),
    ("gemini", 400, google("INVALID_ARGUMENT", "API key not valid.", KEY_INVALID), "credentials"),
    ("gemini", 400, google("FAILED_PRECONDITION", "User location is not supported"), "credentials"),
    ("vertex-ai", 400, google("FAILED_PRECONDITION", "not allow-listed"), "model-unavailable"),
    ("gemini", 403, google("PERMISSION_DENIED"), "credentials"),
    ("vertex-ai", 401, google("UNAUTHENTICATED"), "credentials"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", "", quota("PerMinutePerProjectPerModel")), "rate-limited"),
    ("gemini", 429, google("RESOURCE_EXHAUSTED", "", quota("PerMinute", "PerDayPerModel")), "quota-exhausted"),
    ("gemini", 402, google("RESOURCE_EXHAUSTED"), "quota-exhausted"),
    ("vertex-ai", 429, google("RESOURCE_EXHAUSTED", "Resource exhausted, please try again later."), "overloaded"),
    ("gemini", 503, google("UNAVAILABLE"), "overloaded"),
    ("gemini", 504, google("DEADLINE_EXCEEDED"), "server-error"),
    ("gemini", 500, google("INTERNAL"), "server-error"),
    ("gemini", 404, google("NOT_FOUND"), "model-unavailable"),
    (
        "gemini",
        400,
        google("INVALID_ARGUMENT", "input exceeds the maximum number of tokens allowed (9)"),
        "context-length",
    ),
    ("gemini", 400, google("INVALID_ARGUMENT", "bad field"), "caller-fault"),
    ("gemini", 400, b"[" + google("INVALID_ARGUMENT", "API key not valid.", KEY_INVALID) + b"]", "credentials"),
    ("vertex-ai", 503, google("UNAVAILABLE"), "overloaded"),
    (
        "vertex-ai",
        400,
        google("INVALID_ARGUMENT", "the input exceeds the maximum number of tokens allowed"),
        "context-length",
    ),
    ("mistral", 403, mistral("Model not available in this tier", "invalid_request_error"), "model-unavailable"),
    ("mistral", 429, mistral("Rate limit exceeded", "rate_limit_error"), "rate-limited"),
    ("mistral", 429, mistral("x", "x", "1300"), "rate-limited"),
    ("mistral", 503, mistral("Service tier capacity exceeded for this model.", "invalid_request_error"), "overloaded"),
    ("mistral", 404, mistral("Not found", "x"), "model-unavailable"),
    ("mistral", 400, mistral("Invalid model", "invalid_model", "1500"), "model-unavailable"),
    ("mistral", 400, mistral("Bad field", "invalid_request_error"), "caller-fault"),
    ("mistral", 500, mistral("Internal", "server_error"), "server-error"),
    ("mistral", 502, b"", "server-error"),
    ("mistral", 504, b"", "server-error"),
    ("mistral", 401, b'{"detail":"Unauthorized"}', "credentials"),
    ("mistral", 429, mistral("Requests rate limit exceeded", "rate_limited", "1300"), "rate-limited"),
    ("mistral", 429, mistral("Service tier capacity exceeded for this model.", "invalid_request_error"), "overloaded"),
    ("mistral", 400, mistral("Invalid model: x", "unknown_model", "1500"), "model-unavailable"),
    ("mistral", 422, b'{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}', "caller-fault"),
    ("mistral", 402, b"", "quota-exhausted"),
    ("bedrock", 424, bedrock("x"), "server-error"),
    ("openai", 403, b'{"error":{"code":403,"message":"x","metadata":{"flagged_input":"y"}}}', "content-filter"),
    ("openai", 403, b'{"error":{"code":403,"message":"Key limit"}}', "credentials"),
    ("openai", 403, openai("tokens must not exceed the model's context length"), "context-length"),
    ("openai", 403, openai("input is longer than the context window"), "context-length"),
    ("openai", 402, openai("Credit limit exceeded"), "quota-exhausted"),
    ("openai", 503, openai("The engine is overloaded"), "overloaded"),
    ("openai", 498, openai("", "capacity_exceeded"), "overloaded"),
    ("openai", 498, b"", "overloaded"),
    ("openai", 413, openai("Request too large: tokens per minute", "rate_limit_exceeded"), "rate-limited"),
    ("openai", 413, b"<html><title>413 Request Entity Too Large</title></html>", "context-length"),
    ("openai", 413, b"", "caller-fault"),
    ("openai", 400, b'{"object":"error","message":"maximum context length is 9","code":400}', "context-length"),
    ("openai", 502, b"<html><body>Bad Gateway</body></html>", "server-error"),
    ("openai", 503, b"upstream connect error", "overloaded"),
    ("openai", 529, b"", "rate-limited"),
    ("openai", 404, b"<html>404</html>", "model-unavailable"),
    ("openai", 418, b"", "caller-fault"),
    ("openai", 600, b"", "server-error"),
    ("openai", 500, b"\xff\xfe\x00", "server-error"),
    ("openai", 400, b'{"error":{"code":"context_length_exceeded","message":"cut he', "context-length"),
    ("openai", 400, b'{"error":{"message":"prompt is too long: 212', "context-length"),
]

PAGES = [
    (500, b"<!DOCTYPE html><title>500 Internal Server Error</title>", "server-error"),
    (502, b"<html>\r\n<head><title>502 Bad Gateway</title></head><hr><center>nginx</center></html>", "server-error"),
    (503, b"<html><title>503 Service Temporarily Unavailable</title></html>", "overloaded"),
    (504, b"<html><title>504 Gateway Time-out</title></html>", "server-error"),
    (520, b"<!DOCTYPE html><title>Web server is returning an unknown error</title>", "server-error"),
    (429, b"<html><title>429 Too Many Requests</title></html>", "rate-limited"),
    (403, b"<html><title>403 Forbidden</title></html>", "credentials"),
    (404, b"<html><title>404 Not Found</title></html>", "model-unavailable"),
    (410, b"<html><title>410 Gone</title></html>", "model-unavailable"),
    (421, b"<html><title>421 Misdirected Request</title></html>", "server-error"),
    (425, b"<html><title>425 Too Early</title></html>", "server-error"),
    (400, b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>", "caller-fault"),
]


@pytest.mark.parametrize(("status", "page", "error_class"), PAGES)
@pytest.mark.parametrize("kind", ["openai", "azure-openai", "mistral", "anthropic", "gemini", "vertex-ai", "bedrock"])
def test_a_page_of_a_proxy_or_an_empty_body_is_classified_by_its_status(
    kind: str, status: int, page: bytes, error_class: str
) -> None:
    assert classify(kind, status, {}, page) == ErrorClass(error_class)
    assert classify(kind, status, {}, b"") == ErrorClass(error_class)


@pytest.mark.parametrize(("kind", "status", "body", "error_class"), GOLDEN)
def test_a_refusal_has_the_class_that_its_provider_means(kind: str, status: int, body: bytes, error_class: str) -> None:
    assert classify(kind, status, {}, body) == ErrorClass(error_class)


BEDROCK = [
    (429, "ThrottlingException", "Too many tokens, please wait before trying again.", "rate-limited"),
    (429, "ModelNotReadyException:http://internal.amazon.com/", "", "overloaded"),
    (400, "com.amazon.coral#ServiceQuotaExceededException", "", "quota-exhausted"),
    (503, "ServiceUnavailableException", "", "overloaded"),
    (408, "ModelTimeoutException", "", "server-error"),
    (424, "ModelErrorException", "", "server-error"),
    (403, "AccessDeniedException", "", "credentials"),
    (400, "RequestExpired", "", "credentials"),
    (404, "ResourceNotFoundException", "", "model-unavailable"),
    (400, "ValidationException", "The provided model identifier is invalid.", "model-unavailable"),
    (
        400,
        "ValidationException",
        "Invocation of model ID x with on-demand throughput isn't supported.",
        "model-unavailable",
    ),
    (400, "ValidationException", "Input is too long for requested model.", "context-length"),
    (400, "ValidationException", "messages: at least one message is required", "caller-fault"),
    (400, "InvalidClientTokenId", "", "credentials"),
    (400, "IncompleteSignature", "", "credentials"),
    (400, "NotAuthorized", "", "credentials"),
    (404, "FTUFormNotFilled", "", "model-unavailable"),
    (500, "InternalServerException", "", "server-error"),
    (424, "ModelStreamErrorException", "", "server-error"),
    (400, "ValidationException", "Too many input tokens. Max input tokens: 8192", "context-length"),
    (400, "ValidationException", "prompt is too long: 9 tokens", "context-length"),
    (400, "ValidationException", "#/prompt: expected maxLength: 1000, actual: 2000", "context-length"),
]


@pytest.mark.parametrize(("status", "name", "text", "error_class"), BEDROCK)
def test_bedrock_names_its_exceptions_in_a_header(status: int, name: str, text: str, error_class: str) -> None:
    assert classify("bedrock", status, {"x-amzn-errortype": name}, bedrock(text)) == ErrorClass(error_class)


@pytest.mark.parametrize(("status", "name", "text", "error_class"), BEDROCK)
def test_without_that_header_bedrock_names_them_in_the_body(
    status: int, name: str, text: str, error_class: str
) -> None:
    body = msgspec.json.encode({"code": name, "Message": text})
    assert classify("bedrock", status, {}, body) == ErrorClass(error_class)


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (400, b"\xef\xbb\xbf" + openai("", "context_length_exceeded"), "context-length"),
        (400, b'"This model\'s maximum context length is 9"', "context-length"),
        (400, b'{"errors":["maximum context length is 9"]}', "context-length"),
        (400, google("INVALID_ARGUMENT", anthropic("x", "Your credit balance is too low").decode()), "quota-exhausted"),
        (400, google("INVALID_ARGUMENT", '{"oops'), "caller-fault"),
        (400, google("INVALID_ARGUMENT", "[]"), "caller-fault"),
        (400, google("FAILED_PRECONDITION"), "model-unavailable"),
        (400, b'{"error":{"message":"Incorrect API key provided: sk-', "credentials"),
    ],
)
def test_the_words_of_an_error_are_found_wherever_servers_put_them(status: int, body: bytes, error_class: str) -> None:
    assert classify("openai", status, {}, body) == ErrorClass(error_class)


@pytest.mark.parametrize(
    ("data", "error_class"),
    [
        (b'{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}', "rate-limited"),
        (b'{"type":"response.failed","response":{"error":{"code":"invalid_prompt"}}}', "content-filter"),
        (b'{"type":"response.failed","response":null}', "server-error"),
        (b'{"code":"insufficient_quota","message":"x"}', "quota-exhausted"),
        (b'{"error":{"code":429,"message":"x"},"choices":[{"delta":{"content":""}}]}', "rate-limited"),
        (b'{"error":{"code":403,"metadata":{"flagged_input":"x"}},"choices":[{}]}', "content-filter"),
        (b"oops", "server-error"),
    ],
)
def test_an_error_event_is_classified_whatever_else_stands_in_it(data: bytes, error_class: str) -> None:
    assert failed_stream("openai", data, NOW)[0] == ErrorClass(error_class)


@pytest.mark.parametrize(
    ("status", "body", "scope"),
    [
        (429, openai("Request too large for gpt-4o on tokens per min (TPM): Limit 9, Requested 90"), "request"),
        (413, openai("Request too large for model"), "request"),
        (429, openai("Rate limit: Limit 30,000, Requested ~50,000 tokens"), "request"),
        (429, openai("Your request of 50000 tokens is larger than the 30000 that you have per minute"), "request"),
        (429, openai("Rate limit reached on tokens per min: Limit 30000, Used 29000, Requested 2000"), "target"),
        (429, openai("This request would exceed your rate limit of 80,000 input tokens per minute"), "target"),
        (429, openai("Rate limit reached: request too large"), "target"),
        (429, google("RESOURCE_EXHAUSTED", "", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")), "model"),
        (429, google("RESOURCE_EXHAUSTED", "", quota("GenerateRequestsPerDayPerProject")), "target"),
        (429, b"", "target"),
        (500, openai("Request too large"), "request"),
    ],
)
def test_a_limit_may_be_that_of_one_request_or_of_one_model_alone(status: int, body: bytes, scope: str) -> None:
    assert refused("openai", status, {}, body, NOW)[2] == scope


def test_all_that_is_to_know_of_a_refusal_is_what_its_parts_say() -> None:
    body, headers = openai("Please try again in 20s.", "rate_limit_exceeded"), {"x-request-id": "x"}
    assert refused("openai", 429, headers, body, NOW) == (ErrorClass.RATE_LIMITED, 20.0, "target")
    assert refused("http", 429, {"retry-after": "5"}, b"", NOW) == (ErrorClass.RATE_LIMITED, 5.0, "target")
    assert refused("http", 200, {}, b"", NOW) == (ErrorClass.SERVER_ERROR, None, "unknown")


@pytest.mark.parametrize(
    ("body", "error_class"),
    [
        (b'{"error":{"code":429,"message":"Rate limited upstream"}}', "rate-limited"),
        (b'{"error":{"code":429,"message":"x"},"choices":[]}', "rate-limited"),
        (b'{"error":{"code":"503","message":"x"}}', "overloaded"),
        (b'{"error":{"code":401,"message":"x"}}', "credentials"),
        (b'{"error":{"code":"context_length_exceeded","message":"x"}}', "context-length"),
        (b'{"error":{"message":"no idea"}}', "server-error"),
        (b'{"error":"just text"}', "server-error"),
        (b'{"error":{"code":true}}', "server-error"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "overloaded"),
        (b'{"object":"error","message":"x","type":"invalid_request_error","code":400}', "caller-fault"),
        (b'[{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}]', "overloaded"),
    ],
)
def test_an_error_inside_a_success_is_classified_by_its_text(body: bytes, error_class: str) -> None:
    assert classify("openai", 200, {}, body) == ErrorClass(error_class)


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"hi"}}]}',
        b'{"choices":[{"message":{"content":"hi"}}],"error":{"message":"a warning"}}',
        b'{"error":null,"output":[]}',
        b'{"promptFeedback":{"blockReason":"SAFETY"}}',
        b'{"choices":[{"finish_reason":"content_filter"}]}',
        b'{"choices":[{"content_filter_results":{"error":{"code":"content_filter_error"}}}]}',
        b'{"type":"message","stop_reason":"refusal","stop_details":{"category":"x"}}',
        b'{"candidates":[{"finishReason":"SAFETY"}]}',
        b'{"output":{},"stopReason":"guardrail_intervened"}',
        b'{"data":[{"error":1}]}',
        b"",
        b"[]",
        b"<html></html>",
        b'{"error": cut',
        b"3",
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204, 301, 304])
def test_a_success_without_an_error_is_none(status: int, body: bytes) -> None:
    assert classify("openai", status, {}, body) is None


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (200, None),
        (302, None),
        (400, "caller-fault"),
        (401, "caller-fault"),
        (403, "caller-fault"),
        (404, "caller-fault"),
        (408, "caller-fault"),
        (429, "rate-limited"),
        (500, "server-error"),
        (502, "server-error"),
        (503, "overloaded"),
    ],
)
def test_a_plain_backends_answer_is_about_the_request_and_never_about_a_key_or_a_model(
    status: int, error_class: str | None
) -> None:
    found = classify("http", status, {}, openai("x", "invalid_api_key"))
    assert found == (ErrorClass(error_class) if error_class else None)


def test_every_row_names_its_source_and_matches_something() -> None:
    for row in (*ROWS, *GENERAL):
        assert row.source
        assert row.codes or row.texts or row.starts
        assert all(code == code.lower() for code in (*row.codes, *row.texts, *row.starts))


def test_every_code_and_text_that_is_known_stands_in_an_answer_of_these_tests() -> None:
    answers = b"\n".join(body for _, _, body, _ in GOLDEN).lower().decode("utf-8", "replace")
    answers += "\n".join(f'"{name}" {text}' for _, name, text, _ in BEDROCK).lower()
    codes = {code for row in (*ROWS, *GENERAL) for code in row.codes}
    assert {code for code in codes if f'"{code}' not in answers and f"#{code}" not in answers} == set()
    assert {text for row in (*ROWS, *GENERAL) for text in (*row.texts, *row.starts) if text not in answers} == set()
