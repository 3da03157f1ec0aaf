"""Manifests with any number of routes, as a user would write them: YAML text, without a YAML library's time."""

from pathlib import Path

from switchover_bench.scenarios import Ports

_BASE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: bench
  namespace: bench
spec:
  gatewayClassName: switchover
  listeners:
  - name: http
    protocol: HTTP
    port: {port}
---
apiVersion: v1
kind: Secret
metadata:
  name: bench
  namespace: bench
type: Opaque
stringData:
  Authorization: Bearer sk-not-a-real-key
"""

_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: r-{number}
  namespace: bench
spec:
  parentRefs:
  - name: bench
  rules:
  - matches:
    - path:
        type: PathPrefix
        value: /r-{number}
    filters:
    - type: URLRewrite
      urlRewrite:
        path:
          type: ReplaceFullPath
          replaceFullPath: /v1/chat/completions
    backendRefs:
    - name: r-{number}
      group: gloo.solo.io
      kind: Upstream
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata:
  name: r-{number}
  namespace: bench
spec:
  ai:
    multi:
      priorities:
      - pool:
        - openai:
            model: {model}
            customHost:
              host: 127.0.0.1
              port: {good}
            authToken:
              secretRef:
                name: bench
                namespace: bench
      - pool:
        - openai:
            model: gpt-4.0-turbo
            customHost:
              host: 127.0.0.1
              port: {spare}
            authToken:
              secretRef:
                name: bench
                namespace: bench
---
apiVersion: gateway.solo.io/v1
kind: RouteOption
metadata:
  name: r-{number}
  namespace: bench
spec:
  targetRefs:
  - group: gateway.networking.k8s.io
    kind: HTTPRoute
    name: r-{number}
  options:
    retries:
      retryOn: retriable-status-codes
      retriableStatusCodes:
      - 429
      numRetries: 3
      previousPriorities:
        updateFrequency: 1
---
apiVersion: switchover.dev/v1alpha1
kind: FailoverPolicy
metadata:
  name: r-{number}
  namespace: bench
spec:
  targetRefs:
  - group: gateway.networking.k8s.io
    kind: HTTPRoute
    name: r-{number}
  coolDown:
    after: 5
    base: 5s
    max: 1m
"""


def base(ports: Ports) -> str:
    """The Gateway and the Secret."""
    return _BASE.format(port=ports.proxy)


def route(number: int, ports: Ports, model: str = "gpt-4o") -> str:
    """A route at /r-NUMBER with an Upstream, a RouteOption and a FailoverPolicy of its own."""
    return _ROUTE.format(number=number, model=model, good=ports.good, spare=ports.spare)


def one_file(folder: Path, routes: int, ports: Ports) -> Path:
    """All objects in one file."""
    path = folder / "all.yaml"
    path.write_text("---\n".join([base(ports), *(route(number, ports) for number in range(routes))]))
    return path


def many_files(folder: Path, routes: int, ports: Ports) -> Path:
    """A folder with a file for each route."""
    path = folder / "files"
    path.mkdir()
    (path / "base.yaml").write_text(base(ports))
    for number in range(routes):
        (path / f"r-{number:05}.yaml").write_text(route(number, ports))
    return path
