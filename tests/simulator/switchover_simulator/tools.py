"""The tools that a request offers → a call of the first one, with arguments that its schema asks for."""

from collections.abc import Iterator
from typing import Any, Final

from switchover_simulator.events import Call
from switchover_simulator.request import Request

_SAMPLES: Final[dict[str, Any]] = {
    "string": "simulated",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "null": None,
}
_SCHEMAS: Final = ("parameters", "input_schema", "parametersJsonSchema")


def first_call(request: Request) -> Call | None:
    """Call the first function that the request offers; None without one."""
    return next((Call(name=name, arguments=_sample(schema)) for name, schema in _functions(request)), None)


def _functions(request: Request) -> Iterator[tuple[str, Any]]:
    body = request.json
    tools = body.get("tools") if isinstance(body, dict) else None
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            yield from _declared(tool)


def _declared(tool: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Read one tool: bare at Messages and Responses, wrapped at Chat Completions, several at generateContent."""
    declarations = tool.get("functionDeclarations")
    for each in declarations if isinstance(declarations, list) else (tool.get("function", tool),):
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"], next((each[key] for key in _SCHEMAS if key in each), {})


def _sample(schema: Any) -> Any:
    """Make a value of a schema: its first choice, each property that it requires, else a plain one of its type."""
    if not isinstance(schema, dict):
        return {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if not isinstance(kind, str) or kind.lower() != "object":
        return _SAMPLES.get(kind.lower() if isinstance(kind, str) else "string", "simulated")
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {name: _sample(properties[name]) for name in required if isinstance(name, str) and name in properties}
