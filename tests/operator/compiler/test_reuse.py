"""What was compiled before is used again: the outcome is the same as without it, and the work is that of the change."""

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.identity import Body
from switchover_operator.snapshot import Snapshot

GATEWAY_API, NAMES = "gateway.networking.k8s.io", ("a", "b")


def thing(api: str, kind: str, name: str, **fields: Any) -> Body:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "ns"}, **fields}


def target(kind: str, name: str) -> dict[str, str]:
    return {"group": "gloo.solo.io" if kind == "Upstream" else GATEWAY_API, "kind": kind, "name": name}


def gateway(name: str, hostname: str | None) -> Body:
    listener = {"name": "http", "port": 80 if name == "a" else 81, "protocol": "HTTP"}
    listener |= {"hostname": hostname} if hostname else {}
    return thing(f"{GATEWAY_API}/v1", "Gateway", name, spec={"gatewayClassName": "switchover", "listeners": [listener]})


def route(name: str, host: str, gateways: list[str], backend: str, option: str | None) -> Body:
    ref = {"group": "gateway.solo.io", "kind": "RouteOption", "name": option}
    kind = {"group": "gloo.solo.io", "kind": "Upstream"} if backend != "service" else {"kind": "Service", "port": 80}
    rule = {
        "backendRefs": [{**kind, "name": backend}],
        "filters": [{"type": "ExtensionRef", "extensionRef": ref}] if option else [],
    }
    spec = {"parentRefs": [{"name": each} for each in gateways], "hostnames": [host], "rules": [rule]}
    return thing(f"{GATEWAY_API}/v1", "HTTPRoute", name, spec=spec)


