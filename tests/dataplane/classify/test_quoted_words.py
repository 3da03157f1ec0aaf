"""The words of a caller that a server repeats in its error take nothing out of service."""

import msgspec
import pytest

from provider_errors import NOW, openai
from switchover_dataplane.classify.refusal import classify, failed_stream, refused
from switchover_dataplane.failover.outcome import ErrorClass


def pydantic(**entry: object) -> bytes:
    """A refusal of FastAPI's, which repeats what the caller sent."""
    return msgspec.json.encode({"detail": [{"type": "literal_error", "loc": ["body"], "msg": "no", **entry}]})


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (
            400,
            openai("Invalid value: 'incorrect api key provided'. Supported: 'user'", "invalid_value"),
            "caller-fault",
        ),
        (400, openai("Invalid value: 'your credit balance is too low'."), "caller-fault"),
        (400, openai("No 'the provided model identifier is invalid' here"), "caller-fault"),
        (400, openai("What is a system is experiencing high demand?"), "caller-fault"),
        (
            404,
            openai("The model 'Your credit balance is too low' does not exist", "model_not_found"),
            "model-unavailable",
        ),
        (422, pydantic(input={"type": "insufficient_quota"}), "caller-fault"),
        (422, pydantic(input={"code": "invalid_api_key", "message": "API key not valid"}), "caller-fault"),
        (422, pydantic(ctx={"error": {"code": "insufficient_quota"}}), "caller-fault"),
        (422, pydantic(input={"type": "insufficient_quota"})[:-4], "caller-fault"),
        (400, b'{"request":{"error":{"code":"insufficient_quota"}},"error":{"message":"no"}}', "caller-fault"),
    ],
)
def test_the_text_of_a_request_takes_no_key_and_no_model_out_of_service(
    status: int, body: bytes, error_class: str
) -> None:
    assert classify("openai", status, {}, body) == ErrorClass(error_class)


QUOTING = [
    "Invalid value: '{}'. Supported values are: 'user' and 'system'.",
    'Unknown tool "{}".',
    "messages.0.content: `{}` is not allowed here",
    "'{}' is not one of ['user', 'system'] - 'messages.0.role'",
    "Could not parse the arguments: {}",
    "Unexpected value {}",
    "Invalid URL \u2018{}\u2019",
    "tools.0.name: {}",
    "Extra inputs are not permitted: {}",
]

SAID_BY_A_CALLER = [
    "The engine is currently overloaded. Please try again later.",
    "Your credit balance is too low.",
    "You have reached your weekly usage limit",
    "Rate limit exceeded, slow down",
    "The model does not exist",
    "Invalid API key. Your account has been suspended.",
    "x' the engine is overloaded. 'y",
    'x" Your credit balance is too low. "y',
    "x` Too many requests. `y",
    "insufficient_quota",
]


@pytest.mark.parametrize("quoting", QUOTING)
@pytest.mark.parametrize("words", SAID_BY_A_CALLER)
def test_the_words_of_a_caller_that_a_server_quotes_take_nothing_out_of_service(quoting: str, words: str) -> None:
    for status in (400, 404, 422):
        reason, wait, scope = refused("openai", status, {}, openai(quoting.format(words)), NOW)
        assert (wait, scope) == (None, "request")
        assert reason in (ErrorClass.CALLER_FAULT, ErrorClass.MODEL_UNAVAILABLE)
        assert reason is ErrorClass.CALLER_FAULT or status == 404


@pytest.mark.parametrize("quoting", QUOTING)
@pytest.mark.parametrize("words", SAID_BY_A_CALLER)
def test_nor_do_they_where_an_error_has_no_status_or_the_servers(quoting: str, words: str) -> None:
    body = openai(quoting.format(words), type_="server_error")
    assert refused("openai", 500, {}, body, NOW)[::2] == (ErrorClass.SERVER_ERROR, "request")
    assert failed_stream("openai", body, NOW)[2] in ("request", "unknown")


@pytest.mark.parametrize(
    "message", ["panic: role overloaded is unknown", "what is a rate limit?", "he said: insufficient balance"]
)
def test_a_failure_that_does_not_begin_like_a_servers_statement_is_classified_by_its_status(message: str) -> None:
    assert refused("openai", 500, {}, openai(message, type_="x"), NOW)[::2] == (ErrorClass.SERVER_ERROR, "unknown")
    assert failed_stream("openai", openai(message, type_="x"), NOW)[::2] == (ErrorClass.SERVER_ERROR, "unknown")
