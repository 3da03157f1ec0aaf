"""A field that nobody knows, anywhere in any object, is named with its path, and changes nothing of what is served."""

import copy
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from switchover_dataplane.table.wire import encode
from switchover_operator import schemas
from switchover_operator.compiler.access_controls import resembles
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import CONTROLLER_NAME, Standalone
from switchover_operator.findings import findings
from switchover_operator.identity import Body, Identity
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources import KINDS
from switchover_operator.resources.gateway_options import GatewayOptions
from switchover_operator.resources.model import field_names
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document

ROOT = Path(__file__).parents[3]

ANY_KEY = re.compile(
    r"metadata\.(labels|annotations)"
    r"|status|data|stringData|spec\.selector"
    r"|.*\.(matchLabels|labelSelector|headersFromMetadata|headersFromMetadataEntry)"
    r"|spec\.infrastructure\.(labels|annotations)|spec\.listeners\[\d+\]\.tls\.options"
    r"|spec\.options\.ai\.defaults\[\d+\]\.value"
    # What is known of these is whether they are switched off.
    r"|spec\.(options\.)?(csrf|extensions|jwt\w*|rbac|waf)"
)
"""Places where any key may stand. What is below them is nobody's schema either."""
CLOSES = re.compile(r"spec\.configs\[\d+\]|spec\.options\.extauth|spec\.tls|spec\.listeners\[\d+\]\.tls")
"""Access controls: who writes what nobody knows there is not served without it."""
NAME = "zzTop"
MANY = 40


@dataclass(frozen=True)
class Place:
    """An object in an object of a case, where a field can be added. `steps` lead there, `path` is as it is shown."""

    identity: Identity
    path: str
    steps: tuple[str | int, ...]

    def field(self, name: str) -> str:
        """The path of a field there."""
        return f"{self.path}.{name}" if self.path else name


@dataclass(frozen=True, eq=False)
class Case:
    """Objects that were read from files, and what is made of them as they are."""

    name: str
    objects: dict[Identity, Body] = field(repr=False)

    @cached_property
    def compiled(self) -> Compiled:
        return made(self.objects)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        return tuple(
            Place(identity, path, steps)
            for identity, body in self.objects.items()
            if is_ours(identity, body)
            for path, steps in objects_in(body, "", ())
        )


def made(objects: dict[Identity, Body]) -> Compiled:
    return compile_snapshot(Snapshot.of_files(objects, {}), {}, Standalone())


def is_ours(identity: Identity, body: Body) -> bool:
    model = KINDS.get((identity.group, identity.kind))
    if identity.kind == "GatewayClass":
        return bool(body["spec"]["controllerName"] == CONTROLLER_NAME)
    # Options for whole listeners are not served: of these, it is said of the object.
    return model is not None and not issubclass(model, GatewayOptions)


