"""A table → what `run` says first: which requests go to which models, in their order."""

from collections.abc import Iterator, Mapping
from typing import Final

from switchover_dataplane.table.access import Closed
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Http, Target
from switchover_operator.announce import Served
from switchover_operator.compiler.providers import kind_of, model_of
from switchover_operator.key_shapes import without_keys
from switchover_operator.standalone.check_plan import Plan

MOST_ROUTES: Final = 20
"""Routes that are named; of more, how many others there are."""


def served_routes(table: Table) -> Served:
    """Say which requests go to which models."""
    found = routes(table)
    return Served({"routes": found}, tuple(shown(found)))


def routes(table: Table) -> dict[str, list[str]]:
    """Give the routes of a table by name, each with a line for each rule: requests, and models in their order."""
    plan = Plan.of(table)
    found: dict[str, list[str]] = {}
    for name, rules in sorted(plan.rules.items()):
        for key, rule in rules:
            requests = " or ".join(dict.fromkeys(plan.requests.get(key, ())))
            if requests:
                found.setdefault(name, []).append(without_keys(f"{requests} -> {_answer(table, rule)}"))
    return found


def shown(found: Mapping[str, list[str]]) -> Iterator[str]:
    """Write routes for a person, a line for each rule."""
    for name, rules in list(found.items())[:MOST_ROUTES]:
        yield from (f"{name}: {rule}" for rule in rules)
    others = len(found) - MOST_ROUTES
    if others > 0:
        yield f"and {others} more route{'' if others == 1 else 's'}: see `switchover check`"


def _answer(table: Table, rule: Rule) -> str:
    if isinstance(table.access.get(rule.access), Closed):
        return "answered 403, see `switchover check`"
    if rule.filters.redirect is not None:
        return f"redirected with status {rule.filters.redirect.status}"
    backends = []
    for backend in rule.backends:
        pools = table.upstreams[backend.upstream].priorities if backend.upstream else ()
        in_order = ", then ".join(" or ".join(map(_label, pool)) for pool in pools if pool)
        backends.append(in_order or "an error, see `switchover check`")
    return " | ".join(backends) or "answered 500, see `switchover check`"


def _label(target: Target) -> str:
    """Name a target as the log does: `openai/gpt-4o`."""
    if isinstance(target.provider, Http):
        return f"{target.host}:{target.port}"
    return f"{kind_of(target.provider)}/{model_of(target.provider) or 'MODEL'}"
