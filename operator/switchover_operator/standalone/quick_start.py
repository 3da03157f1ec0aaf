"""Models of `--model` → the objects that serve them, as anybody writes them: Gateway, route, Upstream, Secrets.

What is served is compiled from these objects as from any others. `--print` writes the same ones, with `${NAME}` of an
environment variable where a key stands.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from switchover_operator.compiler.api_keys import SECRET_TYPE
from switchover_operator.compiler.auth_faults import API_KEY
from switchover_operator.compiler.fleet import CLASS_NAME
from switchover_operator.compiler.open_access import ANNOTATION as OPEN
from switchover_operator.standalone import provider_settings
from switchover_operator.standalone.client_keys import ClientKey
from switchover_operator.standalone.files import FileState, View, advance, merged
from switchover_operator.standalone.model_names import Model

BASE_PATH: Final = "/v1"
_GOOGLES_PATH: Final = "/v1beta"
"""Where clients of the Gemini API ask (Google Gen AI SDK)."""

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
    wrong = (problem for model in models for problem in provider_settings.problems(model, environment))
    return [*dict.fromkeys(wrong)]


def objects(start: Start, environment: Mapping[str, str]) -> list[Object]:
    """Make all objects, with the keys that the environment has.

    Raises:
        ValueError: a variable is missing that says where a model is, or has a value that cannot be used.
    """
    held = {model: provider_settings.variables(model, environment) for model in start.models}
    client_keys = {caller.name: caller.key for caller in start.callers or ()}
    return _objects(start, environment, held, environment, client_keys)


def manifests(start: Start, environment: Mapping[str, str]) -> str:
    """Write all objects as YAML, where each key is the name of a variable; a header says what to do with it.

    Raises:
        ValueError: as of `objects`.
    """
    held = {model: provider_settings.variables(model, environment, also_unset=True) for model in start.models}
    named = {variable: _PRINTED.get(variable, variable) for names in held.values() for variable in names}
    client_keys = {caller.name: f"${{{_variable(caller)}}}" for caller in start.callers or ()}
    placed = {variable: f"${{{name}}}" for variable, name in named.items()}
    made = _objects(start, environment, held, placed, client_keys)
    variables = [*named.values(), *map(_variable, start.callers or ())]
    lines = [
        f"# switchover run {' '.join(f'--model {model}' for model in start.models)}",
        "# as manifests. To serve them: switchover run THIS-FILE",
        *([f"# These environment variables hold the keys: {', '.join(variables)}"] if variables else []),
        *(f"# {name} is the content of the file that {each} names" for each, name in _PRINTED.items() if each in named),
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


_PRINTED: Final[Mapping[str, str]] = {"GOOGLE_APPLICATION_CREDENTIALS": "GOOGLE_APPLICATION_CREDENTIALS_JSON"}
"""Variables that name a file → those that manifests name for its content: manifests read no files."""


def _objects(
    start: Start,
    environment: Mapping[str, str],
    held: Mapping[Model, tuple[str, ...]],
    values: Mapping[str, str],
    client_keys: Mapping[str, str],
) -> list[Object]:
    """Make the objects. `held` are the variables of each model's credential, `values` what stands in their place."""
    priorities = [{"pool": [_backend(model, environment, held[model])]} for model in start.models]
    listener = {"name": "http", "protocol": "HTTP", "port": start.port}
    gateway = _object(
        "gateway.networking.k8s.io/v1", "Gateway", NAME, {"gatewayClassName": CLASS_NAME, "listeners": [listener]}
    )
    if start.is_private and start.callers is None:
        gateway["metadata"]["annotations"] = {OPEN: "true"}
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in (BASE_PATH, _GOOGLES_PATH)]
    backend = {"name": NAME, "group": "gloo.solo.io", "kind": "Upstream"}
    route = _object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        NAME,
        {"parentRefs": [{"name": NAME}], "rules": [{"matches": matches, "backendRefs": [backend]}]},
    )
    upstream = _object("gloo.solo.io/v1", "Upstream", NAME, {"ai": {"multi": {"priorities": priorities}}})
    secrets = [
        _secret(provider_settings.secret_name(names), "Opaque", provider_settings.secret_values(names, values))
        for names in dict.fromkeys(held.values())
        if names
    ]
    return [gateway, route, upstream, *secrets, *_access(client_keys, {each["metadata"]["name"] for each in secrets})]


def _backend(model: Model, environment: Mapping[str, str], variables: tuple[str, ...]) -> Object:
    known = model.known
    body, (host, port) = provider_settings.fields(model, environment)
    if host:
        custom: Object = {"host": host, "port": port}
        # At a host of the user's own the API is where OpenAI has it.
        if known.base_path and not model.host:
            custom["pathOverride"] = {"basePath": known.base_path}
        body["customHost"] = custom
    return {known.field: {**body, **provider_settings.credential(variables, _NAMESPACE)}}


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
