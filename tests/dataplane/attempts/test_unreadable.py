"""A fault of the gateway's own while it reads an answer: the attempt has failed, and another model answers."""

import asyncio
import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any, NoReturn

import aiohttp
import msgspec
import pytest

from serving import (
    END,
    STREAM_HEAD,
    Answering,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    good,
    json,
    raw,
    table,
    targets,
)
from switchover_dataplane.attempts import read_success
from switchover_dataplane.classify import refusal
from switchover_dataplane.classify.error_words import sentences_of
from switchover_dataplane.classify.success import check_success
from switchover_dataplane.formats.chunk import plain_text, read, read_other
from switchover_dataplane.formats.plain_shape import PlainShape
from switchover_dataplane.streams import opening, transcript
from switchover_dataplane.table.policies import Policy

SECRET = "words of an answer that nobody may log"
BAD = event({"content": SECRET})
BAD_LINES = event({"content": f"{SECRET}\n"})
BAD_THOUGHT = event({"reasoning_content": SECRET})
TWICE = Policy(attempts=2)
FAULTS = [RuntimeError, KeyError, RecursionError, UnicodeError, MemoryError]


def failing_on_bad(read: Callable[..., Any], fault: type[Exception]) -> Callable[..., Any]:
    """Read, but stumble over what has the secret in it."""

    def stumbling(*given: Any, **named: Any) -> Any:
        if SECRET in repr(given):
            raise fault(SECRET)
        return read(*given, **named)

    return stumbling


async def ask(port: int, *, stream: bool) -> tuple[int, bytes]:
    asked = {"model": "asked", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{port}/model", data=BytesIO(msgspec.json.encode(asked))) as answer:
            return answer.status, await answer.read()


def logged(caplog: pytest.LogCaptureFixture, fault: type[Exception]) -> bool:
    """Whether the fault stands in the log by its type, target and place, and the answer does not."""
    told = [record for record in caplog.records if record.name == "switchover.answer"]
    assert SECRET not in caplog.text + repr([record.__dict__ for record in caplog.records])
    return [record.getMessage() for record in told] == [
        f"an answer of ns/up/0/0 could not be read: {fault.__name__}"
    ] and "in stumbling" in told[0].__dict__["fields"]["where"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_whole_answer_that_the_gateway_stumbles_over_is_moved_to_the_next_model(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(read_success, "check_success", failing_on_bad(check_success, fault))
    bad = json(200, {"choices": [{"message": {"content": SECRET}}]})
    async with targets(bad, good()) as each, gateway(table(free_port(), [one.port for one in each], TWICE)) as at:
        status, body = await ask(at.port, stream=False)
    assert (status, b"hello" in body) == (200, True)
    assert logged(caplog, fault)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refusal_that_the_gateway_stumbles_over_is_moved_to_the_next_model(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(refusal, "sentences_of", failing_on_bad(sentences_of, fault))
    bad = json(400, {"error": {"message": SECRET}})
    async with targets(bad, good()) as each, gateway(table(free_port(), [one.port for one in each], TWICE)) as at:
        status, body = await ask(at.port, stream=False)
    assert (status, b"hello" in body) == (200, True)
    assert logged(caplog, fault)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_that_the_gateway_stumbles_over_at_its_start_is_moved_to_the_next_model(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(opening, "read", failing_on_bad(read, fault))
    bad, sound = raw(STREAM_HEAD + chunks(BAD, END)), event({"content": "hello"}) + END
    second = raw(STREAM_HEAD + chunks(sound))
    async with targets(bad, second) as each, gateway(table(free_port(), [one.port for one in each], TWICE)) as at:
        assert await ask(at.port, stream=True) == (200, sound)
    assert logged(caplog, fault)


@pytest.mark.parametrize(
    ("where", "reading", "bad_event"),
    [(PlainShape, PlainShape.text, BAD), (transcript, plain_text, BAD_LINES), (transcript, read_other, BAD_THOUGHT)],
)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_that_the_gateway_stumbles_over_on_the_way_is_continued_by_the_next_model(  # noqa: PLR0917 - what pytest hands in
    fault: type[Exception],
    where: object,
    reading: Callable[..., Any],
    bad_event: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(where, reading.__name__, failing_on_bad(reading, fault))
    bad = raw(STREAM_HEAD + chunks(event({"content": "one two"}), bad_event, END))
    going_on = raw(STREAM_HEAD + chunks(event({"content": "one two three"}), END))
    async with targets(bad, going_on) as each, gateway(table(free_port(), [one.port for one in each])) as at:
        status, body = await ask(at.port, stream=True)
    assert (status, b'"one two"' in body, b'" three"' in body, body.count(b"[DONE]")) == (200, True, True, 1)
    assert logged(caplog, fault)


@pytest.mark.parametrize(
    ("where", "reading", "bad_event"), [(PlainShape, PlainShape.text, BAD), (transcript, plain_text, BAD_LINES)]
)
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_event_that_comes_alone_and_that_the_gateway_stumbles_over_is_continued_by_the_next_model(  # noqa: PLR0917 - what pytest hands in
    fault: type[Exception],
    where: object,
    reading: Callable[..., Any],
    bad_event: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(where, reading.__name__, failing_on_bad(reading, fault))
    began = asyncio.Event()

    async def bad(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(event({"content": "one two"}), end=False))
        await began.wait()
        writer.write(chunks(bad_event, end=False))
        await reader.read()

    going_on = raw(STREAM_HEAD + chunks(event({"content": "one two three"}), END))
    asked = BytesIO(msgspec.json.encode({"stream": True, "messages": [{"role": "user", "content": "hi"}]}))
    async with targets(bad, going_on) as each, gateway(table(free_port(), [one.port for one in each])) as at:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{at.port}/model", data=asked) as a,
        ):
            first = await a.content.readany()
            began.set()
            rest = await a.content.read()
    assert (b'"one two"' in first, b'" three"' in rest, SECRET.encode() in rest) == (True, True, False)
    assert logged(caplog, fault)


async def test_all_models_that_the_gateway_stumbles_over_are_a_502_and_not_a_fault_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_success, "check_success", failing_on_bad(check_success, RuntimeError))
    bad = json(200, {"choices": [{"message": {"content": SECRET}}]})
    async with targets(bad) as [one], gateway(table(free_port(), [one.port], TWICE)) as at:
        status, body = await ask(at.port, stream=False)
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (502, "upstream_protocol_error")


async def test_a_request_that_is_cancelled_while_its_answer_is_read_is_no_failed_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cancelled(*_: Any) -> NoReturn:
        raise asyncio.CancelledError

    monkeypatch.setattr(read_success, "check_success", cancelled)
    never: Answering = good("never asked")
    seen: list[Seen] = []
    async with targets(good(), never) as each, gateway(table(free_port(), [one.port for one in each], TWICE)) as at:
        with pytest.raises(aiohttp.ClientError):
            await ask(at.port, stream=False)
        seen += each[1].seen
    assert seen == []
