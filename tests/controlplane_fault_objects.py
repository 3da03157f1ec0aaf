"""Objects with a mistake, from the few lines of YAML that the mistake is in.

In them @name stands for the name that the objects of one fault share, @ns for the namespace of all faults, and @other
for another one. The objects of `common` are there for all of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from controlplane_server import Object

KEY = "sk-proj-4f6Tq9ZxW2mN8vB3kL7pR5sD"
"""Whatever has gone wrong, no status and no Event holds it."""
HELD = "authToken: {secretRef: {name: key}}"
OWN = "authToken: {secretRef: {name: '@name'}}"
CONTROLLER = "switchover.dev/gateway-controller"

_GATEWAY_API = "gateway.networking.k8s.io"
_VERSIONS = {
    "Gateway": f"{_GATEWAY_API}/v1",
    "GatewayClass": f"{_GATEWAY_API}/v1",
    "HTTPRoute": f"{_GATEWAY_API}/v1",
    "Upstream": "gloo.solo.io/v1",
    "RouteOption": "gateway.solo.io/v1",
    "AuthConfig": "enterprise.gloo.solo.io/v1",
    "FailoverPolicy": "switchover.dev/v1alpha1",
    "Secret": "v1",
    "Service": "v1",
}


@dataclass(frozen=True)
class Names:
    """What @name, @ns and @other stand for."""

    own: str
    namespace: str
    other: str

    def fill(self, text: str) -> str:
        """A text with the names in it."""
        return text.replace("@name", self.own).replace("@ns", self.namespace).replace("@other", self.other)

    def made(self, objects: Sequence[Object]) -> list[Object]:
        """Objects with the names in them."""
        found: list[Object] = json.loads(self.fill(json.dumps(objects)))
        return found


def common() -> list[Object]:
    """What faults refer to, and nothing is wrong with."""
    ports = "[{name: http, protocol: HTTP, port: 8080}, {name: shop, protocol: HTTP, port: 8081, hostname: a.example}]"
    return [
        gateway(ports, name="front"),
        upstream(f"openai: {{model: m, {HELD}}}", name="models"),
        secret(f"Authorization: Bearer {KEY}", name="key"),
        service("[{port: 80}]", name="app"),
    ]


def of_kind(kind: str, spec: Object, name: str = "@name", namespace: str = "@ns") -> Object:
    """An object of a kind."""
    metadata = {"name": name} if kind == "GatewayClass" else {"name": name, "namespace": namespace}
    return {"apiVersion": _VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": spec}


def upstream(*targets: str, name: str = "@name") -> Object:
    """An Upstream with a priority for each target: the YAML of one entry of a pool."""
    pools = [{"pool": [_read(target)]} for target in targets]
    return of_kind("Upstream", {"ai": {"multi": {"priorities": pools}}}, name)


def static(hosts: str) -> Object:
    """An Upstream with static hosts."""
    return of_kind("Upstream", {"static": {"hosts": _read(hosts)}})


def route(rule: str = "", parent: str = "name: front", namespace: str = "@ns", **more: Any) -> Object:
    """An HTTPRoute with one rule, to the Upstream `models` at a path of its own unless `rule` says another thing."""
    to = _read("{group: gloo.solo.io, kind: Upstream, name: models}")
    one = {"matches": [{"path": {"value": "/@name"}}], "backendRefs": [to], **_read(rule or "{}")}
    return of_kind("HTTPRoute", {"parentRefs": [_read(f"{{{parent}}}")], "rules": [one], **more}, namespace=namespace)


def route_to(upstream: str) -> Object:
    """An HTTPRoute to an Upstream."""
    return route(f"backendRefs: [{{group: gloo.solo.io, kind: Upstream, name: '{upstream}'}}]")


def option(options: str, target: str = "kind: HTTPRoute, name: '@name'", name: str = "@name") -> Object:
    """A RouteOption, of the route of the same name unless `target` is another."""
    ref = {"group": _GATEWAY_API, **_read(f"{{{target}}}")}
    return of_kind("RouteOption", {"targetRefs": [ref], "options": _read(options)}, name)


def policy(settings: str, name: str = "@name") -> Object:
    """A FailoverPolicy of the route `@name`."""
    ref = {"group": _GATEWAY_API, "kind": "HTTPRoute", "name": "@name"}
    return of_kind("FailoverPolicy", {"targetRefs": [ref], **_read(settings)}, name)


def gateway(listeners: str, of_class: str = "switchover", name: str = "@name", **more: Any) -> Object:
    """A Gateway with these listeners."""
    return of_kind("Gateway", {"gatewayClassName": of_class, "listeners": _read(listeners), **more}, name)


def gateway_class(**more: Any) -> Object:
    """A GatewayClass of our controller."""
    return of_kind("GatewayClass", {"controllerName": CONTROLLER, **more})


def secret(data: str, name: str = "@name", of_type: str = "Opaque") -> Object:
    """A Secret with these keys."""
    metadata = {"name": name, "namespace": "@ns"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": of_type, "stringData": _read(data)}


def service(ports: str, name: str = "@name") -> Object:
    """A Service with these ports."""
    return of_kind("Service", {"ports": _read(ports)}, name)


def _read(text: str) -> Any:
    return yaml.safe_load(text)
