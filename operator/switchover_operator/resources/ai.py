"""`spec.ai` of an Upstream: providers and models, and the credentials for them.

The fields are those of Gloo's `ai.proto` (UpstreamSpec). Two are ours alone: `customHost` of Gemini, Vertex AI and
Bedrock, and the publisher ANTHROPIC.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from .left_out import Alone
from .model import Confidential, Expected, Items, OneOf, OpenPart, UnsetPort, gloo_enum
from .reference import Name, ResourceRef


class Empty(OpenPart):
    """A message without fields: it is set by `{}`."""


class AuthToken(OpenPart):
    """The source of the credential."""

    ONE_OF = (OneOf(("inline", "secretRef", "passthrough"), required=True),)

    inline: Annotated[SecretStr | None, Confidential()] = None
    """The token in clear text; a Secret is safer."""
    secret_ref: ResourceRef | None = None
    """A Secret in the Upstream's namespace whose key `Authorization` holds the token."""
    passthrough: Empty | None = None
    """Use the caller's own token, from the `Authorization` header."""


Token = Annotated[AuthToken | None, Confidential()]
"""A text in place of the object is most likely the token itself, so it is not shown."""


class PathOverride(OpenPart):
    """Change of the request's path for a custom host."""

    ONE_OF = (OneOf(("fullPath", "basePath")),)

    full_path: str | None = None
    """Replacement for path and query."""
    base_path: str | None = None
    """Prefix that is added to the path."""


class CustomHost(OpenPart):
    """A host other than the provider's own. TLS is used if and only if the port is 443."""

    host: str = ""
    """Host name or IP address. Default: the provider's own host."""
    port: UnsetPort = 0
    """Port. Default: 443."""
    hostname: str | None = None
    """Name for SNI and the Host header. Default: `host`."""
    path_override: PathOverride | None = None


class Provider(OpenPart):
    """The fields that all providers have."""

    auth_token: Token = None
    """The credential. Default: none is sent."""
    custom_host: CustomHost | None = None


class OpenAI(Provider):
    """OpenAI, or any compatible API."""

    model: str = ""
    """Replacement for the `model` of the request. Default: the model of the request is kept."""


class Mistral(Provider):
    """Mistral AI."""

    model: str = ""
    """Replacement for the `model` of the request. Default: the model of the request is kept."""


class AzureOpenAI(Provider):
    """Azure OpenAI, which has deployments instead of models."""

    endpoint: Name
    """Host of the resource, such as `my-resource.openai.azure.com`; a scheme is removed."""
    deployment_name: Name
    """Name of the deployment; it becomes part of the path."""
    api_version: Name
    """Value of `api-version` in the query."""


class Anthropic(Provider):
    """Anthropic, with the Messages API."""

    model: str = ""
    """Replacement for the `model` of the request. Default: the model of the request is kept."""
    version: str = ""
    """Value of the `anthropic-version` header of requests without one; a client's own is kept. Default: 2023-06-01."""


class Gemini(Provider):
    """Google's Gemini API, with generateContent."""

    model: str = ""
    """Name of the model; it becomes part of the path. Default: the model of the request, if the client speaks
    generateContent, which has it in the path. A client with another API is not served here without this field."""
    api_version: str = ""
    """Version of the API, the first part of the path. Default: v1beta."""


class Publisher(StrEnum):
    """The publisher of a model on Vertex AI, which is a part of the path."""

    GOOGLE = "GOOGLE"
    ANTHROPIC = "ANTHROPIC"


class ApiJsonSchema(StrEnum):
    """The API of a model on Vertex AI."""

    NOT_SET = "NOT_SET"
    ANTHROPIC = "ANTHROPIC"
    GEMINI = "GEMINI"
    OPENAI = "OPENAI"


