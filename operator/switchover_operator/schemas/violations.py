"""An object as it stands in a file → everything for which an API server would refuse it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from switchover_operator.resources.core import EndpointSlice, Namespace, Secret, Service
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, Gateway, HTTPRoute
from switchover_operator.resources.problem import Problem

from .gateway_rules import add_gateway_rules
from .kubernetes_rules import add_namespace_rules, add_service_rules, add_slice_rules
from .names import metadata_problems
from .official import Official, metadata_validator, object_meta, official
from .places import Place, list_map_rules
from .route_rules import add_route_rules
from .secret_rules import add_secret_rules
from .wording import problem

_RULES = {
    (GATEWAY_GROUP, HTTPRoute.KIND): add_route_rules,
    (GATEWAY_GROUP, Gateway.KIND): add_gateway_rules,
    (Service.GROUP, Service.KIND): add_service_rules,
    (EndpointSlice.GROUP, EndpointSlice.KIND): add_slice_rules,
    (Secret.GROUP, Secret.KIND): add_secret_rules,
    (Namespace.GROUP, Namespace.KIND): add_namespace_rules,
}


_OF_TYPES = frozenset({"type", "oneOf", "anyOf"})


def violations(group: str, kind: str, body: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what an API server would refuse in an object, the most basic first; () for one that it takes.

    Of a kind without an official schema, only the metadata are checked: its CRD is ours, and its model says the same.
    An unknown field is no violation.
    """
    # Null is rare, and a copy of every object takes longer than all checks.
    given = _without_nulls(body) if _has_null(body) else body
    known = official(group, kind)
    errors = _of_schema(known, given)
    found = [*(each for _, each in errors), *metadata_problems(kind, given.get("metadata", {}))]
    if known is not None:
        mistyped = [each.path for keyword, each in errors if keyword in _OF_TYPES]
        found += _places(group, kind).problems(given, mistyped=mistyped)
    # One place may break several rules of the API server that say the same.
    return tuple({each.path: each for each in reversed(found)}.values())[::-1] if found else ()


def _of_schema(known: Official | None, given: Mapping[str, Any]) -> list[tuple[str, Problem]]:
    """Return each keyword of the schema that is broken, with the problem."""
    if known is not None:
        if known.validator.is_valid(given):
            return []
        return [(str(each.schema_path[-1]), problem(each, known.schema)) for each in known.validator.iter_errors(given)]
    metadata = given.get("metadata")
    if metadata_validator().is_valid(metadata):
        return []
    errors = [
        (str(each.schema_path[-1]), problem(each, object_meta())) for each in metadata_validator().iter_errors(metadata)
    ]
    return [(keyword, Problem(f"metadata.{below.path}", below.value, below.message)) for keyword, below in errors]


@cache
def _places(group: str, kind: str) -> Place:
    place = Place()
    known = official(group, kind)
    if known is not None:
        list_map_rules(known.schema, place)
    add_rules = _RULES.get((group, kind))
    if add_rules is not None:
        add_rules(place)
    return place


def _has_null(body: Mapping[str, Any]) -> bool:
    """Tell whether null may stand somewhere in a body: its text is searched, which is faster than a walk."""
    try:
        return b"null" in msgspec.json.encode(body)
    except (OverflowError, RecursionError):  # an integer of more than 64 bits, a body that is too deep
        return True


def _without_nulls(value: Any) -> Any:
    """Leave out fields that are null, as the API server does; an entry of a list stays."""
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value
