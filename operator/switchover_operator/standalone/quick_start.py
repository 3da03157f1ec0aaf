"""Models of `--model` → the objects that serve them, as anybody writes them: Gateway, route, Upstream, Secrets.

What is served is compiled from these objects as from any others. `--print` writes the same ones, with `${NAME}` of an
environment variable where a key stands.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from switchover_operator.compiler.api_keys import SECRET_TYPE
from switchover_operator.compiler.auth_faults import API_KEY
from switchover_operator.compiler.credentials import TOKEN_KEY
from switchover_operator.compiler.fleet import CLASS_NAME
from switchover_operator.compiler.key_texts import key_of
from switchover_operator.compiler.open_access import ANNOTATION as OPEN
from switchover_operator.key_shapes import without_keys
from switchover_operator.standalone.client_keys import ClientKey
from switchover_operator.standalone.files import FileState, View, advance, merged
from switchover_operator.standalone.model_names import Model
from switchover_operator.standalone.providers import (
    AZURE_API_VERSION,
    AZURE_DEFAULT_VERSION,
    AZURE_ENDPOINT,
    HTTPS,
)

BASE_PATH: Final = "/v1"
NAME: Final = "models"
CALLERS: Final = "callers"
CALLER_LABEL: Final = "gateway-access"
_NAMESPACE: Final = "default"
_ORIGIN: Final = Path("--model")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """What is served: models in their order, the port, and who may ask: `None` is everybody who reaches it.

    `is_private` tells that this machine alone reaches the port.
    """

    models: tuple[Model, ...]
    port: int
    callers: tuple[ClientKey, ...] | None = None
    is_private: bool = True


def missing(models: Iterable[Model], environment: Mapping[str, str]) -> list[str]:
    """Say of each variable that the models need which is not set, or has a value that cannot be used."""
    wrong: dict[str, None] = {}
    for model in models:
        variable = model.known.variable
        key = environment.get(variable, "")
        if model.needs_key and not key:
            hint = f" (a server that asks for none is vllm/{model.name}@HOST:PORT)" if model.host else ""
            wrong[f"--model {model} needs a key: set {variable}{hint}"] = None
        elif key and (problem := key_of(key)[0]):
            wrong[f"--model {model}: {variable} {problem}"] = None
    return [*wrong]


def objects(start: Start, environment: Mapping[str, str]) -> list[Object]:
    """Make all objects, with the keys that the environment has.

    Raises:
        ValueError: an Azure OpenAI model has no endpoint, or one that is none.
    """
    keys = {model.known.variable: environment.get(model.known.variable, "") for model in start.models}
    client_keys = {caller.name: caller.key for caller in start.callers or ()}
    return _objects(start, environment, {name: key for name, key in keys.items() if key}, client_keys)


def manifests(start: Start, environment: Mapping[str, str]) -> str:
    """Write all objects as YAML, where each key is the name of a variable; a header says what to do with it.

    Raises:
        ValueError: as of `objects`.
    """
    wanted = [model for model in start.models if model.needs_key or environment.get(model.known.variable)]
    keys = {model.known.variable: f"${{{model.known.variable}}}" for model in wanted}
    client_keys = {caller.name: f"${{{_variable(caller)}}}" for caller in start.callers or ()}
    made = _objects(start, environment, keys, client_keys)
    variables = [*keys, *map(_variable, start.callers or ())]
    lines = [
        f"# switchover run {' '.join(f'--model {model}' for model in start.models)}",
        "# as manifests. To serve them: switchover run THIS-FILE",
        *([f"# These environment variables hold the keys: {', '.join(variables)}"] if variables else []),
    ]
    return "\n".join(lines) + "\n" + _yaml(made)


class Made:
    """Objects that were made and never change, read as manifests are."""

    def __init__(self, made: Sequence[Object]) -> None:
        state = advance(FileState(), _ORIGIN, _yaml(made).encode(), is_rendered=True)
        self._view = merged({_ORIGIN: state})

    def read(self) -> View:
        """Give the objects."""
        return self._view

    async def changes(self) -> AsyncGenerator[None, None]:
        """Never yield: there is nothing that changes."""
        await asyncio.Event().wait()
        yield


def _variable(caller: ClientKey) -> str:
    return f"CLIENT_KEY_{caller.name.upper().replace('-', '_')}"


def _yaml(made: Sequence[Object]) -> str:
    return yaml.safe_dump_all(made, sort_keys=False, allow_unicode=True, width=120)


# ── The objects ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _objects(
    start: Start, environment: Mapping[str, str], keys: Mapping[str, str], client_keys: Mapping[str, str]
) -> list[Object]:
    priorities = [{"pool": [_backend(model, environment, keys)]} for model in start.models]
    listener = {"name": "http", "protocol": "HTTP", "port": start.port}
    gateway = _object(
        "gateway.networking.k8s.io/v1", "Gateway", NAME, {"gatewayClassName": CLASS_NAME, "listeners": [listener]}
    )
    if start.is_private and start.callers is None:
        gateway["metadata"]["annotations"] = {OPEN: "true"}
    path = {"type": "PathPrefix", "value": BASE_PATH}
    backend = {"name": NAME, "group": "gloo.solo.io", "kind": "Upstream"}
    route = _object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        NAME,
        {"parentRefs": [{"name": NAME}], "rules": [{"matches": [{"path": path}], "backendRefs": [backend]}]},
    )
    upstream = _object("gloo.solo.io/v1", "Upstream", NAME, {"ai": {"multi": {"priorities": priorities}}})
    secrets = [_secret(_secret_name(variable), "Opaque", {TOKEN_KEY: key}) for variable, key in keys.items()]
    return [gateway, route, upstream, *secrets, *_access(client_keys, {each["metadata"]["name"] for each in secrets})]


def _backend(model: Model, environment: Mapping[str, str], keys: Mapping[str, str]) -> Object:
    known = model.known
    body: Object = {}
    host, port = (model.host, model.port) if model.host else (known.host, known.port)
    if known.field == "azureOpenai":
        endpoint, own_port = (model.host, model.port) if model.host else _azure_endpoint(model, environment)
        body = {
            "endpoint": endpoint,
            "deploymentName": model.name,
            "apiVersion": environment.get(AZURE_API_VERSION) or AZURE_DEFAULT_VERSION,
        }
        host, port = ("", 0) if own_port == HTTPS else (endpoint, own_port)
    else:
        body = {"model": model.name}
    if host:
        custom: Object = {"host": host, "port": port}
        # At a host of the user's own the API is where OpenAI has it.
        if known.base_path and not model.host:
            custom["pathOverride"] = {"basePath": known.base_path}
        body["customHost"] = custom
    if known.variable in keys:
        body["authToken"] = {"secretRef": {"name": _secret_name(known.variable), "namespace": _NAMESPACE}}
    return {known.field: body}


def _azure_endpoint(model: Model, environment: Mapping[str, str]) -> tuple[str, int]:
    text = environment.get(AZURE_ENDPOINT, "").strip()
    right = "https://RESOURCE.openai.azure.com"
    if not text:
        raise ValueError(f"--model {model} needs the address of your resource: set {AZURE_ENDPOINT}={right}")
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError(
            f"--model {model}: {AZURE_ENDPOINT} must be scheme and host alone, as {right}; got {without_keys(text)!r}"
        )
    return host, port or (HTTPS if parts.scheme == "https" else 80)


def _access(client_keys: Mapping[str, str], taken: Iterable[str]) -> list[Object]:
    """Make the access control of docs/access.md; nothing without callers."""
    if not client_keys:
        return []
    both = sorted(client_keys.keys() & set(taken))
    if both:
        raise ValueError(f"a client must not be called {both[0]}: the provider's Secret has this name")
    secrets = [_secret(name, SECRET_TYPE, {API_KEY: key}) for name, key in client_keys.items()]
    for secret in secrets:
        secret["metadata"]["labels"] = {CALLER_LABEL: "yes"}
    storage = {"k8sSecretApikeyStorage": {"labelSelector": {CALLER_LABEL: "yes"}}}
    config = _object("enterprise.gloo.solo.io/v1", "AuthConfig", CALLERS, {"configs": [{"apiKeyAuth": storage}]})
    option = _object(
        "gateway.solo.io/v1",
        "RouteOption",
        CALLERS,
        {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": NAME}],
            "options": {"extauth": {"configRef": {"name": CALLERS, "namespace": _NAMESPACE}}},
        },
    )
    return [*secrets, config, option]


def _object(version: str, kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": _NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _secret(name: str, kind: str, values: Mapping[str, str]) -> Object:
    metadata = {"name": name, "namespace": _NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": dict(values)}


def _secret_name(variable: str) -> str:
    return variable.lower().replace("_", "-")
