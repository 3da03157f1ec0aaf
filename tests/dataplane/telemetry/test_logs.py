"""Log lines: one for each record, whatever callers send."""

import asyncio
import io
import logging
from collections.abc import Iterator

import msgspec
import pytest

from logged import FORGED, ODD, record
from recorded import attempted, recorded
from switchover_dataplane.telemetry import logs, trace, trace_line


def step(model: str) -> dict[str, object]:
    named = {"provider": "openai", "model": model, "target": "t"}
    return {**named, "status": 500, "error_class": model, "duration_ms": 1, "decision": "next"}


@pytest.mark.parametrize(("sent", "written"), ODD.values(), ids=ODD.keys())
def test_text_lines_escape_what_is_not_printable(sent: str, written: str) -> None:
    line = logs.Text(colour=False).format(record(f"a{sent}{FORGED}", attempts=[step(f"m{sent}{FORGED}")]))

    assert f"a{written}{FORGED}" in line
    assert f"m{written}{FORGED}" in line
    assert [each for each in line if not each.isprintable()] == ["\n"]


@pytest.mark.parametrize(("sent", "_written"), ODD.values(), ids=ODD.keys())
def test_json_lines_escape_what_is_not_printable_and_mean_the_same(sent: str, _written: str) -> None:
    line = logs.JsonLines().format(record(f"a{sent}{FORGED}", attempts=[step(f"m{sent}{FORGED}")]))

    assert line.isprintable()
    if sent != "\ud83d":
        decoded = msgspec.json.decode(line)
        assert (decoded["msg"], decoded["attempts"][0]["model"]) == (f"a{sent}{FORGED}", f"m{sent}{FORGED}")


def test_a_text_line_names_what_a_model_was_not_told() -> None:
    lost = {**step("gpt-4o"), "not_carried": ("top_k", f"seed{FORGED}")}
    first, second = logs.Text(colour=False).format(record("a", attempts=[step("m"), lost])).splitlines()[1:]

    assert "not carried" not in first
    assert second.endswith(f"then: next; not carried: top_k, seed{FORGED}")


def test_a_callers_name_of_a_model_is_cut_where_it_is_too_long() -> None:
    of = recorded([attempted(0, "ns/up/0/0", "openai", "m" * 10_000)])

    assert len(trace.message(of, ())) < 300
    assert len(trace_line.line(of, ()).attempts[0].model) == 256


# ── The line of a trace ─────────────────────────────────────────────────────────────────────────────────────────────


PLAIN = attempted(
    0,
    "ns/up/0/0",
    "openai",
    "gpt-4o",
    status=429,
    error_class="rate-limited",
    duration_ms=1.26,
    decision="next priority",
)
ODD_ONE = attempted(
    1,
    "ns/up/1/0",
    "mistral",
    "",
    20.04,
    first_token_ms=3.33,
    duration_ms=4.0,
    bytes=7,
    decision="answer: success",
    detail="the client left",
    continues=True,
    dropped=2,
)


def failed_over(name: str = "id") -> trace.Record:
    return recorded(
        [PLAIN, ODD_ONE],
        request_id=name,
        outcome="rescued",
        status=200,
        duration_ms=12.34,
        caller="ns/app",
        handed_on=PLAIN,
    )


def entry(of: trace.Record) -> logs.Entry:
    made = logs.Entry("switchover.trace", logging.INFO, trace.message(of, ()), trace_line.line(of, ()))
    made.created = 1_796_000_000.25
    return made


def test_the_json_line_of_a_trace_has_all_that_was_tried_in_this_order() -> None:
    assert logs.JsonLines().format(entry(failed_over())) == (
        '{"time":"2026-11-30T00:53:20.250000Z","level":"INFO",'
        '"msg":"failed over: openai/gpt-4o 429 rate-limited > ns/up/1/0","request_id":"id","caller":"ns/app",'
        '"route":"ns/route","rule":"0","outcome":"rescued","status":200,"duration_ms":12.3,"attempts":['
        '{"priority":0,"target":"ns/up/0/0","provider":"openai","model":"gpt-4o","status":429,'
        '"error_class":"rate-limited","wait_ms":0.0,"first_token_ms":null,"duration_ms":1.3,"bytes":0,'
        '"decision":"next priority","handed_on":true},'
        '{"priority":1,"target":"ns/up/1/0","provider":"mistral","model":"","status":null,'
        '"error_class":null,"wait_ms":20.0,"first_token_ms":3.3,"duration_ms":4.0,"bytes":7,'
        '"decision":"answer: success","detail":"the client left","continues":true,"dropped_events":2}]}'
    )