def objects_in(value: Any, path: str, steps: tuple[str | int, ...]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Every object in a value: its path, and the steps to it."""
    if ANY_KEY.fullmatch(path):
        return
    if isinstance(value, dict):
        yield path, steps
        for name, below in value.items():
            yield from objects_in(below, f"{path}.{name}" if path else name, (*steps, name))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from objects_in(entry, f"{path}[{index}]", (*steps, index))


@cache
def cases() -> tuple[Case, ...]:
    folder = ROOT / "manifests" / "examples"
    groups = [[path] for path in sorted((ROOT / "tests" / "golden").glob("*.in.yaml"))]
    groups += [sorted(each.glob("*.yaml")) for each in sorted(folder.iterdir()) if each.is_dir()]
    found = (Case(paths[0].stem, dict(objects_of(paths))) for paths in groups)
    return tuple(case for case in found if case.places)


def objects_of(paths: Iterable[Path]) -> Iterator[tuple[Identity, Body]]:
    for path in paths:
        for each in documents(path.read_bytes()):
            assert isinstance(each, Document)
            if each.body["apiVersion"].startswith("golden/"):
                if each.body["kind"] == "Then":
                    break
            else:
                yield each.identity, each.body


def with_field(case: Case, places: Iterable[Place], name: str, value: object) -> Compiled:
    objects = dict(case.objects)
    for place in places:
        if objects[place.identity] is case.objects[place.identity]:
            objects[place.identity] = copy.deepcopy(objects[place.identity])
        here: Any = objects[place.identity]
        for step in place.steps:
            here = here[step]
        here[name] = value
    return made(objects)


# ── What is said ────────────────────────────────────────────────────────────────────────────────────────────────────

TOLD = re.compile(r"[\w.\[\]-]+")


def named(compiled: Compiled) -> dict[Identity, set[str]]:
    """The fields that an object's condition UnsupportedField names; `check` prints it, and so does the status."""
    return {
        report.identity: {
            match[0]
            for condition in (*report.conditions, *(each for parent in report.parents for each in parent.conditions))
            if condition.type == "UnsupportedField"
            for text in re.split(r"[,;] ", condition.message)
            if (match := TOLD.match(text))
        }
        for report in compiled.reports
    }


def printed(compiled: Compiled, identity: Identity) -> str:
    """What `check` says of an object."""
    return "; ".join(
        each.message
        for report in compiled.reports
        if report.identity == identity
        for each in findings(report, lambda _, __: "")
    )


def is_told(place: Place, name: str, compiled: Compiled, fields: dict[Identity, set[str]]) -> bool:
    """Whether a field is named, or a part around it that is not served as a whole, or that is unknown itself."""
    path = place.field(name)
    told = printed(compiled, place.identity)
    if path in fields.get(place.identity, ()):
        return f"{path} (unknown" in told
    if f"{path}: is not served" in told:
        return True
    around = [path[: match.start()] for match in re.finditer(r"[.\[]", path)]
    return any(
        each in fields.get(place.identity, ())
        or re.search(rf"(^|; |: ){re.escape(each)}(:| is)[^;]* (not served|not verified|only|unknown)", told)
        for each in around
        if each not in ("", "spec")
    )


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_an_unknown_field_is_named_wherever_it_stands_and_changes_nothing_of_what_is_served(case: Case) -> None:
    untold: list[Place] = []
    served = encode(case.compiled.table)
    closing = [place for place in case.places if CLOSES.match(place.path)]
    others = [place for place in case.places if not CLOSES.match(place.path)]
    # A condition is cut where it is very long.
    parts = len(others) // MANY + 1
    for places in (closing, *(others[start::parts] for start in range(parts))):
        compiled = with_field(case, places, NAME, {"a": 1})
        fields = named(compiled)
        untold += [place for place in places if not is_told(place, NAME, compiled, fields)]
        assert places is closing or encode(compiled.table) == served
    assert untold == []


# ── Any name, any value ─────────────────────────────────────────────────────────────────────────────────────────────


@cache
def known_names() -> frozenset[str]:
    """Every name of a field that is known anywhere: in the official schemas, in the models and in `crds/`."""
    data = [json.loads(files(schemas).joinpath(f"{name}.json").read_text()) for name in ("gateway-api", "kubernetes")]
    crds = [yaml.load(path.read_text(), yaml.CSafeLoader) for path in (ROOT / "crds").glob("*.yaml")]
    return frozenset((*_properties([*data, *crds]), *_names(tuple(KINDS.values()), set())))


def _properties(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value.get("properties", ())
        for below in value.values():
            yield from _properties(below)
    elif isinstance(value, list):
        for below in value:
            yield from _properties(below)


def _names(annotations: Iterable[Any], seen: set[Any]) -> Iterator[str]:
    for each in annotations:
        if isinstance(each, type) and issubclass(each, BaseModel) and each not in seen:
            seen.add(each)
            yield from field_names(each)
            yield from _names([part.annotation for part in each.model_fields.values()], seen)
        else:
            yield from _names(get_args(each), seen)


def misspelt(name: str, at: int, how: int) -> str:
    """A name with one mistake: a letter too few, one too many, two the wrong way round, or one in the other case."""
    before, letter, after = name[: at % len(name)], name[at % len(name)], name[at % len(name) + 1 :]
    return (f"{before}{after}", f"{before}{letter * 2}{after}", f"{before}{after[:1]}{letter}{after[1:]}",
            f"{before}{letter.swapcase()}{after}")[how]  # fmt: skip


KNOWN = st.deferred(lambda: st.sampled_from(sorted(known_names())))
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,15}", fullmatch=True),
    st.builds(
        misspelt, st.deferred(lambda: st.sampled_from(sorted(known_names()))), st.integers(0, 30), st.integers(0, 3)
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=5), below, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100)
@given(st.data(), NAMES, VALUES)
def test_an_unknown_field_of_any_name_is_named_and_changes_nothing(data: st.DataObject, name: str, value: Any) -> None:
    case = data.draw(st.sampled_from(cases()))
    place = data.draw(st.sampled_from(case.places))
    assume(name not in known_names())
    # A name like that of an access control closes, and what looks like a key is shown to nobody.
    assume(name and not resembles(name) and without_keys(place.field(name)) == place.field(name))
    compiled = with_field(case, [place], name, value)
    assert is_told(place, name, compiled, named(compiled))
    if not CLOSES.match(place.path):
        assert encode(compiled.table) == encode(case.compiled.table)


# ── The name that was meant ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "path", "name", "meant"),
    [
        ("Gateway", "spec.listeners[0]", "hostName", "hostname"),
        ("Gateway", "spec.listeners[0].allowedRoutes", "namespace", "namespaces"),
        ("HTTPRoute", "spec.rules[0]", "backendRef", "backendRefs"),
        ("HTTPRoute", "spec.rules[0].backendRefs[0]", "wieght", "weight"),
        ("HTTPRoute", "spec.rules[0].matches[0].path", "typ", "type"),
        ("Upstream", "spec.ai.openai", "authTokn", "authToken"),
        ("Upstream", "spec.ai.openai.customHost", "prot", "port"),
        ("RouteOption", "spec.options.retries", "retryon", "retryOn"),
        ("FailoverPolicy", "spec.coolDown", "bas", "base"),
        ("Service", "spec.ports[0]", "targetport", "targetPort"),
        ("EndpointSlice", "endpoints[0].conditions", "raedy", "ready"),
        ("Secret", "", "stringdata", "stringData"),
        ("ReferenceGrant", "spec.from[0]", "namspace", "namespace"),
        ("AuthConfig", "spec.configs[0].apiKeyAuth", "headername", "headerName"),
        ("Namespace", "metadata", "label", "labels"),
    ],
)
def test_a_misspelt_field_below_others_is_told_with_its_path_and_the_name_that_was_meant(
    kind: str, path: str, name: str, meant: str
) -> None:
    case, place = next(
        (case, place) for case in cases() for place in case.places if place.identity.kind == kind and place.path == path
    )
    compiled = with_field(case, [place], name, None)
    assert f"{place.field(name)} (unknown; did you mean {meant}?)" in printed(compiled, place.identity)