def parent(name: str, gateways: list[str], prefix: str, child: str, annotation: dict[str, str]) -> Body:
    """A route that delegates; its name is one of those of routes, so that it can be a child, too."""
    rules = [
        {
            "matches": [{"path": {"value": prefix}}],
            "backendRefs": [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": child}],
        },
        {"matches": [{"path": {"value": f"{prefix}x"}}], "backendRefs": [target("Upstream", "a")]},
    ]
    spec: dict[str, Any] = {"rules": rules}
    spec |= {"parentRefs": [{"name": each} for each in gateways]} if gateways else {}
    made = thing(f"{GATEWAY_API}/v1", "HTTPRoute", name, spec=spec)
    made["metadata"]["annotations"] = annotation
    return made


def child(name: str, parents: list[str], prefix: str, hosts: list[str]) -> Body:
    refs = [{"group": GATEWAY_API, "kind": "HTTPRoute", "name": each} for each in parents]
    rules = [{"matches": [{"path": {"value": prefix}}], "backendRefs": [target("Upstream", "b")]}]
    spec: dict[str, Any] = {"rules": rules, "hostnames": hosts} | ({"parentRefs": refs} if refs else {})
    return thing(f"{GATEWAY_API}/v1", "HTTPRoute", name, spec=spec)


def upstream(name: str, secret: str | None, model: object) -> Body:
    token = {"secretRef": {"name": secret, "namespace": "ns"}} if secret else {"inline": "key"}
    ai = {"multi": {"priorities": [{"pool": [{"openai": {"model": model, "authToken": token}}]}]}}
    return thing("gloo.solo.io/v1", "Upstream", name, spec={"ai": ai})


def two_models(name: str, secret: str | None, model: object) -> Body:
    """An Upstream of which one model may be left out."""
    made, other = upstream(name, secret, model), upstream(name, None, "always-good")
    made["spec"]["ai"]["multi"]["priorities"] += other["spec"]["ai"]["multi"]["priorities"]
    return made


def two_rules(name: str, filter_type: str) -> Body:
    """A route of which one rule may be declined."""
    made = route(name, "h.x", ["a"], name, None)
    [rule] = made["spec"]["rules"]
    matches = [{"path": {"value": "/declined"}}]
    made["spec"]["rules"].append({**rule, "matches": matches, "filters": [{"type": filter_type}]})
    return made


def option(name: str, routes: list[str], options: dict[str, Any]) -> Body:
    refs = [target("HTTPRoute", each) for each in routes]
    return thing("gateway.solo.io/v1", "RouteOption", name, spec={"targetRefs": refs, "options": options})


def policy(name: str, kinds: list[str], at: str, attempts: object) -> Body:
    refs = [target(kind, at) for kind in kinds]
    return thing("switchover.dev/v1alpha1", "FailoverPolicy", name, spec={"targetRefs": refs, "attempts": attempts})


def secret(name: str, kind: str, value: str) -> Body:
    return thing("v1", "Secret", name, type=kind, stringData={"Authorization": value, "api-key": "k" * 20})


def auth_config(name: str, secret_name: str) -> Body:
    refs = [{"name": secret_name, "namespace": "ns"}]
    spec = {"configs": [{"apiKeyAuth": {"k8sSecretApikeyStorage": {"apiKeySecretRefs": refs}}}]}
    return thing("enterprise.gloo.solo.io/v1", "AuthConfig", name, spec=spec)


def service(name: str) -> Body:
    return thing("v1", "Service", name, spec={"ports": [{"port": 80}]})


def endpoint_slice(name: str, of: str, address: str) -> Body:
    made = thing(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        name,
        addressType="IPv4",
        endpoints=[{"addresses": [address]}],
        ports=[{"port": 8080, "protocol": "TCP"}],
    )
    made["metadata"]["labels"] = {"kubernetes.io/service-name": of}
    return made


_name = st.sampled_from(NAMES)
_some = st.lists(_name, unique=True, max_size=2)
_route = st.sampled_from(["a", "b", "c", "d"])
_prefix = st.sampled_from(["/", "/p", "/p/q"])
_OBJECTS: st.SearchStrategy[Body] = st.one_of(
    st.builds(gateway, _name, st.sampled_from([None, "*.x", "h.x"])),
    st.builds(
        route,
        _name,
        st.sampled_from(["h.x", "*.x", "i.y"]),
        _some,
        st.sampled_from(["a", "b", "service"]),
        st.none() | _name,
    ),
    st.builds(
        parent,
        _route,
        st.sampled_from([["a"], ["a"], []]),
        _prefix,
        st.sampled_from(["a", "b", "c", "d", "*"]),
        st.sampled_from(
            [
                {},
                {"delegation.gateway.solo.io/inherit-parent-matcher": "true"},
                {"delegation.gateway.solo.io/enable-policy-overrides": "*"},
            ]
        ),
    ),
    st.builds(child, _route, st.lists(_route, unique=True, max_size=1), _prefix, st.sampled_from([[], [], ["h.x"]])),
    st.builds(upstream, _name, st.none() | _name, st.sampled_from(["m", "n", 7])),
    st.builds(two_models, _name, st.none() | _name, st.sampled_from(["m", 7])),
    st.builds(two_rules, _name, st.sampled_from(["CORS", "ExternalAuth", "URLRewrite"])),
    st.builds(
        option,
        _name,
        st.lists(_route, unique=True, max_size=2),
        st.sampled_from(
            [
                {"timeout": "1s"},
                {"timeout": "x"},
                {"retries": {"retryOn": "5xx"}},
                {"jwt": {"x": 1}},
                {"extauth": {"configRef": {"name": "a", "namespace": "ns"}}},
            ]
        ),
    ),
    st.builds(
        policy,
        _name,
        st.lists(st.sampled_from(["HTTPRoute", "Gateway", "Upstream"]), min_size=1, unique=True),
        _name,
        st.sampled_from([2, 3, "x"]),
    ),
    st.builds(secret, _name, st.sampled_from(["Opaque", "extauth.solo.io/apikey"]), st.sampled_from(["k1", "k2", ""])),
    st.builds(auth_config, _name, _name),
    st.builds(service, st.just("service")),
    st.builds(
        endpoint_slice, _name, st.sampled_from(["service", "other"]), st.sampled_from(["10.0.0.1", "10.0.0.2", "none"])
    ),
)
_EDITS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "put", "delete", "touch"]), _OBJECTS), min_size=1, max_size=12
)
_BEGINNING = [
    gateway("a", None),
    *(route(name, "h.x", ["a"], name, None) for name in NAMES),
    *(upstream(name, "a", "m") for name in NAMES),
    secret("a", "Opaque", "k1"),
    service("service"),
]


def same(one: Compiled, other: Compiled) -> bool:
    return (one.table, one.reports, admitted(one)) == (other.table, other.reports, admitted(other))


def admitted(compiled: Compiled) -> dict[str, tuple[Body, tuple[str, ...]]]:
    return {str(identity): (each.body, each.without_effect) for identity, each in compiled.accepted.items()}


def routes(compiled: Compiled) -> dict[str, object]:
    assert compiled.work is not None
    return {identity.name: each for identity, each in compiled.work.routes.items()}


_FAMILY = [
    ("put", parent("a", ["a"], "/p", "*", {})),
    ("put", parent("c", [], "/p/q", "d", {})),
    ("put", child("d", [], "/p/q", [])),
    ("put", child("b", [], "/p", [])),
]

_OF_THE_GATEWAY = ("put", policy("a", ["Gateway"], "a", 2))


