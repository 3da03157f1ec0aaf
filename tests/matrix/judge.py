"""What the official SDKs and the documentation of providers say against a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Judge by the SDK's type of a request; a field that it does not have is a fault at any depth."""
    return TypeAdapter(list[kind], config=ConfigDict(extra="forbid"))


def faults_by_type(judge: TypeAdapter[Any], body: object) -> list[str]:
    """Say what is not as the type has it."""
    try:
        _exhaust(judge.validate_python([body]))
    except ValidationError as wrong:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors()[:4]]
    return []


def _exhaust(value: object) -> None:
    """Judge what pydantic leaves for later: the elements of an `Iterable`."""
    if isinstance(value, Mapping):
        for each in value.values():
            _exhaust(each)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for each in value:
            _exhaust(each)


def objects(schema: object) -> Iterator[dict[str, Any]]:
    """Yield every schema within a schema that is one of objects."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" or "properties" in schema:
            yield schema
        for each in schema.values():
            yield from objects(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from objects(each)


def words_of(schema: object) -> Iterator[str]:
    """Yield every keyword of a schema; names of properties are none."""
    if isinstance(schema, dict):
        for name, each in schema.items():
            yield name
            if name in {"properties", "$defs"}:
                for one in each.values():
                    yield from words_of(one)
            else:
                yield from words_of(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from words_of(each)


def unclosed(schema: object) -> list[str]:
    """Say which objects of a strict schema allow more than they name."""
    return ["a strict object without additionalProperties false" for each in objects(schema) if _is_open(each)]


def _is_open(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties") is not False


def optional(schema: object) -> list[str]:
    """Say which properties of a strict schema are not required."""
    return [
        f"a strict object whose property {name} is not required"
        for each in objects(schema)
        for name in each.get("properties", {})
        if name not in each.get("required", ())
    ]
