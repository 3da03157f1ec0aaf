"""The CustomResourceDefinitions → docs/reference/objects.md: each served field with type, default and meaning."""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import BaseModel

from fields_page import served_paths
from reference.tables import code, table
from switchover_operator.crds.crd import render
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream

_INTRODUCTION = """# Fields of the objects

Made from the CustomResourceDefinitions: every field that takes effect, with its type, its default and its meaning.
`kubectl explain failoverpolicy.spec` says the same in a cluster. Where a default is empty, the field is not set by
default, and its meaning says what holds then. [Fields](../fields.md) lists the fields that are read and have no effect.
A field marked 403 is an access control that is not served: while it is set, its requests are answered 403.

HTTPRoute, Gateway and the other kinds of Gateway API have
[their own reference](https://gateway-api.sigs.k8s.io/reference/spec/).

"""
_KINDS: Final[tuple[type[BaseModel], ...]] = (FailoverPolicy, Upstream, RouteOption, AuthConfig)
_POOL: Final = "spec.ai.multi.priorities[].pool[]."
_DEFAULT: Final = re.compile(r"\s*Default: (.*?)(?:\.(?=\s|$)|$)")
_ANNOTATIONS: Final = (
    (
        "`switchover.dev/disabled`",
        "Upstream",
        "[takes it out of rotation](../how-to/drain-a-model.md), for the reason that is its value",
    ),
    (
        "`switchover.dev/open`",
        "Gateway, HTTPRoute",
        '`"true"` says that [access without a key](../access.md#open-access-on-purpose) is meant',
    ),
    (
        "`switchover.dev/service-type`",
        "Gateway, in `spec.infrastructure`",
        "the type of [its Service](../operations.md#addresses)",
    ),
)


def page() -> str:
    """Write the page."""
    documents = map(yaml.safe_load, render().values())
    definitions = {each["spec"]["names"]["kind"]: each for each in documents}
    sections = [_section(kind, definitions[kind.__name__]) for kind in _KINDS]
    annotations = table(("annotation", "on", "meaning"), _ANNOTATIONS)
    return _INTRODUCTION + "\n".join([*sections, f"## Annotations\n\n{annotations}"])


def _section(kind: type[BaseModel], definition: dict[str, Any]) -> str:
    [version] = definition["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    fields = dict(_fields(spec, "spec."))
    rows = [_row(path, fields[path], mark) for path, mark in served_paths(kind) if not path.startswith(_POOL)]
    group, short = definition["spec"]["group"], ", ".join(map(code, definition["spec"]["names"].get("shortNames", [])))
    names = f"`{group}/{version['name']}`{f', {short}' if short else ''}. {spec.get('description', '')}".strip()
    pool = f"\nEach entry of `{_POOL.removesuffix('.')}` has the fields of one provider, as `spec.ai` has them.\n"
    return (
        f"## {kind.__name__}\n\n{names}\n\n{table(('field', 'type', 'default', 'meaning'), rows)}"
        f"{pool if kind is Upstream else ''}"
    )


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield path + name, field
        yield from _fields(field, f"{path}{name}.")
        yield from _fields(field.get("items", {}), f"{path}{name}[].")


def _row(path: str, field: dict[str, Any], mark: str) -> tuple[str, ...]:
    meaning = field.get("description", "") or field.get("items", {}).get("description", "")
    default = _DEFAULT.search(meaning)
    rest = _DEFAULT.sub("", meaning, count=1).strip() if default else meaning
    return code(path) + mark, _type(field), default[1] if default else "", rest


def _type(field: dict[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "number or text"
    if choices := [each for each in field.get("enum", ()) if each is not None]:
        return "one of " + ", ".join(code(str(each)) for each in choices)
    match field.get("type"):
        case "array":
            return f"list of {_type(field['items'])}"
        case "object":
            values = field.get("additionalProperties")
            return f"mapping to {_type(values)}" if isinstance(values, dict) else "object"
        case "integer" | "number" as kind:
            return f"{kind}{_range(field)}"
        case "boolean":
            return "true or false"
        case _:
            return "duration" if "duration such as" in str(field.get("x-kubernetes-validations")) else "text"


def _range(field: dict[str, Any]) -> str:
    least, most = field.get("minimum"), field.get("maximum")
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    return f", at least {least:,}" if least is not None else ""
