"""One object and its faults → what of it is served, where the faults lie in some of its parts only."""

from collections.abc import Iterable
from dataclasses import replace

from switchover_operator.compiler.faults import Fault
from switchover_operator.compiler.route_faults import without_rules
from switchover_operator.compiler.upstream_faults import without_targets
from switchover_operator.resources import Resource, lone_entries, without_entries
from switchover_operator.resources.gateway_api import HTTPRoute
from switchover_operator.resources.upstream import Upstream


def in_their_parts(model: Resource, faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Let each fault whose path lies in an entry that falls out alone take that entry out, whoever found it."""
    entries = [path for path, _ in lone_entries(model)]
    return tuple(fault if fault.takes_out else replace(fault, takes_out=_entry(fault, entries)) for fault in faults)


def _entry(fault: Fault, entries: list[str]) -> str:
    path = fault.text.partition(": ")[0]
    return next((entry for entry in entries if path == entry or path.startswith((f"{entry}.", f"{entry}["))), "")


def without(model: Resource, faults: Iterable[Fault]) -> Resource | None:
    """Return an object without the parts that have faults; None if a fault is one of the whole, or no part is left."""
    out = {fault.takes_out for fault in faults}
    if "" in out:
        return None
    match model:
        case Upstream():
            return without_targets(model, out)
        case HTTPRoute():
            return without_rules(model, out)
        case _:
            stays = any(path not in out for path, _ in lone_entries(model))
            return without_entries(model, out) if stays else None
