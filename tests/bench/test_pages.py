"""Cells as a Markdown table, as JSON and as a chart."""

import json
import xml.etree.ElementTree as ET

from switchover_bench import chart, report
from switchover_bench.cells import Sample
from switchover_bench.load import Load
from switchover_bench.proxies import ALWAYS
from switchover_bench.scenarios import SCENARIOS, SUCCESS
from switchover_bench.summary import Cell, Key

FACTS = {"cpu": "Example 9000", "cores": "2"}


def cell(per_second: int, *cpu_us: float) -> Cell:
    return Cell.of([Sample(Load(per_second, 1.0, 1.25, 6.5), (cpu_us[0], cpu_us[1]), 70.4, 1.0)])


CELLS = {
    Key("direct", "success", 16): cell(150_000, 0.0, 0.0),
    Key("envoy", "success", 16): cell(10_000, 70.0, 10.0),
    Key("switchover", "success", 16): cell(5_000, 150.0, 10.0),
    Key("nginx", "success", 16): Cell.without_figures("errors of 10 requests: 2 status"),
}


def row(title: str) -> str:
    [found] = [line for line in report.rows(CELLS, SUCCESS, ALWAYS) if title in line]
    return found


def test_a_row_has_the_ratio_to_envoy_beside_each_figure() -> None:
    expected = "| **Switchover** | 16 | 5,000 (5,000-5,000) | 0.50 | 160 (150 + 10) | 2.00 | 1.25 | 6.50 | 1.00 | 70 |"
    assert row("Switchover") == expected


def test_a_row_without_a_proxy_has_no_processor_time() -> None:
    expected = "| direct to the target | 16 | 150,000 (150,000-150,000) | 15.00 |  |  | 1.25 | 6.50 | 1.00 | 70 |"
    assert row("direct") == expected


def test_a_cell_with_errors_shows_the_reason_and_no_figure() -> None:
    assert row("nginx") == "| nginx | 16 | no figure: errors of 10 requests: 2 status |  |  |  |  |  |  |  |"


def test_every_row_has_as_many_columns_as_the_head() -> None:
    assert len({line.count("|") for line in report.rows(CELLS, SUCCESS, ALWAYS)}) == 1


def test_without_envoy_there_is_no_ratio() -> None:
    without = {key: value for key, value in CELLS.items() if key.proxy != "envoy"}
    [line] = [line for line in report.rows(without, SUCCESS, ALWAYS) if "Switchover" in line]
    assert "| 5,000 (5,000-5,000) |  | 160 (150 + 10) |  |" in line


def test_the_page_names_its_command_and_its_machine() -> None:
    page = report.page(CELLS, [SUCCESS], ALWAYS, FACTS, "make bench ONLY=success")
    assert "`make bench ONLY=success`" in page
    assert "- cpu: Example 9000" in page


def test_the_json_has_each_cell_with_its_reason() -> None:
    found = json.loads(report.as_json(CELLS, FACTS, "make bench"))
    reasons = {each["proxy"]: each["reason"] for each in found["cells"]}
    assert reasons == {"direct": "", "envoy": "", "switchover": "", "nginx": "errors of 10 requests: 2 status"}


def test_the_chart_has_a_bar_for_each_proxy_with_figures_and_a_word_for_the_others() -> None:
    drawn = ET.fromstring(chart.draw(CELLS, SCENARIOS, ALWAYS))
    space = "{http://www.w3.org/2000/svg}"
    widths = [int(bar.attrib["width"]) for bar in drawn.iter(f"{space}rect")]
    texts = [text.text for text in drawn.iter(f"{space}text")]
    assert widths == [190, 380]
    assert "no figure: requests failed" in texts
    assert "160 µs, 5,000/s" in texts
