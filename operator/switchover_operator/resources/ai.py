"""`spec.ai` of an Upstream: providers and models, and the credentials for them.

The fields are those of Gloo's `ai.proto` (UpstreamSpec), for the providers that are served.
"""

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from .left_out import Alone
from .model import Confidential, Expected, Items, OneOf, OpenPart, UnsetPort
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


Unserved = Annotated[OpenPart | None, Confidential()]
"""A provider of which only the name is known, as it is not served: nothing in it is required or looked at."""


class AzureOpenAI(Provider):
    """Azure OpenAI, which has deployments instead of models."""

    endpoint: Name
    """Host of the resource, such as `my-resource.openai.azure.com`; a scheme is removed."""
    deployment_name: Name
    """Name of the deployment; it becomes part of the path."""
    api_version: Name
    """Value of `api-version` in the query."""


PROVIDERS = ("openai", "mistral", "anthropic", "azureOpenai", "gemini", "vertexAi", "bedrock")
"""The fields that hold a provider."""


class Backend(OpenPart):
    """One model at one provider."""

    ONE_OF: ClassVar[tuple[OneOf, ...]] = (OneOf(PROVIDERS, required=True),)

    openai: OpenAI | None = None
    mistral: Mistral | None = None
    anthropic: Unserved = None
    azure_openai: AzureOpenAI | None = None
    gemini: Unserved = None
    vertex_ai: Unserved = None
    bedrock: Unserved = None


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
