"""Kubernetes objects as stored → frozen models: every kind that Switchover reads, and nothing but validation.

`KINDS` says what is read, `parse` makes a model of a raw body or says what is wrong with it, `unknown_fields` and
`unsupported_fields` name what an object says that has no effect. What an object *means* is the compiler's matter.
"""

from .fields import suggestions, unknown_fields, unsupported_fields
from .kinds import KINDS, group_version, versions
from .parse import Invalid, Problem, parse, parse_as
from .resource import Resource

__all__ = [
    "KINDS",
    "Invalid",
    "Problem",
    "Resource",
    "group_version",
    "parse",
    "parse_as",
    "suggestions",
    "unknown_fields",
    "unsupported_fields",
    "versions",
]
