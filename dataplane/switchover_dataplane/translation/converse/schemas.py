"""JSON schemas → what Claude takes where a schema binds the answer or the arguments of a strict tool.

Source: Claude docs, "Structured outputs", JSON schema limitations.
"""

from typing import Final

from switchover_dataplane.translation.json_schemas import Limited
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.neutral import Json

_KNOWN: Final = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "minItems", "enum", "const", "default"),
        *("anyOf", "allOf", "$ref", "$defs", "description", "title", "format"),
    )
)
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_MOST_OF_A_LIST: Final = 8
_LONGEST_NAME: Final = 64
_DEEPEST: Final = 64


def bound(schema: Json, path: str, losses: list[Loss]) -> Json:
    """Return a schema that Claude can be held to; the parts that it does not know are left out and named."""
    limited = Limited(_KNOWN, closes_objects=True, formats=_FORMATS)
    taken = limited.schema(schema)
    if limited.removed:
        names = ", ".join(name[:_LONGEST_NAME] for name in list(limited.removed)[:_MOST_OF_A_LIST])
        losses.append(hint(path, schema, f"Claude does not hold to parts of the schema: {names}"))
    return taken


def is_too_deep(schema: Json) -> bool:
    """Whether a schema is nested more deeply than any that a person wrote, so that it is not walked through."""
    level: list[Json] = [schema]
    for _ in range(2 * _DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
