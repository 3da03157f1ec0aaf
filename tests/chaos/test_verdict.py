"""The check that the streams of chaos are held to: it must see what a client would be deceived by."""

import json
from typing import Any

import pytest

from chaos.plan import KINDS, Plan, plan
from chaos.verdict import End, Outcome, judge, judge_whole
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
        (chunked(), "closed", Outcome.HOLLOW),
        (chunked(STOP, DONE), "closed", Outcome.HOLLOW),
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
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    assert judge(head + event("a1 b2"), end, TEXT).outcome is outcome


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"error": {"message": "slow down"}}', Outcome.FAILED),
        (b'{"error": "slow down"}', Outcome.FAILED),
        (b'{"detail": "slow down"}', Outcome.FAILED),
        (b'{"error": {}}', Outcome.DAMAGED),
        (b"{}", Outcome.DAMAGED),
        (b"[]", Outcome.DAMAGED),
        (b"<html>", Outcome.DAMAGED),
    ],
)
def test_a_refusal_is_honest_if_an_sdk_can_read_it(body: bytes, outcome: Outcome) -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert judge(head + body, "closed", TEXT).outcome is outcome


def whole(content: str | None, finish: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return json.dumps({"object": "chat.completion", "choices": [choice], **more}).encode()


def answer(body: bytes, *headers: bytes, status: int = 200, missing: int = 0) -> bytes:
    lines = b"".join(b"%b\r\n" % header for header in headers or (b"content-type: application/json",))
    return b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body) + missing, body)


CODED = (b"content-type: application/json", b"content-encoding: gzip")


@pytest.mark.parametrize(
    ("raw", "end", "outcome"),
    [
        (answer(whole(TEXT)), "closed", Outcome.WHOLE),
        (answer(whole(TEXT), missing=1), "closed", Outcome.FAILED),
        (answer(whole(TEXT), missing=1), "time-out", Outcome.HUNG),
        (b"", "reset", Outcome.FAILED),
        (answer(b'{"error": {"message": "slow down"}}', status=429), "closed", Outcome.FAILED),
        (answer(b"{}"), "closed", Outcome.HOLLOW),
        (answer(b"null"), "closed", Outcome.HOLLOW),
        (answer(whole(None)), "closed", Outcome.HOLLOW),
        (answer(whole("")), "closed", Outcome.HOLLOW),
        (answer(b"", status=204), "closed", Outcome.HOLLOW),
        (answer(b"", b"location: /elsewhere", status=302), "closed", Outcome.HOLLOW),
        (answer(whole("a1 b2")), "closed", Outcome.TRUNCATED),
        (answer(whole("a1 b2", "length")), "closed", Outcome.TRUNCATED),
        (answer(whole(TEXT, "error")), "closed", Outcome.TRUNCATED),
        (answer(whole(TEXT, error={"message": "no"})), "closed", Outcome.TRUNCATED),
        (answer(whole(TEXT + TEXT)), "closed", Outcome.DAMAGED),
        (answer(whole("b2 c3")), "closed", Outcome.DAMAGED),
        (answer(whole(TEXT), *CODED), "closed", Outcome.UNREADABLE),
        (answer(whole(TEXT), b"content-type: text/html"), "closed", Outcome.UNREADABLE),
        (chunked(event(TEXT), STOP, DONE), "closed", Outcome.UNREADABLE),
    ],
)
def test_a_whole_answer_is_one_that_has_the_text_and_its_good_end(raw: bytes, end: End, outcome: Outcome) -> None:
    assert judge_whole(raw, end, TEXT).outcome is outcome


def test_an_answer_in_the_place_of_a_stream_is_not_what_was_asked_for() -> None:
    assert judge(answer(whole(TEXT)), "closed", TEXT).outcome is Outcome.UNREADABLE


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
