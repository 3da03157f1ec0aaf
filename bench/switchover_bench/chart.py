"""Cells → one SVG: the processor time of a request in each proxy, a panel for each scenario."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from switchover_bench.proxies.proxy import Proxy
from switchover_bench.scenarios import Scenario
from switchover_bench.summary import Cell, Key

_WIDTH: Final = 760
_NAMES: Final = 120
_BARS: Final = 380
_ROW: Final = 26
_PANEL_HEAD: Final = 40
_STYLE: Final = (
    "<style>text { fill: #57606a } .own { fill: #0b6e4f } .other { fill: #8a94a0 } "
    "@media (prefers-color-scheme: dark) "
    "{ text { fill: #b1bac4 } .own { fill: #3fb98a } .other { fill: #6e7781 } }</style>"
)


def draw(cells: Mapping[Key, Cell], scenarios: Sequence[Scenario], proxies: Sequence[Proxy]) -> str:
    """The chart, with the number of connections that a quick run has; cells without figures say why."""
    parts: list[str] = []
    top = 10
    for scenario in scenarios:
        rows = [
            (proxy, cell)
            for proxy in proxies
            if proxy.launch and (cell := cells.get(Key(proxy.name, scenario.name, scenario.quick)))
        ]
        if rows:
            parts += _panel(scenario, rows, top)
            top += _PANEL_HEAD + _ROW * len(rows)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 10}" width="{_WIDTH}" '
        f'height="{top + 10}" role="img" font-family="sans-serif" font-size="13">'
    )
    title = "<title>Processor time of one request in each proxy; a shorter bar is better</title>"
    return "\n".join([head, title, _STYLE, *parts, "</svg>"]) + "\n"


def _panel(scenario: Scenario, rows: Sequence[tuple[Proxy, Cell]], top: int) -> list[str]:
    longest = max(cell.cpu_us.median for _, cell in rows) or 1.0
    what = "stream" if scenario.stream else "request"
    title = f"{scenario.name}: µs of CPU per {what} at {scenario.quick} connections, less is better"
    lines = [_text(0, top + 24, title, ' font-weight="bold"')]
    for number, (proxy, cell) in enumerate(rows):
        y = top + _PANEL_HEAD + _ROW * number
        width = max(1, round(_BARS * cell.cpu_us.median / longest))
        kind = "own" if proxy.name == "switchover" else "other"
        lines.append(_text(0, y + 14, proxy.title))
        if cell.reason:
            lines.append(_text(_NAMES, y + 14, "no figure: requests failed"))
            continue
        lines.append(f'<rect x="{_NAMES}" y="{y}" width="{width}" height="18" class="{kind}"/>')
        figures = f"{cell.cpu_us.median:,.0f} µs, {cell.per_second.median:,.0f}/s"
        lines.append(_text(_NAMES + width + 8, y + 14, figures))
    return lines


def _text(x: int, y: int, text: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}"{more}>{escape(text)}</text>'