class VertexAi(Provider):
    """Google's Vertex AI, with generateContent, with Messages for models of Anthropic, or with Chat Completions."""

    model: str = ""
    """Name of the model; it becomes part of the path. Default: the model of the request, if it is in the API of the
    model. A client with another API is not served here without this field. With the API ANTHROPIC it is required."""
    api_version: str = ""
    """Version of the API, the first part of the path. Default: v1."""
    project_id: Name
    """The ID of the Google Cloud project; it becomes part of the path."""
    location: Name
    """The location, as `us-central1`, `us`, `eu` or `global`; it decides the host and becomes part of the path."""
    model_path: str = ""
    """The method that stands behind the model and a colon in the path. Default: the one of the model's API."""
    publisher: Annotated[Publisher, gloo_enum(Publisher)] = Publisher.GOOGLE
    """The publisher of the model. Default: GOOGLE."""
    json_schema: Annotated[ApiJsonSchema, gloo_enum(ApiJsonSchema)] = ApiJsonSchema.NOT_SET
    """The API of the model: GEMINI is generateContent, ANTHROPIC is Messages, OPENAI is Chat Completions. Default:
    ANTHROPIC for the publisher ANTHROPIC, else GEMINI."""


class AwsKeys(OpenPart):
    """AWS credentials in clear text; a Secret is safer."""

    access_key_id: Annotated[SecretStr, Confidential()]
    """The access key ID."""
    secret_access_key: Annotated[SecretStr, Confidential()]
    """The secret access key."""
    session_token: Annotated[SecretStr | None, Confidential()] = None
    """The session token of temporary credentials."""


class CredentialProvider(OpenPart):
    """The source of AWS credentials."""

    ONE_OF = (OneOf(("secretRef", "inline"), required=True),)

    secret_ref: ResourceRef | None = None
    """A Secret in the Upstream's namespace with the keys `aws_access_key_id`, `aws_secret_access_key` and, for
    temporary credentials, `aws_session_token`; their names may be in upper case."""
    inline: Annotated[AwsKeys | None, Confidential()] = None
    """The credentials in clear text; a Secret is safer."""


class Bedrock(Provider):
    """Amazon Bedrock, with the Converse API. Without `authToken` and `credentialProvider`, requests are signed with the
    AWS credentials that the data plane's environment has."""

    ONE_OF = (OneOf(("authToken", "credentialProvider")),)

    model: Name
    """ID of the model, ID of an inference profile, or the ARN of one of these."""
    region: Name
    """The AWS region, as `us-east-1`; it decides the host, and requests are signed for it."""
    credential_provider: Annotated[CredentialProvider | None, Confidential()] = None
    """The AWS credentials that requests are signed with. `authToken` takes a Bedrock API key instead."""


PROVIDERS = ("openai", "mistral", "anthropic", "azureOpenai", "gemini", "vertexAi", "bedrock")
"""The fields that hold a provider."""


class Backend(OpenPart):
    """One model at one provider."""

    ONE_OF: ClassVar[tuple[OneOf, ...]] = (OneOf(PROVIDERS, required=True),)

    openai: OpenAI | None = None
    mistral: Mistral | None = None
    anthropic: Anthropic | None = None
    azure_openai: AzureOpenAI | None = None
    gemini: Gemini | None = None
    vertex_ai: VertexAi | None = None
    bedrock: Bedrock | None = None


class Pool(OpenPart):
    """The backends of one priority, with equal rank."""

    pool: Annotated[Items[Alone[Backend]], Field(min_length=1), Expected("a list of at least one backend")]
    """The backends of this priority."""


class Multi(OpenPart):
    """Several backends, in order of priority."""

    priorities: Annotated[Items[Pool], Field(min_length=1), Expected("a list of at least one pool")]
    """The pools; the first one has the highest priority."""


class Ai(Backend):
    """An LLM provider, or several in order of priority."""

    ONE_OF = (OneOf((*PROVIDERS, "multi"), required=True),)

    multi: Multi | None = None
    """Models or hosts in order of priority, for failover."""
