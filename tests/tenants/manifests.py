"""What both tenants wrote: a Gateway that they share, and in a namespace each their routes, models and keys."""

import yaml

PORT_OF_NAMES = 80
NAMES = ("a.tenants.test", "b.tenants.test")
"""Where the models of A and of B are, by --connect-to."""

B_MARK = "NEIGHBOUR"
"""Stands in everything of B's: key, prompt, header, answer, name of the model and of the objects."""

B_KEY = f"sk-{B_MARK}-key-never-to-be-seen"
B_PROMPT = f"{B_MARK} prompt"
B_HEADER = f"{B_MARK}-header"
B_ANSWER = f"{B_MARK} answer " * 8
B_MODEL = f"{B_MARK.lower()}-model"
A_KEY = "sk-of-the-attacker"

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shared, namespace: infra}
spec:
  gatewayClassName: switchover
  listeners:
  - name: a
    protocol: HTTP
    port: %(port)d
    hostname: a.localhost
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tenant: a}}}}
  - name: b
    protocol: HTTP
    port: %(port)d
    hostname: b.localhost
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tenant: b}}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: tenant-a, labels: {tenant: a}}
---
apiVersion: v1
kind: Namespace
metadata: {name: tenant-b, labels: {tenant: b}}
"""
"""One port, a listener for each tenant: whoever may attach a route to a listener may take any path of it."""

TENANT = """
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: %(namespace)s}
stringData: {Authorization: %(key)s}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: %(name)s-models, namespace: %(namespace)s}
spec:
  ai:
    multi:
      priorities:
      - pool: [{openai: {model: %(model)s, customHost: {host: %(host)s, port: 80}, authToken: {secretRef: {name: key, namespace: %(namespace)s}}}}]
      - pool: [{openai: {model: %(model)s-2, customHost: {host: %(host)s, port: 80}, authToken: {secretRef: {name: key, namespace: %(namespace)s}}}}]
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: %(name)s-plain, namespace: %(namespace)s}
spec: {static: {hosts: [{addr: %(host)s, port: 80}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %(name)s, namespace: %(namespace)s}
spec:
  parentRefs: [{name: shared, namespace: infra}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /%(path)s/model}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /v1/chat/completions}}}]
    backendRefs: [{name: %(name)s-models, group: gloo.solo.io, kind: Upstream}]
  - matches: [{path: {type: PathPrefix, value: /%(path)s/plain}}]
    backendRefs: [{name: %(name)s-plain, group: gloo.solo.io, kind: Upstream}]
"""  # noqa: E501 - flow style, a target a line


def gateway(port: int) -> str:
    return GATEWAY % {"port": port}


def tenant_a() -> str:
    return TENANT % {
        "namespace": "tenant-a", "name": "attacker", "key": A_KEY, "model": "gpt-a", "host": NAMES[0], "path": "a",
    }  # fmt: skip


def tenant_b() -> str:
    return TENANT % {
        "namespace": "tenant-b", "name": B_MARK.lower(), "key": B_KEY, "model": B_MODEL, "host": NAMES[1], "path": "b",
    }  # fmt: skip


def many_matches(count: int) -> str:
    """Write a route of A's with so many matches that differ in one query parameter."""
    matches = [
        {"path": {"type": "PathPrefix", "value": "/a/many"}, "queryParams": [{"name": f"q{number}", "value": "x"}]}
        for number in range(count)
    ]
    return _route("many", [{"matches": matches[at : at + 8], "backendRefs": _PLAIN} for at in range(0, count, 8)])


def many_patterns(count: int) -> str:
    """Write a route of A's with so many regular expressions."""
    matches = [
        {"path": {"type": "RegularExpression", "value": f"/a/pattern/(a|aa)+b{number}"}} for number in range(count)
    ]
    return _route("patterns", [{"matches": matches[at : at + 8], "backendRefs": _PLAIN} for at in range(0, count, 8)])


_PLAIN = [{"name": "attacker-plain", "group": "gloo.solo.io", "kind": "Upstream"}]


