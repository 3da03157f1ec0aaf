"""The spellings that Google's APIs take for one body → one.

Names may be in snake_case, and a list of one may be given without its brackets (protocol buffers' JSON mapping; Gemini
API reference and Vertex AI docs show both).
"""

import re
from collections.abc import Mapping
from typing import Final

from switchover_dataplane.translation.neutral import Json

_SNAKE: Final = re.compile(r"_([a-z0-9])")
_OPAQUE: Final = frozenset(
    (
        *("args", "response", "labels", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"),
        *("_responseJsonSchema", "data", "text"),
    )
)
"""Fields whose values are the client's own."""

_LISTS: Final = frozenset(
    ("contents", "parts", "tools", "functionDeclarations", "safetySettings", "stopSequences", "allowedFunctionNames")
)


def camel(name: str) -> str:
    """Return a name in the spelling of the API reference."""
    return name[:1] + _SNAKE.sub(lambda found: found[1].upper(), name[1:])


def one_spelling(body: Mapping[str, Json]) -> dict[str, Json]:
    """Return a body with the names and lists of the API reference; the client's own values stay as they are."""
    return {name: _value(name, value) for name, value in ((camel(name), value) for name, value in body.items())}


def _value(name: str, value: Json) -> Json:
    if name in _OPAQUE:
        return value
    if name in _LISTS and value is not None and not isinstance(value, list):
        value = [value]
    return _deep(value)


def _deep(value: Json) -> Json:
    if isinstance(value, dict):
        return one_spelling(value)
    return [_deep(each) for each in value] if isinstance(value, list) else value
