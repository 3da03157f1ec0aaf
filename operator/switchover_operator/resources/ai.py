"""`spec.ai` of an Upstream: which provider and model answers, and with whose credential.

Field by field as Gloo's `ai.proto` (UpstreamSpec) has them. All providers can be read; which of them are served, the
compiler says.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from .model import Confidential, Expected, Items, OneOf, OpenPart, UnsetPort, gloo_enum
from .reference import Name, ResourceRef


class Empty(OpenPart):
    """A message without fields: writing `{}` is all there is to say."""


class AuthToken(OpenPart):
    """Where the credential comes from."""

    ONE_OF = (OneOf(("inline", "secretRef", "passthrough"), required=True),)

    inline: Annotated[SecretStr | None, Confidential()] = None
    """The token in clear; better kept in a Secret."""
    secret_ref: ResourceRef | None = None
    """A Secret in the Upstream's namespace whose key `Authorization` holds the token."""
    passthrough: Empty | None = None
    """The caller's own token, from its `Authorization` header."""


Token = Annotated[AuthToken | None, Confidential()]
"""A text where the object belongs is most likely the token itself, so it is not shown."""


class PathOverride(OpenPart):
    """What becomes of the request's path at a custom host."""

    ONE_OF = (OneOf(("fullPath", "basePath")),)

    full_path: str | None = None
    """Replaces path and query."""
    base_path: str | None = None
    """Goes before the path."""


class CustomHost(OpenPart):
    """Another host than the provider's own. TLS is used exactly when the port is 443."""

    host: str = ""
    """Host name or IP address; unset: the provider's own."""
    port: UnsetPort = 0
    """Port; unset: 443."""
    hostname: str | None = None
    """Name for SNI and the Host header; unset: `host`."""
    path_override: PathOverride | None = None


class Provider(OpenPart):
    """What all providers but Bedrock share."""

    auth_token: Token = None
    """The credential; unset: none is sent."""
    custom_host: CustomHost | None = None


class OpenAI(Provider):
    """OpenAI, or any API that is compatible with it."""

    model: str = ""
    """Replaces the `model` of the request; unset: the request's own is kept."""


class Mistral(Provider):
    """Mistral AI."""

    model: str = ""
    """Replaces the `model` of the request; unset: the request's own is kept."""


class Anthropic(Provider):
    """Anthropic's Messages API."""

    model: str = ""
    """Replaces the `model` of the request; unset: the request's own is kept."""
    version: str = ""
    """Value of the `anthropic-version` header."""


class AzureOpenAI(Provider):
    """Azure OpenAI, where a deployment stands for a model."""

    endpoint: Name
    """Host of the resource, as `my-resource.openai.azure.com`; a scheme is stripped."""
    deployment_name: Name
    """The deployment, which stands in the path."""
    api_version: Name
    """The `api-version` of the query."""


class Gemini(Provider):
    """Google's Gemini API."""

    model: Name
    """The model, which stands in the path."""
    api_version: Name
    """The version, which stands in the path."""


class Publisher(StrEnum):
    """Publisher of a Vertex AI model."""

    GOOGLE = "GOOGLE"


class JsonSchema(StrEnum):
    """The API that a Vertex AI model speaks; NOT_SET means GEMINI."""

    NOT_SET = "NOT_SET"
    ANTHROPIC = "ANTHROPIC"
    GEMINI = "GEMINI"
    OPENAI = "OPENAI"


class VertexAI(Provider):
    """Google's Vertex AI."""

    model: Name
    """The model, which stands in the path."""
    api_version: Name
    """The version, which stands in the path."""
    project_id: Name
    """The Google Cloud project."""
    location: Name
    """The Google Cloud location."""
    model_path: str = ""
    """What is called on the model; unset: `generateContent`."""
    publisher: Annotated[Publisher, gloo_enum(Publisher)] = Publisher.GOOGLE
    """The model's publisher."""
    json_schema: Annotated[JsonSchema, gloo_enum(JsonSchema)] = JsonSchema.NOT_SET
    """The API that the model speaks; unset: Gemini's."""


class AwsInline(OpenPart):
    """AWS credentials in clear; better kept in a Secret."""

    access_key_id: Annotated[SecretStr, Confidential()]
    secret_access_key: Annotated[SecretStr, Confidential()]
    session_token: Annotated[SecretStr | None, Confidential()] = None


class AwsCredentialProvider(OpenPart):
    """Where AWS credentials come from."""

    ONE_OF = (OneOf(("secretRef", "inline"), required=True),)

    secret_ref: ResourceRef | None = None
    """A Secret with the keys aws_access_key_id, aws_secret_access_key and, optionally, aws_session_token."""
    inline: Annotated[AwsInline | None, Confidential()] = None


class Bedrock(OpenPart):
    """AWS Bedrock."""

    model: Name
    """The model's id."""
    region: Name
    """The AWS region."""
    credential_provider: Annotated[AwsCredentialProvider | None, Confidential()] = None
    custom_host: CustomHost | None = None


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
    vertex_ai: VertexAI | None = None
    bedrock: Bedrock | None = None


class Pool(OpenPart):
    """Backends of one priority; all have equal rank."""

    pool: Annotated[Items[Backend], Field(min_length=1), Expected("a list of at least one backend")]
    """The backends of this priority."""


class Multi(OpenPart):
    """Several backends in order of priority."""

    priorities: Annotated[Items[Pool], Field(min_length=1), Expected("a list of at least one pool")]
    """Pools; the first is tried first."""


class Ai(Backend):
    """An LLM provider, or several in order of priority."""

    ONE_OF = (OneOf((*PROVIDERS, "multi"), required=True),)

    multi: Multi | None = None
    """Models or hosts in order of priority: what failover is about."""
