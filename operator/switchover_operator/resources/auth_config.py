"""AuthConfig (`enterprise.gloo.solo.io/v1`): who may ask. Of its ways API keys are served.

Source: Gloo API reference, `extauth.proto` (AuthConfig, ApiKeyAuth, K8sSecretApiKeyStorage).
"""

from typing import Annotated

from pydantic import Field

from .model import Closing, FreeForm, Items, NoEffect, OpenPart
from .reference import Name, ResourceRef
from .resource import Resource

Unserved = Annotated[FreeForm, Closing()]
"""A way to find out who asks that is known by its name only."""


class MetadataEntry(OpenPart):
    """A key of the Secret, beside that of the API key."""

    name: Name
    """Key of the Secret whose value the header gets."""
    required: bool = False
    """Whether an API key counts only if its Secret has that key, too."""


class ApiKeyStorage(OpenPart):
    """Secrets of type extauth.solo.io/apikey, each with one API key under `api-key`."""

    label_selector: dict[str, str] = Field(default_factory=dict[str, str])
    """Labels that the Secrets carry; only Secrets of the AuthConfig's own namespace are looked at."""
    api_key_secret_refs: Items[ResourceRef] = ()
    """Secrets by name; one of another namespace needs a ReferenceGrant there."""


class ApiKeyAuth(OpenPart):
    """A request needs an API key."""

    header_name: str = ""
    """Header that holds the key, beside those that LLM clients use; unset: api-key."""
    k8s_secret_apikey_storage: Annotated[ApiKeyStorage | None, Field(alias="k8sSecretApikeyStorage")] = None
    """Which Secrets hold the keys."""
    label_selector: dict[str, str] = Field(default_factory=dict[str, str])
    """As in k8sSecretApikeyStorage, which comes first."""
    api_key_secret_refs: Items[ResourceRef] = ()
    """As in k8sSecretApikeyStorage, which comes first."""
    headers_from_metadata_entry: dict[str, MetadataEntry] = Field(default_factory=dict[str, MetadataEntry])
    """Headers for the backend, by name, each with a value of the caller's Secret."""
    headers_from_metadata: dict[str, MetadataEntry] = Field(default_factory=dict[str, MetadataEntry])
    """As headersFromMetadataEntry, which comes first."""
    skip_metadata_validation: bool = False
    """Whether keys count whose Secrets lack what is required."""
    aerospike_apikey_storage: Unserved = None


class AuthStep(OpenPart):
    """One way to find out who asks."""

    name: str | None = None
    """Name of the step, for booleanExpr."""
    api_key_auth: ApiKeyAuth | None = None
    basic_auth: Unserved = None
    oauth: Unserved = None
    oauth2: Unserved = None
    plugin_auth: Unserved = None
    opa_auth: Unserved = None
    opa_server_auth: Unserved = None
    ldap: Unserved = None
    jwt: Unserved = None
    pass_through_auth: Unserved = None
    hmac_auth: Unserved = None
    portal_auth: Unserved = None


class AuthConfigSpec(OpenPart):
    """All steps must let a request pass; one step is served."""

    configs: Items[AuthStep] = ()
    """The steps."""
    boolean_expr: Annotated[str | None, Closing()] = None
    fail_on_redirect: Annotated[bool, NoEffect()] = False


class AuthConfig(Resource, OpenPart):
    """Who may ask on the routes that refer to it."""

    GROUP = "enterprise.gloo.solo.io"
    VERSIONS = ("v1",)
    KIND = "AuthConfig"
    PLURAL = "authconfigs"
    KEEPS_LAST_GOOD = False

    spec: AuthConfigSpec
