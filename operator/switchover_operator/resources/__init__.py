"""Kubernetes objects as stored → frozen models: every kind that Switchover reads. Validation only.

`KINDS` lists the kinds. `parse` turns a raw body into a model, or reports its problems. `unsupported_fields` names the
known fields of an object that have no effect. Semantics are the compiler's task.
"""

from .fields import sets_served_fields_only, unsupported_fields
from .kinds import KINDS
from .parse import Invalid, lone_entries, parse, parse_as, without_entries
from .problem import Problem
from .resource import Resource

__all__ = [
    "KINDS",
    "Invalid",
    "Problem",
    "Resource",
    "lone_entries",
    "parse",
    "parse_as",
    "sets_served_fields_only",
    "unsupported_fields",
    "without_entries",
]
