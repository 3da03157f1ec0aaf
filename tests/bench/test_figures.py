"""From what the system and the load generators print to medians and ratios."""

import pytest

from switchover_bench.cells import Sample
from switchover_bench.load import Failed, Load, of_streams, of_wrk
from switchover_bench.machine import cpu_model
from switchover_bench.processes import Cpu, cpu_of, descendants, parent_of
from switchover_bench.summary import Cell, Spread, ratio, rotated

STAT = "4711 (a ) name) S 42 4711 4711 0 -1 4194304 100 0 0 0 250 50 7 9 20 0 1 0 100 1000 200"
WRK = (
    "Running 3s test\n"
    '{"requests":%d,"seconds":3.0,"p50_ms":1.5,"p99_ms":6.0,"connect":0,"read":%d,"write":0,"status":%d,"timeout":0}\n'
)
STREAMS = (
    '{"seconds":2.0,"streams":%d,"bad":%d,"unfinished":%d,"reason":"%s","p50_ms":200.5,"p99_ms":210.0,'
    '"first_p50_ms":5.0,"first_p99_ms":6.0,"longest_gap_ms":9.5,"gap_p99_ms":8.0,"open_at_once":64}\n'
)


def test_the_figures_of_wrk_are_read_from_its_last_line() -> None:
    assert of_wrk(WRK % (9000, 0, 0)) == Load(9000, 3.0, 1.5, 6.0)


@pytest.mark.parametrize(
    ("read", "status", "named"), [(2, 0, "2 read"), (0, 7, "7 status"), (1, 3, "1 read, 3 status")]
)
def test_a_run_with_errors_has_no_figures_and_names_them(read: int, status: int, named: str) -> None:
    with pytest.raises(Failed, match=f"errors of 9000 requests: {named}$"):
        of_wrk(WRK % (9000, read, status))


def test_a_run_without_an_answer_has_no_figures() -> None:
    with pytest.raises(Failed, match="no request was answered"):
        of_wrk(WRK % (0, 0, 0))


def test_a_load_generator_that_could_not_start_is_quoted() -> None:
    with pytest.raises(Failed, match="unable to connect"):
        of_wrk("unable to connect to 127.0.0.1:20080 Connection refused\n")


def test_the_figures_of_streams_include_the_longest_gap() -> None:
    assert of_streams(STREAMS % (600, 0, 0, "")) == Load(600, 2.0, 200.5, 210.0, 9.5)


@pytest.mark.parametrize(
    ("good", "bad", "unfinished", "reason", "message"),
    [
        (10, 2, 0, "status 503", "2 of 12 streams were not whole: status 503"),
        (10, 0, 1, "", "1 of 11 streams were not whole: not at its end in time"),
        (0, 0, 0, "", "0 of 0 streams were not whole"),
    ],
)
def test_streams_that_are_not_whole_are_no_figures(
    good: int, bad: int, unfinished: int, reason: str, message: str
) -> None:
    with pytest.raises(Failed, match=message):
        of_streams(STREAMS % (good, bad, unfinished, reason))


def test_processor_time_is_read_behind_a_name_with_a_bracket_in_it() -> None:
    hundredths = cpu_of(STAT)
    assert hundredths.user == 5 * hundredths.system > 0
    assert parent_of(STAT) == 42


def test_processor_time_before_a_run_is_taken_off() -> None:
    assert Cpu(3.0, 2.0) - Cpu(1.0, 0.5) == Cpu(2.0, 1.5)


def test_a_process_tree_holds_children_of_children_and_no_other_process() -> None:
    assert descendants(1, {2: 1, 3: 2, 4: 3, 9: 8}) == [1, 2, 3, 4]


def test_the_median_stands_with_the_least_and_the_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_a_cell_is_the_median_of_its_repetitions_and_the_worst_gap() -> None:
    loads = [Load(1000, 1.0, 1.0, 2.0, 5.0), Load(3000, 1.0, 3.0, 4.0, 9.0), Load(2000, 1.0, 2.0, 3.0, 1.0)]
    cell = Cell.of([Sample(load, (load.requests / 10, 10.0), 50.0 + load.p50_ms, 2.0) for load in loads])
    assert cell.per_second == Spread(2000, 1000, 3000)
    assert cell.cpu_us == Spread(210, 110, 310)
    assert (cell.user_us, cell.system_us) == (200, 10)
    assert (cell.longest_gap_ms, cell.resident_mb, cell.upstream_requests) == (9.0, 53.0, 2.0)


def test_a_ratio_without_a_reference_is_none() -> None:
    assert ratio(3.0, 0.0) is None
    assert ratio(3.0, 2.0) == 1.5


def test_each_repetition_begins_with_another_proxy() -> None:
    assert [rotated("abc", number) for number in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_a_processor_is_named_by_its_model() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: Example 9000\n") == "Example 9000"
    assert cpu_model("") != ""
