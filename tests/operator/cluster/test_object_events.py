"""What changed between two rounds → Events, each change once."""

from collections.abc import Mapping

import pytest

from switchover_operator.cluster.object_events import LONGEST_NOTE, SETTLED, EventState, ObjectEvent, object_events
from switchover_operator.compiler import conditions
from switchover_operator.compiler.report import ListenerReport, Report
from switchover_operator.identity import Identity

GATEWAY = Identity("gateway.networking.k8s.io", "Gateway", "ai", "gw")
ROUTE = Identity("gateway.networking.k8s.io", "HTTPRoute", "ai", "chat")
UPSTREAM = Identity("gloo.solo.io", "Upstream", "ai", "models")
GOOD = Report(ROUTE, conditions=(conditions.accepted(),))
BAD = Report(ROUTE, conditions=(conditions.invalid(["spec.rules: wrong"]),))
FAULT = ObjectEvent(ROUTE, "Warning", "NotServed", "spec.rules: wrong")


def rounds(*reports: Report, apart: float = SETTLED) -> list[tuple[ObjectEvent, ...]]:
    """What is new in each round, which has one report and lasts until the next; the seconds between two."""
    state, events = EventState(), []
    for number, report in enumerate(reports):
        state, begun = object_events(state, [report], {}, 2 * number * apart)
        state, stood = object_events(state, [report], {}, (2 * number + 1) * apart)
        events.append((*begun, *stood))
    return events


def moves(*active: Mapping[Identity, int]) -> list[tuple[ObjectEvent, ...]]:
    """What is new in each round, in which these priorities answer."""
    state, events = EventState(), []
    for each in active:
        state, new = object_events(state, [Report(UPSTREAM)], each, 0.0)
        events.append(new)
    return events


def test_a_fault_is_told_once_while_it_stands_and_again_when_it_returns() -> None:
    assert rounds(GOOD, BAD, BAD, GOOD, BAD) == [(), (FAULT,), (), (), (FAULT,)]


def test_a_second_fault_is_told_alone() -> None:
    both = Report(ROUTE, conditions=(*BAD.conditions, conditions.backend_not_found("no Service ai/x")))
    assert rounds(BAD, both) == [(FAULT,), (ObjectEvent(ROUTE, "Warning", "NotServed", "no Service ai/x"),)]


def test_a_field_without_effect_is_no_warning() -> None:
    [[happening]] = rounds(Report(ROUTE, conditions=(conditions.fields_without_effect(["spec.x"]),)))
    assert (happening.type, happening.reason, happening.note) == ("Normal", "NoEffect", "spec.x has no effect")


def test_a_note_is_no_event() -> None:
    assert rounds(Report(ROUTE, notes=("a note",))) == [()]


def test_the_same_fault_of_two_objects_is_two_events() -> None:
    other = Identity(ROUTE.group, ROUTE.kind, "ai", "other")
    both = [BAD, Report(other, conditions=BAD.conditions)]
    state, _ = object_events(EventState(), both, {}, 0.0)
    _, new = object_events(state, both, {}, SETTLED)
    assert {each.about for each in new} == {ROUTE, other}


def test_a_fault_that_goes_before_it_settled_is_not_told() -> None:
    assert rounds(GOOD, BAD, GOOD, apart=SETTLED / 3) == [(), (), ()]


def test_a_fault_that_has_not_settled_is_waited_for_and_one_that_was_told_is_not() -> None:
    state, _ = object_events(EventState(), [BAD], {}, 0.0)
    assert state.is_waiting
    state, _ = object_events(state, [BAD], {}, SETTLED)
    assert not state.is_waiting


def test_the_same_fault_of_two_listeners_is_two_events_that_name_them() -> None:
    wrong = conditions.invalid_certificate_ref("no Secret ai/tls")
    one, two = (ListenerReport(name, ("HTTPRoute",), 0, (wrong,), serves=False) for name in ("one", "two"))
    first, second = rounds(Report(GATEWAY, listeners=(one,)), Report(GATEWAY, listeners=(one, two)))
    assert [each.note for each in first] == ["listener one: no Secret ai/tls"]
    assert [each.note for each in second] == ["listener two: no Secret ai/tls"]


@pytest.mark.parametrize("letter", ["x", "ü", "語", "🙂"])
def test_a_note_is_never_longer_than_the_api_server_takes(letter: str) -> None:
    [[happening]] = rounds(Report(ROUTE, conditions=(conditions.invalid([letter * 3000]),)))
    assert set(happening.note) == {letter}
    assert LONGEST_NOTE - 4 < len(happening.note.encode()) <= LONGEST_NOTE


def test_a_move_to_another_priority_and_back_is_told_once_each() -> None:
    over = ObjectEvent(UPSTREAM, "Warning", "FailedOver", "priority 1 answers, as priority 0 fails", "FailOver")
    back = ObjectEvent(UPSTREAM, "Normal", "Recovered", "priority 0 answers again", "FailBack")
    assert moves({UPSTREAM: 0}, {UPSTREAM: 1}, {UPSTREAM: 1}, {UPSTREAM: 0}) == [(), (over,), (), (back,)]


def test_the_first_priority_that_is_heard_of_is_no_move() -> None:
    assert moves({}, {UPSTREAM: 2}) == [(), ()]


def test_a_move_is_told_though_no_priority_was_known_in_between() -> None:
    over = ObjectEvent(UPSTREAM, "Warning", "FailedOver", "priority 1 answers, as priority 0 fails", "FailOver")
    assert moves({UPSTREAM: 0}, {}, {UPSTREAM: 1}) == [(), (), (over,)]