def _route(name: str, rules: list[dict[str, object]]) -> str:
    # HTTPRoute has at most 16 rules, of 64 matches each at most.
    routes = [
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": f"{name}-{at}", "namespace": "tenant-a"},
            "spec": {"parentRefs": [{"name": "shared", "namespace": "infra"}], "rules": rules[at : at + 16]},
        }
        for at in range(0, len(rules), 16)
    ]
    return yaml.dump_all(routes, sort_keys=False, Dumper=yaml.CSafeDumper)


STEALING = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: steals-key, namespace: tenant-a}
spec: {ai: {openai: {model: gpt-a, customHost: {host: a.tenants.test, port: 80}, authToken: {secretRef: {name: key, namespace: tenant-b}}}}}
---
apiVersion: gloo.solo.io/v1
kind: RouteOption
metadata: {name: steals-header, namespace: tenant-a}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: steals}]
  options: {headerManipulation: {requestHeadersToAdd: [{headerSecretRef: {name: key, namespace: tenant-b}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: steals, namespace: tenant-a}
spec:
  parentRefs: [{name: shared, namespace: infra}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /a/steals/key}}]
    backendRefs: [{name: steals-key, group: gloo.solo.io, kind: Upstream}]
  - matches: [{path: {type: PathPrefix, value: /a/steals/upstream}}]
    backendRefs: [{name: neighbour-models, namespace: tenant-b, group: gloo.solo.io, kind: Upstream}]
  - matches: [{path: {type: PathPrefix, value: /a/steals/plain}}]
    backendRefs: [{name: attacker-plain, group: gloo.solo.io, kind: Upstream}]
  - matches: [{path: {type: PathPrefix, value: /b/model}}]
    backendRefs: [{name: neighbour, namespace: tenant-b, group: gateway.networking.k8s.io, kind: HTTPRoute}]
  - matches: [{path: {type: PathPrefix, value: /b}}]
    backendRefs: [{name: "*", namespace: tenant-b, group: gateway.networking.k8s.io, kind: HTTPRoute}]
"""  # noqa: E501 - flow style, a target a line
"""A refers to the key and the Upstream of B without a ReferenceGrant, and delegates to B's route, which has parents."""

SHADOWING = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: aaa-shadows, namespace: tenant-a}
spec:
  parentRefs:
  - {name: shared, namespace: infra}
  - {name: shared, namespace: infra, sectionName: b}
  hostnames: [a.localhost, b.localhost, "*.localhost"]
  rules:
  - matches:
    - {path: {type: PathPrefix, value: /}}
    - {path: {type: RegularExpression, value: "/b/.*"}}
    backendRefs: [{name: attacker-plain, group: gloo.solo.io, kind: Upstream}]
---
apiVersion: gloo.solo.io/v1
kind: RouteOption
metadata: {name: of-another, namespace: tenant-a}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: neighbour, namespace: tenant-b}]
  options: {retries: {numRetries: 0}, timeout: 0.001s}
---
apiVersion: switchover.dev/v1alpha1
kind: FailoverPolicy
metadata: {name: of-another, namespace: tenant-a}
spec:
  targetRefs: [{group: gloo.solo.io, kind: Upstream, name: neighbour-models}]
  attempts: 1
  maxRequestBody: 1
"""
"""A's policies name B's objects, and A's route asks for B's listener, hostname and paths."""

BROKEN = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: attacker-models, namespace: tenant-a}
spec: {ai: {multi: {priorities: [{pool: [{openai: {model: [], customHost: 7, authToken: {secretRef: sk-of-the-attacker}}}]}]}}}
---
kind: [
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: broken, namespace: tenant-a}
spec: {parentRefs: [{name: shared, namespace: infra}], rules: [{matches: [{path: {type: RegularExpression, value: "("}}]}]}
"""  # noqa: E501 - as above
"""A's own models made unreadable, a document that is no YAML, and an expression that is none."""
