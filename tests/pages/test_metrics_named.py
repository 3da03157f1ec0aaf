"""Every metric that a page names exists, and has the labels that the page's rules ask for."""

import re

import pytest
import yaml

from page_blocks import ROOT, blocks, pages
from reference.metrics import of_data_plane, of_operator

OURS = ("switchover_operator", "switchover_dataplane", "switchover_simulator", "switchover_bench")
"""What begins like a metric and is a package."""

LABELS = {each.name: {*each.labels} for each in (*of_data_plane(), *of_operator())}
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
NAMED = [
    (page, name)
    for page in pages()
    for name in sorted({*re.findall(r"\bswitchover_[a-z_]+", (ROOT / page).read_text())})
]
SELECTED = re.compile(r"\b(switchover_[a-z_]+)\{([^}]*)\}")


def base(name: str) -> str:
    return next((name.removesuffix(end) for end in OF_HISTOGRAMS if name.removesuffix(end) in LABELS), name)


@pytest.mark.parametrize(("page", "name"), [each for each in NAMED if each[1] not in OURS])
def test_a_metric_that_a_page_names_exists(page: str, name: str) -> None:
    assert base(name) in LABELS, page


@pytest.mark.parametrize("page", pages())
def test_a_selector_asks_for_labels_that_its_metric_has(page: str) -> None:
    unknown = [
        (name, label)
        for name, selector in SELECTED.findall((ROOT / page).read_text())
        for label in re.findall(r"(\w+) *[=!]", selector)
        if label not in LABELS[base(name)]
    ]
    assert unknown == []


def test_the_alerts_sum_by_labels_that_their_metrics_have() -> None:
    [rules] = [yaml.safe_load(block.text) for block in blocks("docs/how-to/alert.md") if block.file == "alerts.yaml"]
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(expressions) >= 5
    for part in (part for each in expressions for part in re.split(r"(?=\b(?:sum|max) by)", each)):
        by = re.search(r"by \(([\w, ]+)\)", part)
        for name in re.findall(r"\bswitchover_[a-z_]+", part):
            assert by is None or {*by[1].split(", ")} <= LABELS[base(name)], part
