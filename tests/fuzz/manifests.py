"""Files of manifests → objects → the table and the reports, with a neighbour beside them who must not notice."""

import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from fuzz.edits import edited, misshapen
from switchover_dataplane.control.masked import masked
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import decode, encode
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Cluster, GatewayPort, internal_ports
from switchover_operator.identity import Body
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable

GOLDEN = Path(__file__).parents[1] / "golden"
NEIGHBOUR = "tenant-b"
ATTACKER = "tenant-a"
NEIGHBOURS_KEY = "sk-of-the-neighbour-never-to-be-seen"
NEIGHBOURS = f"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gw, namespace: {NEIGHBOUR}}}
spec: {{gatewayClassName: switchover, listeners: [{{name: http, port: 80, protocol: HTTP}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: key, namespace: {NEIGHBOUR}}}
stringData: {{Authorization: {NEIGHBOURS_KEY}}}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {{name: models, namespace: {NEIGHBOUR}}}
spec: {{ai: {{openai: {{model: gpt-4o, authToken: {{secretRef: {{name: key, namespace: {NEIGHBOUR}}}}}}}}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: chat, namespace: {NEIGHBOUR}}}
spec:
  parentRefs: [{{name: gw}}]
  rules: [{{backendRefs: [{{group: gloo.solo.io, kind: Upstream, name: models}}]}}]
""".encode()
WORDS = (
    b"---\n", b"- ", b": ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!binary ", b"!!python/object:os.system ",
    b"|\n", b">\n", b"\t", b"\x00", b"\xff", b"#", b"? ", b"<<: *a\n", b"null", b"~", b"yes", b"010", b"1e999",
    b".nan", b"2020-01-01", b"'", b'"', b"namespace: tenant-b", b"name: key", b"kind: List\nitems:\n", b"tenant-b",
    b"%YAML 1.1\n", b"\xef\xbb\xbf", b"...\n",
)  # fmt: skip
_CLUSTER_WIDE = frozenset(("GatewayClass", "Namespace", "CustomResourceDefinition", "ReferenceGrant"))


@dataclass(frozen=True)
class Manifests:
    """The text of a file, and objects that came another way."""

    text: bytes = b""
    objects: tuple[Any, ...] = ()


def bodies_of(case: Path) -> list[Body]:
    """Read the objects of a golden case, without those that steer it."""
    found = (each.body for each in documents(case.read_bytes()) if isinstance(each, Document))
    return [body for body in found if not str(body["apiVersion"]).startswith("golden/")]


@cache
def seeds() -> tuple[bytes, ...]:
    return tuple(text for case in sorted(GOLDEN.glob("*.in.yaml")) if len(text := case.read_bytes()) < 4_000)


@cache
def _as_json() -> tuple[bytes, ...]:
    return tuple(msgspec.json.encode(body) for body in _objects()[:40])


@cache
def _objects() -> tuple[Body, ...]:
    return tuple(body for case in sorted(GOLDEN.glob("*.in.yaml"))[::2] for body in bodies_of(case))


def draw(chance: random.Random, known: Sequence[bytes]) -> Manifests:
    match chance.randrange(4):
        case 0:
            return Manifests(text=edited(chance, known, WORDS))
        case 1:
            return Manifests(text=edited(chance, _as_json(), WORDS))
        case _:
            return Manifests(objects=tuple(_misshapen(chance) for _ in range(chance.randint(1, 4))))


def _misshapen(chance: random.Random) -> Any:
    found: Any = chance.choice(_objects())
    for _ in range(chance.randint(0, 3)):
        found = misshapen(chance, found)
    return found


def seed(given: Manifests) -> bytes:
    return given.text


def never_harm_a_neighbour(given: Manifests) -> Hashable:
    """Whatever stands in a tenant's files, the compiler makes a table of it, and the neighbour's part is the same."""
    bodies = [*_read(given.text), *_read(_dumped(given.objects))]
    mine = list(_of_the_attacker(bodies))
    alone, beside = _compiled([]), _compiled(mine)
    assert _part(alone.table) == _part(beside.table), "the neighbour is served otherwise"
    assert decode(encode(beside.table)) == beside.table
    told = {str(report.identity): report for report in beside.reports}
    for report in alone.reports:
        assert report.identity.namespace != NEIGHBOUR or told[str(report.identity)] == report, (
            "the neighbour is told otherwise"
        )
    shown = repr([report for report in beside.reports if report.identity.namespace != NEIGHBOUR])
    assert NEIGHBOURS_KEY not in shown
    assert NEIGHBOURS_KEY not in repr(masked(beside.table))
    return frozenset(
        (report.identity.kind, condition.type, condition.reason)
        for report in beside.reports
        for condition in report.conditions
    )


def _read(text: bytes) -> Iterator[Body]:
    for found in documents(text):
        if isinstance(found, Unreadable):
            assert found.what
            assert found.line >= 0
        else:
            yield found.body


def _dumped(objects: tuple[Any, ...]) -> bytes:
    try:
        return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": list(objects)}) if objects else b""
    except (ValueError, OverflowError, UnicodeEncodeError):
        return b""


def _of_the_attacker(bodies: Iterable[Body]) -> Iterator[Body]:
    """Put every object into the attacker's namespace, as the API server's permissions would."""
    for body in bodies:
        if body["kind"] not in _CLUSTER_WIDE:
            yield {**body, "metadata": {**body["metadata"], "namespace": ATTACKER}}


@cache
def _neighbours() -> tuple[Body, ...]:
    return tuple(_read(NEIGHBOURS))


def _compiled(bodies: list[Body]) -> Compiled:
    ports = internal_ports([GatewayPort(NEIGHBOUR, "gw", 80), GatewayPort(ATTACKER, "gw", 8080)], {})
    return compile_snapshot(Snapshot.of([*_neighbours(), *bodies]), {}, Cluster(ports))


def _part(of: Table) -> Mapping[str, object]:
    """The neighbour's part of a table: what its listeners lead to."""
    listeners = [each for port in of.ports for each in port.listeners if each.name.startswith(f"{NEIGHBOUR}/")]
    rules = {name: rule for name, rule in of.rules.items() if rule.route.startswith(f"{NEIGHBOUR}/")}
    backends = [backend for rule in rules.values() for backend in rule.backends]
    return {
        "listeners": listeners,
        "rules": rules,
        "policies": {backend.policy: of.policies.get(backend.policy) for backend in backends},
        "upstreams": {backend.upstream: of.upstreams.get(backend.upstream) for backend in backends},
        "secrets": {name: value for name, value in of.secrets.items() if name.startswith(f"{NEIGHBOUR}/")},
    }