@pytest.mark.parametrize("created", [0.0, 1_796_000_000.0, 1_796_000_000.25, 1_796_000_000.000001])
@pytest.mark.parametrize("sent", [sent for sent, _ in ODD.values()], ids=ODD.keys())
def test_the_line_of_a_trace_is_that_of_any_other_record_with_the_same_fields(created: float, sent: str) -> None:
    of = failed_over(f"a{sent}b")
    made, other = entry(of), record(trace.message(of, ()), **msgspec.to_builtins(trace_line.line(of, ())))
    other.levelname, other.created, made.created = "INFO", created, created
    assert logs.JsonLines().format(made) == logs.JsonLines().format(other)
    assert logs.Text(colour=False).format(made) == logs.Text(colour=False).format(other)


def test_the_line_of_a_trace_is_written_by_any_form_of_the_standard_library() -> None:
    form = logging.Formatter("%(asctime)s %(name)s %(levelname)s %(module)s:%(lineno)d %(threadName)s %(message)s")
    assert form.format(entry(failed_over())).endswith("failed over: openai/gpt-4o 429 rate-limited > ns/up/1/0")


# ── When lines are written ──────────────────────────────────────────────────────────────────────────────────────────


class Written(io.StringIO):
    """What was written, by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def log(written: Written) -> Iterator[logging.Logger]:
    logger = logging.Logger("of-a-test", logging.INFO)
    handler = logs.Output(written)
    logger.addHandler(handler)
    yield logger
    handler.close()


def test_without_an_event_loop_a_line_is_written_at_once(log: logging.Logger, written: Written) -> None:
    log.info("one")
    log.info("two")
    assert written.writes == ["one\n", "two\n"]


async def test_the_lines_of_one_turn_are_written_at_once_in_their_order(log: logging.Logger, written: Written) -> None:
    log.info("one")
    logs.write(log, logging.WARNING, "two", trace_line.line(failed_over(), ()))
    assert written.writes == []
    await asyncio.sleep(0)
    assert written.writes == ["one\ntwo\n"]
    log.info("three")
    await asyncio.sleep(0)
    assert written.getvalue() == "one\ntwo\nthree\n"


async def test_a_warning_lets_no_line_wait(log: logging.Logger, written: Written) -> None:
    log.info("one")
    log.warning("two")
    assert written.writes == ["one\ntwo\n"]


async def test_the_line_of_a_thread_comes_behind_those_that_wait(log: logging.Logger, written: Written) -> None:
    log.info("one")
    await asyncio.to_thread(log.info, "two")
    await asyncio.sleep(0)
    assert written.getvalue() == "one\ntwo\n"


def test_a_line_whose_loop_ends_before_it_is_written_comes_with_the_next_one(
    log: logging.Logger, written: Written
) -> None:
    ends = asyncio.new_event_loop()
    ends.call_soon(log.info, "one")
    ends.call_soon(ends.stop)
    ends.run_forever()
    ends.close()
    assert written.writes == []

    async def the_next_one() -> None:
        log.info("two")
        await asyncio.sleep(0)

    asyncio.run(the_next_one())
    assert written.writes == ["one\ntwo\n"]


async def test_the_end_of_the_process_lets_no_line_wait(log: logging.Logger, written: Written) -> None:
    log.info("one")
    logging.shutdown([lambda: log.handlers[0]])
    assert written.getvalue() == "one\n"


async def test_a_line_that_cannot_be_written_harms_nobody(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.handlers[0].setStream(Broken())  # type: ignore[attr-defined]
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    log.warning("one")
    log.info("two")
    await asyncio.sleep(0)
    assert faults == []
    assert capsys.readouterr().err.count("BrokenPipeError") >= 2


class Broken(io.StringIO):
    """A stream that nobody reads."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError
