"""The request for the rest of an answer, as each provider gets it."""

from typing import Any

import msgspec
import pytest

from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.table.upstreams import AzureOpenAI, Mistral, OpenAI, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed
from switchover_dataplane.upstream.targets import Route, routes

ASKED = b'{"model": "asked", "stream": true, "seed": 1.0, "messages": [{"role": "user", "content": "caf\\u00e9"}]}'
REFUSED = Refused(400, ErrorClass.CALLER_FAULT)


def route(provider: Provider) -> Route:
    pool = (Target("a", "host", 443, provider),)
    return routes(sealed((), {}, {}, {"u": Upstream("u", True, (pool,))}, {}))["a"]


def continuation(text: str = "one two") -> Continuation:
    made = Continuation.of(JsonBody.parse(ASKED), text)
    assert made is not None
    return made


def to(target: Route) -> tuple[Route, str]:
    return target, target.model


def messages(body: bytes) -> list[dict[str, Any]]:
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return list(decoded["messages"])


def test_mistral_gets_the_text_as_a_prefix_of_its_answer() -> None:
    body = continuation().for_target(*to(route(Mistral("large"))))
    assert messages(body)[-1] == {"role": "assistant", "content": "one two", "prefix": True}
    assert msgspec.json.decode(body)["model"] == "large"


@pytest.mark.parametrize("provider", [OpenAI("gpt"), AzureOpenAI("deployment", "v1")])
def test_other_models_get_the_sent_text_and_are_asked_to_begin_with_its_last_words(provider: Provider) -> None:
    said = "It was a bright cold day in spring, and the clocks on the tower were all of them striking thir"
    *before, mine, ask = messages(continuation(said).for_target(*to(route(provider))))
    assert [each["role"] for each in before] == ["user"]
    assert mine == {"role": "assistant", "content": said}
    assert ask["role"] == "user"
    assert ask["content"].endswith("\n-----\nand the clocks on the tower were all of them striking thir\n-----")


def test_all_else_of_the_request_stays_as_the_caller_wrote_it() -> None:
    body = continuation().for_target(*to(route(OpenAI())))
    assert b'"seed":1.0' in body
    assert b'{"role": "user", "content": "caf\\u00e9"}' in body
    assert (continuation().model, continuation().stream) == ("asked", True)


@pytest.mark.parametrize(
    "body", [None, b"bytes", JsonBody.parse(b'{"prompt": "x"}'), JsonBody.parse(b'{"messages": "x"}')]
)
def test_what_is_no_conversation_is_not_continued(body: object) -> None:
    assert Continuation.of(body, "one") is None


def test_a_refused_prefix_makes_the_target_be_asked_in_the_other_way() -> None:
    asked, mistral = continuation(), route(Mistral())
    assert asked.falls_back(mistral, REFUSED)
    assert [each["role"] for each in messages(asked.for_target(mistral, mistral.model))] == [
        "user",
        "assistant",
        "user",
    ]
    assert not asked.falls_back(mistral, REFUSED)


@pytest.mark.parametrize("outcome", [Refused(429, ErrorClass.RATE_LIMITED), Broken("reset")])
def test_any_other_failure_is_not_about_the_prefix(outcome: Outcome) -> None:
    assert not continuation().falls_back(route(Mistral()), outcome)


def test_whoever_was_sent_no_prefix_refused_none() -> None:
    assert not continuation().falls_back(route(OpenAI()), REFUSED)
