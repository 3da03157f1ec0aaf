"""An object and its conditions → the report that every object has."""

from typing import Any

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.resolve import Object
from switchover_operator.resources import Resource


def report_on(found: Object[Resource], *own: Condition, **more: Any) -> Report:
    """Make the report that every object has; `more` are further fields of it, or others instead."""
    fields = {"notes": found.notes, **more}
    return Report(found.identity, found.source, found.generation, conditions.merged(own), **fields)
