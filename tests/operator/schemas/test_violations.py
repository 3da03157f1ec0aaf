"""What an API server would refuse is named for objects in files: the field's path, and what would be right."""

import json
from importlib.resources import files
from typing import Any

import pytest
import yaml

from switchover_operator import schemas
from switchover_operator.identity import identity_of
from switchover_operator.schemas import violations

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, namespace: ai}
spec:
  gatewayClassName: switchover
  listeners:
  - {name: http, port: 80, protocol: HTTP}
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat, namespace: ai}
spec:
  parentRefs:
  - name: front
  rules:
  - matches:
    - path: {type: PathPrefix, value: /chat}
    filters:
    - type: URLRewrite
      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}
    backendRefs:
    - {group: gloo.solo.io, kind: Upstream, name: models}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: app, namespace: ai}
spec:
  ports:
  - {port: 80}
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: ai}
addressType: IPv4
endpoints:
- addresses: [10.0.0.1]
ports:
- {port: 80}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: ai}
stringData: {Authorization: sk-0}
"""
RULE = "spec.rules[0]"
FILTER = f"{RULE}.filters[0]"
MATCH = f"{RULE}.matches[0]"
BACKEND = f"{RULE}.backendRefs[0]"
SECOND = f"{RULE}.filters[1]"
TIMEOUT = f"{RULE}.timeouts.backendRequest"
MODIFIER = f"{FILTER}.urlRewrite.path"


def changed(text: str, path: str, value: object) -> dict[str, Any]:
    """An object in which one field is another; a value of ... takes the field away."""
    body = yaml.safe_load(text)
    steps: list[Any] = [
        int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")
    ]
    here = body
    for step in steps[:-1]:
        here = here.setdefault(step, {}) if isinstance(step, str) else here[step]
    if value is ...:
        del here[steps[-1]]
    elif isinstance(here, list) and steps[-1] == len(here):
        here.append(value)
    else:
        here[steps[-1]] = value
    return dict(body)


def named(body: dict[str, Any]) -> list[str]:
    identity = identity_of(body)
    return [str(each) for each in violations(identity.group, identity.kind, body)]


@pytest.mark.parametrize("text", [GATEWAY, ROUTE, SERVICE, SLICE, SECRET])
def test_what_an_api_server_takes_has_no_violation(text: str) -> None:
    assert named(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("text", "path", "value", "where", "right"),
    [
        (GATEWAY, "spec.listeners", [], "spec.listeners", "at least one entry"),
        (GATEWAY, "spec.listeners[0].port", 0, "spec.listeners[0].port", "from 1 to 65535"),
        (GATEWAY, "spec.listeners[0].tls", {}, "spec.listeners[0].tls", "must not be set for protocol HTTP"),
        (GATEWAY, "spec.listeners[0].hostname", "Example.com", "spec.listeners[0].hostname", "in lower case"),
        (GATEWAY, "spec.listeners[1]", {"name": "http", "port": 81, "protocol": "HTTP"}, "spec.listeners[1]", "name"),
        (GATEWAY, "spec.listeners[1]", {"name": "b", "port": 80, "protocol": "HTTP"}, "spec.listeners[1]", "same port"),
        (GATEWAY, "spec.addresses", [{"value": "here"}], "spec.addresses[0].value", "IPv4 or IPv6"),
        (GATEWAY, "spec.infrastructure.labels", {"a b": "c"}, "spec.infrastructure.labels[a b]", "not a valid key"),
        (GATEWAY, "metadata.name", "Front", "metadata.name", "lower-case"),
        (GATEWAY, "metadata.labels", {"app": 1}, "metadata.labels.app", "string"),
        (GATEWAY, "metadata.labels", {"app": "a b"}, "metadata.labels[app]", "letters, digits"),
        (ROUTE, "spec.rules", [], "spec.rules", "at least one entry"),
        (ROUTE, "spec.rules", [{}] * 17, "spec.rules", "at most 16 entries; got a list of 17"),
        (ROUTE, f"{MATCH}.path.value", "/a//b", f"{MATCH}.path.value", "must not hold //"),
        (ROUTE, f"{MATCH}.path.value", "/a?b", f"{MATCH}.path.value", "got '/a?b'"),
        (ROUTE, f"{MATCH}.path.value", "a", f"{MATCH}.path.value", "must begin with /"),
        (ROUTE, f"{MATCH}.path.value", "/a/..", f"{MATCH}.path.value", "end with /.."),
        (ROUTE, f"{MATCH}.path.type", "Prefix", f"{MATCH}.path.type", "Exact, PathPrefix or"),
        (ROUTE, f"{MATCH}.method", "get", f"{MATCH}.method", "GET"),
        (ROUTE, f"{MATCH}.headers", [{"name": "x y", "value": "z"}], f"{MATCH}.headers[0].name", "x y"),
        (ROUTE, f"{RULE}.matches[1]", {"path": {"value": "/b"}}, f"{MODIFIER}.replacePrefixMatch", "one match"),
        (ROUTE, f"{FILTER}.type", "RequestHeaderModifier", f"{FILTER}.urlRewrite", "is Request"),
        (ROUTE, f"{MODIFIER}.type", "ReplaceFullPath", f"{MODIFIER}.replaceFullPath", "required"),
        (ROUTE, SECOND, {"type": "URLRewrite", "urlRewrite": {}}, f"{SECOND}.type", "once"),
        (ROUTE, SECOND, {"type": "RequestRedirect", "requestRedirect": {}}, f"{RULE}.filters", "not both"),
        (ROUTE, BACKEND, {"name": "app"}, f"{BACKEND}.port", "for a Service"),
        (ROUTE, f"{BACKEND}.weight", -1, f"{BACKEND}.weight", "from 0 to 1000000"),
        (ROUTE, f"{BACKEND}.name", ..., f"{BACKEND}.name", "is required"),
        (ROUTE, f"{RULE}.timeouts", {"request": "1s", "backendRequest": "2s"}, TIMEOUT, "at most"),
        (ROUTE, f"{RULE}.timeouts", {"request": "1.5s"}, f"{RULE}.timeouts.request", "a duration"),
        (ROUTE, "spec.parentRefs[1]", {"name": "front", "sectionName": "a"}, "spec.parentRefs[0].sectionName", "req"),
        (ROUTE, "spec.parentRefs[1]", {"name": "front"}, "spec.parentRefs[1]", "same parent"),
        (ROUTE, "spec.hostnames", ["a:80"], "spec.hostnames[0]", "without port"),
        (SERVICE, "spec.ports[0].protocol", "HTTP", "spec.ports[0].protocol", "SCTP, TCP or UDP; got 'HTTP'"),
        (SERVICE, "spec.ports[0].port", 70000, "spec.ports[0].port", "from 1 to 65535"),
        (SERVICE, "spec.ports[0].targetPort", "80", "spec.ports[0].targetPort", "without quotes"),
        (SERVICE, "spec.ports[1]", {"port": 81}, "spec.ports[0].name", "several ports"),
        (SERVICE, "spec.ports", ..., "spec.ports", "at least one port"),
        (SERVICE, "metadata.name", "a.b", "metadata.name", "lower-case letters, digits and -"),
        (SLICE, "endpoints[0].addresses[0]", "localhost", "endpoints[0].addresses[0]", "address of addressType IPv4"),
        (SLICE, "endpoints[0].addresses[0]", "127.0.0.1", "endpoints[0].addresses[0]", "loopback"),
        (SLICE, "addressType", "IP", "addressType", "FQDN, IPv4 or IPv6"),
        (SECRET, "stringData", {"a b": "c"}, "stringData[a b]", "not a valid key"),
        (SECRET, "stringData", {"a": 1}, "stringData.a", "a string"),
        (SECRET, "type", "kubernetes.io/tls", "data[tls.crt]", "required by type"),
    ],
)  # fmt: skip
def test_a_violation_is_named_with_its_path_and_what_would_be_right(
    text: str, path: str, value: object, where: str, right: str
) -> None:
    found = named(changed(text, path, value))
    assert [each for each in found if each.startswith(f"{where}: ") and right in each], found


def test_no_value_of_a_secret_and_of_a_header_is_repeated() -> None:
    secret = changed(SECRET, "data", {"token": 987654321})
    route = changed(ROUTE, f"{MATCH}.headers", [{"name": "x-key", "value": ["hush-hush"]}])
    said = " ".join([*named(secret), *named(route)])
    assert "data.token" in said
    assert "headers[0].value" in said
    assert "987654321" not in said
    assert "hush" not in said


def test_null_is_unset_as_for_the_api_server() -> None:
    assert named(changed(ROUTE, "spec.hostnames", None)) == []


def test_every_pattern_of_gateway_api_has_words() -> None:
    data = json.loads(files(schemas).joinpath("gateway-api.json").read_text())["kinds"]
    from switchover_operator.schemas.wording import _PATTERNS  # noqa: PLC0415

    def patterns(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["pattern"]} if isinstance(value.get("pattern"), str) else set()
            return own.union(*map(patterns, value.values()))
        return set().union(*map(patterns, value)) if isinstance(value, list) else set()

    assert patterns([data["HTTPRoute"], data["GatewayClass"], data["ReferenceGrant"]]) <= _PATTERNS.keys()
