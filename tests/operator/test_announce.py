"""What changed between two rounds → log lines, each change once."""

import logging
from dataclasses import replace

import pytest

from switchover_dataplane.table.ports import Port
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import sealed
from switchover_operator.acknowledgements import Acknowledgement, Acknowledgements
from switchover_operator.announce import LogState, LoopStatus, Served, log_changes
from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.conditions import (
    accepted,
    fields_without_effect,
    invalid,
    merged,
    open_access,
    partially_invalid,
)
from switchover_operator.compiler.report import Report
from switchover_operator.findings import Weight, findings
from switchover_operator.identity import Identity

ROUTE = Identity("gateway.networking.k8s.io", "HTTPRoute", "gloo-system", "chat")


def serving(*ports: int) -> Table:
    return sealed(tuple(Port(number) for number in ports), {}, {}, {}, {})


def situation(table: Table, *reports: Report, said: Acknowledgement | None = None) -> LoopStatus:
    word = said or Acknowledgement(table.revision, accepted=True)
    return LoopStatus(
        compiled=Compiled(table, reports, {}),
        acknowledgements=Acknowledgements(table.revision, {"worker-0.0": word}),
        findings=tuple(
            each for report in reports for each in findings(report, lambda _identity, path: f"a.yaml:{len(path)}")
        ),
        problems=(),
        bind="127.0.0.1",
        admin="127.0.0.1:9180",
    )


def messages(logged: LogState, *situations: LoopStatus) -> list[list[str]]:
    rounds = []
    for now in situations:
        logged, lines = log_changes(logged, now)
        rounds.append([line.msg for line in lines])
    return rounds


GOOD = Report(ROUTE, conditions=(accepted(),))
BAD = Report(ROUTE, conditions=(invalid(["spec.rules[0].matches[0].path.type: must be Exact; got 'Exakt'"]),))


def test_ready_is_said_once_and_again_when_the_addresses_change() -> None:
    one, two = serving(8080), serving(8080, 9090)
    assert messages(LogState(), situation(one, GOOD), situation(one, GOOD), situation(two, GOOD)) == [
        [
            "ready: http://127.0.0.1:8080",
            f"serving revision {one.revision}: 1 object accepted",
            "admin port: http://127.0.0.1:9180 (/readyz, /metrics, /v1/health, /v1/table)",
        ],
        [],
        [
            "ready: http://127.0.0.1:8080 http://127.0.0.1:9090",
            f"serving revision {two.revision}: 1 object accepted",
            "admin port: http://127.0.0.1:9180 (/readyz, /metrics, /v1/health, /v1/table)",
        ],
    ]


def test_nothing_is_ready_before_every_worker_acknowledged() -> None:
    now = situation(serving(8080), GOOD)
    waiting = replace(now, acknowledgements=Acknowledgements(serving(8080).revision, {"a": None}))
    assert messages(LogState(), waiting) == [[]]


def test_a_problem_is_said_once_with_its_place_and_once_more_when_it_is_solved() -> None:
    table = serving(8080)
    logged, _ = log_changes(LogState(), situation(table, GOOD))
    problem = "a.yaml:34: HTTPRoute gloo-system/chat: spec.rules[0].matches[0].path.type: must be Exact; got 'Exakt'"
    assert messages(logged, situation(table, BAD), situation(table, BAD), situation(table, GOOD)) == [
        [problem],
        [],
        ["solved: a.yaml:34: HTTPRoute gloo-system/chat: spec.rules[0].matches[0].path.type"],
    ]


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("a.yaml:7:1: not YAML: while parsing a block, expected", "a.yaml:7:1: not YAML"),
        ("my files/a.yaml: does not exist; it is read as soon as it does", "my files/a.yaml: does not exist"),
        (
            "a.yaml:3: Upstream b/c stands in this file twice; one is used",
            "a.yaml:3: Upstream b/c stands in this file twice",
        ),
        ("port 80 (b/c) cannot be opened at ::1: in use; stop it", "port 80 (b/c) cannot be opened at ::1"),
        ("short", "short"),
    ],
)
def test_a_problem_that_is_solved_is_named_and_not_repeated(problem: str, told: str) -> None:
    now = situation(serving(8080), GOOD)
    [_, [line]] = messages(LogState(revision=now.compiled.table.revision), replace(now, problems=(problem,)), now)[:2]
    assert line == f"solved: {told}"


def test_a_refused_table_is_an_error_in_the_data_plane_s_words() -> None:
    table = serving(8080)
    refusal = Acknowledgement(table.revision, accepted=False, reasons=("port 8080 (gw/http) cannot be opened",))
    logged, [line] = log_changes(LogState(), situation(table, GOOD, said=refusal))
    assert line.level == logging.ERROR
    assert line.msg == "not served: port 8080 (gw/http) cannot be opened"
    assert logged.ready is None
    _, [later] = log_changes(LogState(revision="before"), situation(table, GOOD, said=refusal))
    assert later.msg == "not served, the last good table stays: port 8080 (gw/http) cannot be opened"


