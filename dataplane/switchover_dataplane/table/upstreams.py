"""Where a request goes: the models and servers that can answer."""

from typing import Literal

from switchover_dataplane.table.fields import Frozen, PortNumber, Positive, Seconds


class OpenAI(Frozen, frozen=True, tag_field="kind", tag="openai"):
    """OpenAI and every compatible API. `model` "" keeps the model of the request.

    `has_responses`: the host has the Responses API too, as OpenAI's own has.
    """

    model: str = ""
    has_responses: bool = True


class AzureOpenAI(Frozen, frozen=True, tag_field="kind", tag="azure-openai"):
    """Azure OpenAI: the model is a deployment and stands in the path. `has_responses` as of OpenAI."""

    deployment: str
    api_version: str
    has_responses: bool = True


class Mistral(Frozen, frozen=True, tag_field="kind", tag="mistral"):
    """Mistral's API. `model` "" keeps the model of the request."""

    model: str = ""


class Anthropic(Frozen, frozen=True, tag_field="kind", tag="anthropic"):
    """Anthropic's Messages API. `model` "" keeps the model of the request.

    `version` is the `anthropic-version` of requests that have none, "" for 2023-06-01.
    """

    model: str = ""
    version: str = ""


class Gemini(Frozen, frozen=True, tag_field="kind", tag="gemini"):
    """Google's Gemini API: the model stands in the path. `model` "" keeps the one in the path of the request."""

    model: str = ""
    api_version: str = "v1beta"


class VertexAi(Frozen, frozen=True, tag_field="kind", tag="vertex"):
    """Google's Vertex AI: project, location and model stand in the path. `model` "" keeps the one of the request.

    `publisher` and `json_schema` say which API its models have: `json_schema` "" follows from the publisher, which is
    generateContent for Google and Messages for Anthropic. `model_path` is what stands behind the model and a colon in
    the path, "" for the usual one of the API.
    """

    project: str
    location: str
    model: str = ""
    api_version: str = "v1"
    publisher: Literal["google", "anthropic"] = "google"
    model_path: str = ""
    json_schema: Literal["", "anthropic", "gemini", "openai"] = ""


class Bedrock(Frozen, frozen=True, tag_field="kind", tag="bedrock"):
    """Amazon Bedrock's Converse API: the model, its inference profile or its ARN stands in the path."""

    model: str
    region: str


class Http(Frozen, frozen=True, tag_field="kind", tag="http"):
    """A plain HTTP server (static and kube Upstreams, Services): nothing is known of its bodies."""


Provider = OpenAI | AzureOpenAI | Mistral | Anthropic | Gemini | VertexAi | Bedrock | Http


class Auth(Frozen, frozen=True):
    """Which credential a target gets. The fields name values in `Table.secrets`.

    none: no credential is sent.
    token: `secret` is a bare token; the provider decides the header.
    passthrough: the caller's own is kept.
    service-account: `secret` is the JSON key of a Google service account, which gets access tokens (RFC 7523).
    aws: `secret` is an AWS secret access key, `access_key` its access key id and `session` a session token, if it has
        one. They sign each request (AWS Signature Version 4).
    aws-identity: as `aws`, with the credentials that the data plane's environment has.
    """

    kind: Literal["none", "token", "passthrough", "service-account", "aws", "aws-identity"] = "none"
    secret: str = ""
    access_key: str = ""
    session: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all values that it needs."""
        return tuple(filter(None, (self.secret, self.access_key, self.session)))


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
