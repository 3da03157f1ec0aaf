"""The aims beside Envoy: what passes, and what does not."""

import dataclasses

from switchover_bench import aims
from switchover_bench.cells import Sample
from switchover_bench.load import Load
from switchover_bench.summary import Cell, Key


def cell(per_second: int = 1000, cpu_us: float = 100.0, p50_ms: float = 1.0, p99_ms: float = 2.0) -> Cell:
    return Cell.of([Sample(Load(per_second, 1.0, p50_ms, p99_ms), (cpu_us, 0.0))])


def verdicts(**cells: Cell) -> dict[str, tuple[str, str]]:
    """Figure and verdict by the first words of the aim; keys are PROXY_SCENARIO_CONNECTIONS."""
    named = {Key(*_parts(name)): each for name, each in cells.items()}
    return {what.split(",")[0]: (figure, verdict) for what, figure, _, verdict in aims.rows(named)}


def _parts(name: str) -> tuple[str, str, int]:
    proxy, scenario, connections = name.split("_")
    return proxy, scenario, int(connections)


def test_throughput_passes_from_its_bound_on() -> None:
    found = verdicts(
        switchover_success_16=cell(1000),
        envoy_success_16=cell(1000),
        switchover_failover_16=cell(2999),
        envoy_failover_16=cell(1000),
    )
    assert list(found.values()) == [("1.00 x Envoy", "PASS"), ("3.00 x Envoy", "FAIL")]


def test_cpu_and_latency_of_streams_pass_up_to_their_bound() -> None:
    found = verdicts(
        switchover_streams_64=cell(cpu_us=120.0),
        envoy_streams_64=cell(cpu_us=100.0),
        switchover_streams_256=cell(p99_ms=2.5),
        envoy_streams_256=cell(p99_ms=2.0),
    )
    assert list(found.values()) == [("1.20 x Envoy", "PASS"), ("1.25 x Envoy", "FAIL")]


def test_the_added_median_is_taken_from_the_target_itself() -> None:
    found = verdicts(switchover_success_1=cell(p50_ms=0.25), direct_success_1=cell(p50_ms=0.05))
    assert list(found.values()) == [("0.20 ms", "FAIL")]


def test_a_translated_request_is_compared_with_a_native_one_of_the_same_run() -> None:
    found = verdicts(
        switchover_success_16=cell(1000, cpu_us=100.0),
        envoy_success_16=cell(1000),
        switchover_translated_16=cell(cpu_us=150.0),
    )
    assert list(found.values()) == [("1.00 x Envoy", "PASS"), ("1.50 x native", "PASS")]
    assert list(verdicts(switchover_translated_16=cell()).values()) == [("no figure", "FAIL")]


def test_an_aim_without_a_figure_of_both_fails() -> None:
    broken = dataclasses.replace(cell(), reason="errors of 10 requests: 1 status")
    assert list(verdicts(switchover_success_16=cell()).values()) == [("no figure", "FAIL")]
    assert list(verdicts(switchover_success_16=broken, envoy_success_16=cell()).values()) == [("no figure", "FAIL")]


def test_what_was_not_asked_for_is_no_aim() -> None:
    assert verdicts(envoy_success_16=cell()) == {}