@settings(deadline=None)
@given(_EDITS)
@example([("delete", upstream("a", None, "m")), ("put", option("a", ["a"], {"timeout": "1s"}))])
@example([*_FAMILY, ("put", option("a", ["a"], {"jwt": {"x": 1}})), ("delete", child("d", [], "/", []))])
@example([*_FAMILY, ("put", parent("d", [], "/p/q", "c", {})), ("put", child("c", ["a"], "/p", ["h.x"]))])
@example([("put", parent("a", ["a"], "/", "b", {})), ("put", child("b", [], "/", [])), _OF_THE_GATEWAY])
@example(
    [
        ("put", parent("b", ["a"], "/", "c", {})),
        ("put", child("c", [], "/", [])),
        ("put", child("a", ["c"], "/", [])),
        ("put", route("b", "h.x", [], "a", None)),
    ]
)
@example([*_FAMILY[1:], _FAMILY[0], ("put", policy("a", ["HTTPRoute", "Gateway"], "a", 2))])
def test_what_is_used_again_changes_nothing_of_the_outcome(edits: list[tuple[str, Body]]) -> None:
    bodies = {(each["kind"], each["metadata"]["name"]): each for each in _BEGINNING}
    compiled = compile_snapshot(Snapshot.of(bodies.values()), {}, Standalone())
    for kind, body in edits:
        key = body["kind"], body["metadata"]["name"]
        if kind == "put":
            bodies[key] = body
        elif kind == "delete":
            bodies.pop(key, None)
        elif key in bodies:
            # A status that was written is no change.
            bodies[key] = {**copy.deepcopy(bodies[key]), "status": {"conditions": []}}
        snapshot = Snapshot.of(bodies.values(), {})
        accepted = compiled.accepted
        compiled = compile_snapshot(snapshot, accepted, Standalone(), compiled.work)
        assert same(compiled, compile_snapshot(snapshot, accepted, Standalone()))


@pytest.mark.parametrize(
    ("edited", "again"),
    [
        (parent("a", ["a"], "/p/q", "*", {}), {"a", "b", "c", "d"}),
        (child("b", [], "/p/q", []), {"a", "b"}),
        (parent("c", [], "/p", "d", {}), {"a", "c", "d"}),
        (child("d", [], "/p", []), {"a", "c", "d"}),
        (child("e", [], "/p", []), {"a"}),
        (option("o", ["a"], {"timeout": "1s"}), {"a", "b", "c", "d"}),
    ],
    ids=["root", "child", "middle", "grandchild", "new", "option"],
)
def test_a_change_of_a_family_is_compiled_again_for_those_whom_it_concerns(edited: Body, again: set[str]) -> None:
    family = [*(body for _, body in _FAMILY), *(each for each in _BEGINNING if each["kind"] != "HTTPRoute")]
    before = compile_snapshot(Snapshot.of(family), {}, Standalone())
    key = edited["kind"], edited["metadata"]["name"]
    others = [each for each in family if (each["kind"], each["metadata"]["name"]) != key]
    after = compile_snapshot(Snapshot.of([*others, edited]), before.accepted, Standalone(), before.work)
    assert {name for name, each in routes(before).items() if each is not routes(after)[name]} == again


@pytest.mark.parametrize(
    ("edited", "again"),
    [
        (upstream("a", "a", "other"), {"a"}),
        (option("o", ["b"], {"timeout": "1s"}), {"b"}),
        (policy("p", ["Upstream"], "a", 2), {"a"}),
        (secret("a", "Opaque", "k2"), {"a", "b"}),
        (secret("unused", "Opaque", "k2"), set()),
    ],
    ids=["upstream", "option", "policy", "secret", "unused"],
)
def test_only_what_refers_to_a_changed_object_is_compiled_again(edited: Body, again: set[str]) -> None:
    before = compile_snapshot(Snapshot.of(_BEGINNING), {}, Standalone())
    key = edited["kind"], edited["metadata"]["name"]
    others = [each for each in _BEGINNING if (each["kind"], each["metadata"]["name"]) != key]
    after = compile_snapshot(Snapshot.of([*others, edited]), before.accepted, Standalone(), before.work)
    assert {name for name, each in routes(after).items() if each is not routes(before)[name]} == again


def test_a_moved_file_line_changes_where_a_report_stands_and_compiles_nothing() -> None:
    snapshot = Snapshot.of(_BEGINNING)
    before = compile_snapshot(snapshot, {}, Standalone())
    moved = Snapshot.of(_BEGINNING, dict.fromkeys(snapshot.objects, "x.yaml:7"))
    after = compile_snapshot(moved, before.accepted, Standalone(), before.work)
    assert {report.source for report in after.reports} == {"x.yaml:7"}
    assert all(each is routes(before)[name] for name, each in routes(after).items())
