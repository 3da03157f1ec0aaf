"""The fields of an object that have no effect: unknown ones, with the nearest known name, and ones that are not read.

What is known is the official schema together with our model, which also has fields of the experimental channel. Fields
of core kinds that are not read are the business of Kubernetes, but for a few whose effect a user would expect here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from switchover_operator.key_shapes import without_keys
from switchover_operator.resources.core import Service
from switchover_operator.resources.gateway_api import GATEWAY_GROUP
from switchover_operator.resources.model import NoEffect, OpenPart, field_names, unwrapped
from switchover_operator.resources.resource import Resource

from .official import object_meta, official

_UNKNOWN: Final = " (unknown"
_ENVELOPE: Final = frozenset({"apiVersion", "kind", "status"})
_EXPECTED: Final = {
    Service.KIND: {
        "spec.sessionAffinity": "None",
        "spec.internalTrafficPolicy": "Cluster",
        "spec.trafficDistribution": None,
        "spec.publishNotReadyAddresses": False,
    }
}
"""Fields of core kinds that steer traffic and are not read, with the value that asks for nothing."""


@dataclass(slots=True)
class _Known:
    """What is known of a place. `fields` is None where anything may stand; `entries` are those of a list."""

    read: bool
    fields: "dict[str, _Known] | None" = None
    entries: "_Known | None" = None
    default: Any = None
    why: str = ""


def without_effect(model: type[Resource], body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of a valid body's fields that have no effect, each with the reason: unknown ones come first."""
    return _ordered(_found(_known_of(model), body, ""))


def unknown_fields(model: type[Resource], body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the unknown fields alone, as `without_effect` does, of a body that need not be valid."""
    return tuple(filter(is_unknown, without_effect(model, body)))


def is_unknown(text: str) -> bool:
    """Tell a field that is unknown from one that is known and has no effect."""
    return _UNKNOWN in text


def unknown_metadata(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the unknown fields of `metadata` alone, for kinds whose other fields are looked at elsewhere."""
    known = _metadata()
    if known.fields is not None and metadata.keys() <= known.fields.keys():
        return ()
    return _ordered(_found(known, metadata, "metadata."))


def _ordered(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(without_keys, found), key=lambda text: (_UNKNOWN not in text, text)))


def _found(known: _Known, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, given in value.items() if known.fields is not None else ():
        below = known.fields.get(name) if known.fields is not None else None
        if below is None:
            near = get_close_matches(name, list(known.fields or ()), n=1)
            yield f"{path}{name}{_UNKNOWN}; did you mean {near[0]}?)" if near else f"{path}{name}{_UNKNOWN})"
            continue
        if given is None:
            continue
        if not below.read and given not in (below.default, {}, []):
            yield f"{path}{name} ({below.why})" if below.why else f"{path}{name}"
        if isinstance(given, Mapping):
            yield from _found(below, given, f"{path}{name}.")
        elif isinstance(given, list) and below.entries is not None and below.entries.fields is not None:
            for index, entry in enumerate(given):
                if isinstance(entry, Mapping):
                    yield from _found(below.entries, entry, f"{path}{name}[{index}].")


# ── What is known ───────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _known_of(model: type[Resource]) -> _Known:
    ours = model.GROUP == GATEWAY_GROUP
    schema = official(model.GROUP, model.KIND)
    known = _known(model, schema.schema if schema else {}, read=True, all_read=not ours)
    fields = known.fields or {}
    fields["metadata"] = _metadata()
    for name in _ENVELOPE:
        fields[name] = _Known(read=True)
    for path, default in _EXPECTED.get(model.KIND, {}).items() if not ours else ():
        *parents, name = path.split(".")
        here = fields
        for parent in parents:
            here = here[parent].fields or {}
        here[name] = _Known(read=False, default=default)
    return known


@cache
def _metadata() -> _Known:
    return _known(None, object_meta(), read=True, all_read=True)


def _known(annotation: Any, schema: Mapping[str, Any], *, read: bool, all_read: bool) -> _Known:
    """Put together what a model's type and the schema know of one place; `all_read`: what the schema knows is read."""
    kind, _ = unwrapped(annotation) if annotation is not None else (None, ())
    default = schema.get("default")
    if get_origin(kind) is tuple or schema.get("type") == "array":
        entry = get_args(kind)[0] if get_origin(kind) is tuple else None
        entries = _known(entry, schema.get("items", {}), read=read, all_read=all_read)
        return _Known(read, None, entries, default)
    names = field_names(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    properties: Mapping[str, Any] = schema.get("properties", {})
    # What our model takes as it is, it takes whole.
    all_read = all_read or (annotation is not None and not names)
    if not names and not properties:
        nothing = isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not OpenPart
        return _Known(read, {} if nothing else None, None, default)
    fields: dict[str, _Known] = {}
    for name in {**names, **properties}:
        below, here, why = None, all_read, ""
        if name in names and kind is not None:
            described = kind.model_fields[names[name]]
            below = described.annotation
            marks = [each for each in (*described.metadata, *unwrapped(below)[1]) if isinstance(each, NoEffect)]
            here, why = not marks, "".join(mark.why for mark in marks)
        # Below a field that is not read, nothing is named again.
        fields[name] = _known(below, properties.get(name, {}), read=here or not read, all_read=all_read or not here)
        fields[name].why = why
    return _Known(read, fields, None, default)
