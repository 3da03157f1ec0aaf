"""The official schema of a kind → a validator of it, and the places in it that need more than JSON Schema."""

import json
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs

from switchover_operator.resources.core import EndpointSlice, Namespace, Secret, Service
from switchover_operator.resources.gateway_api import GATEWAY_GROUP

_CORE: Final = {model.GROUP for model in (Service, EndpointSlice, Secret, Namespace)}
_INT32: Final = (-(2**31), 2**31 - 1)
_EMPTY_IS_UNSET: Final = ("spec.type", "spec.sessionAffinity", "spec.externalTrafficPolicy", "spec.ports[].protocol")
"""Fields of a Service that may be empty, as Go's zero value is that of a field which is not set."""
_NEEDS_NOTHING: Final = ("endpoints[].hints.forNodes[]", "endpoints[].hints.forZones[]")
"""Objects of an EndpointSlice of which the schema says that a field is required, and no API server asks for it."""


@dataclass(frozen=True, slots=True)
class Official:
    """A kind as the API server knows it. `schema` is that of the published data, with what its formats mean."""

    source: str
    schema: dict[str, Any]
    validator: jsonschema_rs.Draft202012Validator


@cache
def official(group: str, kind: str) -> Official | None:
    """Return the schema of a kind; None for one that is not Kubernetes' or Gateway API's."""
    name, title = ("gateway-api", "Gateway API") if group == GATEWAY_GROUP else ("kubernetes", "Kubernetes")
    if group != GATEWAY_GROUP and group not in _CORE:
        return None
    data = _data(name)
    schema = data["kinds"].get(kind)
    if schema is None:
        return None
    meant = _as_meant(schema)
    if group == GATEWAY_GROUP:
        _with_unique_entries(meant)
    for path in _EMPTY_IS_UNSET if kind == Service.KIND else ():
        _at(meant, path)["enum"].append("")
    if kind == Service.KIND:
        # The schema lists the empty text, and the API server does not take it.
        _at(meant, "spec.ipFamilies[]")["enum"].remove("")
    for path in _NEEDS_NOTHING if kind == EndpointSlice.KIND else ():
        del _at(meant, path)["required"]
    # The API server knows the fields of metadata itself; a CRD says of it that it is an object.
    if not meant["properties"]["metadata"].get("properties"):
        meant["properties"]["metadata"] = object_meta()
    return Official(
        f"{title} {data['version']}", meant, jsonschema_rs.Draft202012Validator(meant, validate_formats=False)
    )


@cache
def official_kinds() -> frozenset[str]:
    """Return the kinds of Gateway API's standard channel, read here or not."""
    return frozenset(_data("gateway-api")["kinds"])


@cache
def object_meta() -> dict[str, Any]:
    """Return the schema of `metadata`, which is the same for every kind."""
    schema: dict[str, Any] = _as_meant(_data("kubernetes")["kinds"]["Namespace"])["properties"]["metadata"]
    return schema


@cache
def metadata_validator() -> jsonschema_rs.Draft202012Validator:
    """Return a validator of `metadata` alone, for kinds that have no official schema."""
    return jsonschema_rs.Draft202012Validator(object_meta(), validate_formats=False)


@cache
def _data(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text())
    return data


def _as_meant(schema: Any) -> Any:
    """Write as JSON Schema what Kubernetes says in its own words: int32, and places where anything may stand."""
    if isinstance(schema, list):
        return [_as_meant(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    meant = {name: _as_meant(below) for name, below in schema.items() if name not in {"default", "enum", "required"}}
    meant |= {name: copy(schema[name]) for name in ("default", "enum", "required") if name in schema}
    if schema.get("format") == "int32":
        meant["minimum"] = max(schema.get("minimum", _INT32[0]), _INT32[0])
        meant["maximum"] = min(schema.get("maximum", _INT32[1]), _INT32[1])
    if not all("type" in each for each in schema.get("oneOf", ())):
        # No sentence says which alternative was meant: such a choice is a rule with words of its own.
        del meant["oneOf"]
    return meant


def _with_unique_entries(schema: Any) -> None:
    """Say of every set that no entry may stand in it twice. Of its own kinds the API server does not check that."""
    if isinstance(schema, dict):
        if schema.get("x-kubernetes-list-type") == "set":
            schema["uniqueItems"] = True
        for below in (*schema.get("properties", {}).values(), schema.get("items")):
            _with_unique_entries(below)


def _at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Find the schema of a path such as `spec.ports[].protocol`."""
    here = schema
    for step in path.split("."):
        here = here["properties"][step.removesuffix("[]")]
        here = here["items"] if step.endswith("[]") else here
    return here
