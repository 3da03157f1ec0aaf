"""The check that the streams of chaos are held to: it must see what a client would be deceived by."""

import json
from typing import Any

import pytest

from chaos.plan import KINDS, Plan, plan
from chaos.verdict import End, Outcome, judge
from chaos.wire import Written, stream

TEXT = "a1 b2 c3"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(content: str | None = None, finish: str | None = None) -> bytes:
    delta: dict[str, Any] = {} if content is None else {"content": content}
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


ERROR = b'data: {"error": {"message": "overloaded"}}\n\n'
DONE = b"data: [DONE]\n\n"
STOP = event(finish="stop")


def chunked(*events: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in events) + end


@pytest.mark.parametrize(
    ("raw", "end", "outcome"),
    [
        (chunked(event("a1 b2"), event(" c3"), STOP, DONE), "closed", Outcome.WHOLE),
        (chunked(event(TEXT), STOP), "closed", Outcome.WHOLE),
        (chunked(event(TEXT), STOP, DONE, end=b""), "reset", Outcome.FAILED),
        (chunked(event("a1 b2"), ERROR, end=b""), "closed", Outcome.FAILED),
        (chunked(event("a1 b2"), end=b""), "reset", Outcome.FAILED),
        (chunked(event("a1 b2"), b"data: {oops\n\n", event(" c3"), STOP, DONE), "closed", Outcome.FAILED),
        (b"", "reset", Outcome.FAILED),
        (chunked(event("a1 b2")), "closed", Outcome.TRUNCATED),
        (chunked(event("a1 b2"), STOP, end=b""), "reset", Outcome.TRUNCATED),
        (chunked(event("a1 b2"), DONE, end=b""), "closed", Outcome.TRUNCATED),
        (chunked(event("a1 b2"), ERROR, DONE), "closed", Outcome.TRUNCATED),
        (chunked(), "closed", Outcome.TRUNCATED),
        (chunked(event("a1 b2"), event(" b2 c3"), STOP, DONE), "closed", Outcome.DAMAGED),
        (chunked(event("a1"), event(" c3"), STOP, DONE), "closed", Outcome.DAMAGED),
        (chunked(event(TEXT), event("."), STOP, DONE), "closed", Outcome.DAMAGED),
        (chunked(event("a1"), event(" c3"), ERROR, end=b""), "reset", Outcome.DAMAGED),
        (chunked(event("a1"), b"data: {oops\n\n", event(" c3"), STOP, DONE), "closed", Outcome.DAMAGED),
        (chunked(event("a1 b2"), end=b""), "time-out", Outcome.HUNG),
        (b"", "time-out", Outcome.HUNG),
    ],
)
def test_an_answer_is_what_the_strictest_client_takes_it_for(raw: bytes, end: End, outcome: Outcome) -> None:
    assert judge(raw, end, TEXT).outcome is outcome


@pytest.mark.parametrize(("end", "outcome"), [("closed", Outcome.TRUNCATED), ("reset", Outcome.FAILED)])
def test_a_body_without_length_and_chunks_ends_with_its_connection(end: End, outcome: Outcome) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    assert judge(head + event("a1 b2"), end, TEXT).outcome is outcome


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b'{"error": {"message": "slow down"}}', Outcome.FAILED), (b"<html>", Outcome.DAMAGED)],
)
def test_a_refusal_is_honest_if_an_sdk_can_read_it(body: bytes, outcome: Outcome) -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert judge(head + body, "closed", TEXT).outcome is outcome


def sent(made: Plan) -> Written:
    """What the first model of a plan sends."""
    first = made.models[0]
    return stream(made.text, "m", first.style, first.fault, made.chance("test"), tool=made.tool)


def test_a_stream_without_fault_is_whole_in_every_style() -> None:
    for made in (plan(1, number) for number in range(60)):
        for model in made.models:
            written = stream(made.text, "m", model.style, None, made.chance("test"), tool=made.tool)
            assert judge(b"".join(written.pieces), "closed", made.text).outcome is Outcome.WHOLE


def test_hardly_a_stream_with_a_fault_is_whole_as_the_provider_sends_it() -> None:
    made = [plan(1, number) for number in range(len(KINDS) * 20)]
    written = [sent(each) for each in made]
    ends: dict[str, End] = {"keep": "closed", "fin": "closed", "rst": "reset", "hang": "time-out"}
    outcomes = [
        judge(b"".join(raw.pieces), ends[raw.ending], each.text).outcome
        for each, raw in zip(made, written, strict=True)
    ]
    assert outcomes.count(Outcome.WHOLE) < len(outcomes) / 20


def test_the_same_seed_makes_the_same_bytes() -> None:
    for number in range(len(KINDS)):
        made, again = plan(7, number), plan(7, number)
        assert made == again
        assert sent(made) == sent(again)
        assert plan(8, number).text != made.text