def test_a_table_without_ports_says_why_and_what_would_help() -> None:
    [[message, *_]] = messages(LogState(), situation(serving(), GOOD))
    assert message.startswith("nothing is served: there is no Gateway of class switchover")


def test_what_is_served_follows_the_addresses_and_is_asked_for_with_new_ones_alone() -> None:
    now = situation(serving(8080), GOOD)
    asked: list[str] = []

    def served() -> Served:
        asked.append("once")
        return Served({"models": ["openai/gpt-4o"]}, ("1. openai/gpt-4o",))

    now = replace(now, base_path="/v1", served=served)
    logged, [ready, *_] = log_changes(LogState(), now)
    assert ready.msg == "ready: http://127.0.0.1:8080/v1"
    assert ready.fields == {"urls": ["http://127.0.0.1:8080/v1"], "models": ["openai/gpt-4o"]}
    assert ready.more == ("1. openai/gpt-4o",)
    log_changes(logged, now)
    assert asked == ["once"]


def test_of_data_planes_elsewhere_the_revision_is_told_and_no_address() -> None:
    one, two = serving(10000), serving(10000, 10001)
    there = [replace(situation(table, GOOD), bind=None, admin="") for table in (one, one, two)]
    assert messages(LogState(), *there) == [
        [f"serving revision {one.revision}: 1 object accepted"],
        [],
        [f"serving revision {two.revision}: 1 object accepted"],
    ]


def test_data_planes_elsewhere_that_serve_nothing_are_no_reason_to_warn() -> None:
    [[line]] = messages(LogState(), replace(situation(serving()), bind=None, admin=""))
    assert line.startswith("serving revision")


def test_a_data_plane_that_is_not_ready_yet_does_not_hold_back_the_word_of_those_that_are() -> None:
    now = situation(serving(8080), GOOD)
    answers = {**now.acknowledgements.answers, "new": None}
    [[_, served, _]] = messages(
        LogState(),
        replace(now, acknowledgements=replace(now.acknowledgements, answers=answers, ready=frozenset({"worker-0.0"}))),
    )
    assert served.startswith("serving revision")


def test_an_object_that_is_not_accepted_is_named_beside_the_revision() -> None:
    table = serving(8080)
    [[_, _, serving_line, _]] = messages(LogState(), situation(table, BAD))
    assert (
        serving_line
        == f"serving revision {table.revision}: 0 objects accepted, 1 not accepted: HTTPRoute gloo-system/chat"
    )


def test_each_fault_of_a_condition_is_a_finding_with_its_own_place() -> None:
    conditions = (
        partially_invalid("Invalid", ["spec.a: is wrong; got 1", "spec.bb: is wrong, too"]),
        fields_without_effect(["spec.ccc", "spec.dddd"]),
        invalid(["spec.eeeee: is wrong"], "the last accepted version keeps serving"),
    )
    found = findings(Report(ROUTE, conditions=conditions), lambda _identity, path: f"a.yaml:{len(path)}")
    assert [(each.message, each.place) for each in found] == [
        ("spec.a: is wrong; got 1", "a.yaml:6"),
        ("spec.bb: is wrong, too", "a.yaml:7"),
        ("spec.eeeee: is wrong; the last accepted version keeps serving", "a.yaml:10"),
        ("spec.ccc has no effect", "a.yaml:8"),
        ("spec.dddd has no effect", "a.yaml:9"),
    ]
    joined = findings(Report(ROUTE, conditions=conditions), lambda *_: "", joined=True)
    assert [each.message for each in joined] == [
        "spec.a: is wrong; got 1; spec.bb: is wrong, too",
        "spec.eeeee: is wrong; the last accepted version keeps serving",
        "spec.ccc, spec.dddd have no effect",
    ]


def test_conditions_that_are_merged_keep_the_place_of_each_fault() -> None:
    [one] = merged([partially_invalid("Invalid", ["spec.a: x", "spec.b: y"]), partially_invalid("Invalid", ["spec.c"])])
    assert one.message == "spec.a: x; spec.b: y; spec.c"
    assert one.messages == ("spec.a: x", "spec.b: y", "spec.c")
    assert one.followed_by("z").messages == ("spec.a: x", "spec.b: y", "spec.c; z")


def test_a_key_is_masked_in_each_message_of_a_condition() -> None:
    key = "sk-proj-" + "a1B2c3D4" * 5
    told = partially_invalid("Invalid", [f"spec.a: got {key}", f"spec.b: got {key}"])
    assert not [text for text in (told.message, *told.messages) if key in text]


def test_a_field_without_effect_is_a_finding_of_less_weight_than_a_fault_and_of_more_than_a_risk() -> None:
    odd = (open_access("HTTPRoute ns/r asks nobody for a key"), fields_without_effect(["spec.useHttp2"]))
    report = Report(ROUTE, conditions=(*odd, *BAD.conditions), notes=("a note",))
    assert [each.weight for each in findings(report, lambda _identity, _path: "")] == list(Weight)
