"""Where a request goes: the models and servers that can answer."""

from typing import Literal

from switchover_dataplane.table.fields import Frozen, PortNumber, Positive, Seconds


class OpenAI(Frozen, frozen=True, tag_field="kind", tag="openai"):
    """OpenAI and every compatible API. `model` "" keeps the model of the request."""

    model: str = ""


class AzureOpenAI(Frozen, frozen=True, tag_field="kind", tag="azure-openai"):
    """Azure OpenAI: the model is a deployment and stands in the path."""

    deployment: str
    api_version: str


class Mistral(Frozen, frozen=True, tag_field="kind", tag="mistral"):
    """Mistral's API. `model` "" keeps the model of the request."""

    model: str = ""


class Http(Frozen, frozen=True, tag_field="kind", tag="http"):
    """A plain HTTP server (static and kube Upstreams, Services): nothing is known of its bodies."""


Provider = OpenAI | AzureOpenAI | Mistral | Http


class Auth(Frozen, frozen=True):
    """Which credential a target gets: `secret` names a bare token in `Table.secrets`.

    The provider decides the header. `passthrough` keeps the caller's own; `none` sends none.
    """

    kind: Literal["none", "token", "passthrough"] = "none"
    secret: str = ""


class Tls(Frozen, frozen=True):
    """TLS to a target: `server_name` for SNI and verification; `ca`, `chain`, `key` name PEM texts in `secrets`.

    Without `ca` the system's certificate authorities are trusted.
    """

    server_name: str
    ca: str = ""
    chain: str = ""
    key: str = ""


class Target(Frozen, frozen=True):
    """One place that can answer: a model at a host.

    `host_header` "" forwards the client's. `full_path` replaces path and query, `base_path` goes before the path
    (Gloo `customHost.pathOverride`).
    """

    id: str
    host: str
    port: PortNumber
    provider: Provider = Http()
    tls: Tls | None = None
    host_header: str = ""
    full_path: str = ""
    base_path: str = ""
    auth: Auth = Auth()
    weight: Positive = 1


class Upstream(Frozen, frozen=True):
    """Targets in pools, one pool a priority, the first is tried first. `ai` tells whether bodies are LLM requests.

    `disabled` says why none of the targets gets requests, "" if they do.
    """

    name: str
    ai: bool = False
    priorities: tuple[tuple[Target, ...], ...] = ()
    connect_timeout: Seconds = 5.0
    disabled: str = ""
