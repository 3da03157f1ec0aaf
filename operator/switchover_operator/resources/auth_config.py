"""AuthConfig (`enterprise.gloo.solo.io/v1`): access control. Of its methods, API keys are served.

Source: Gloo API reference, `extauth.proto` (AuthConfig, ApiKeyAuth, K8sSecretApiKeyStorage).
"""

from typing import Annotated

from pydantic import Field

from .model import Closing, FreeForm, Items, NoEffect, OpenPart
from .reference import Name, ResourceRef
from .resource import Resource

Unserved = Annotated[FreeForm, Closing()]
"""A method of authentication of which only the name is known; it is not served."""


class MetadataEntry(OpenPart):
    """A further key of the Secret that holds the API key."""

    name: Name
    """Key of the Secret; its value becomes the header's value."""
    required: bool = False
    """Accept an API key only if its Secret has this key, too."""


class ApiKeyStorage(OpenPart):
    """Secrets of type extauth.solo.io/apikey, each with one API key under the key `api-key`."""

    label_selector: dict[str, str] = Field(default_factory=dict[str, str])
    """Labels of the Secrets; only Secrets in the AuthConfig's own namespace are selected."""
    api_key_secret_refs: Items[ResourceRef] = ()
    """Secrets by name; one in another namespace needs a ReferenceGrant there."""


class ApiKeyAuth(OpenPart):
    """Access by API key."""

    header_name: str = ""
    """Header that holds the key, in addition to those that LLM clients use. Default: api-key."""
    k8s_secret_apikey_storage: Annotated[ApiKeyStorage | None, Field(alias="k8sSecretApikeyStorage")] = None
    """The Secrets that hold the keys."""
    label_selector: dict[str, str] = Field(default_factory=dict[str, str])
    """As in k8sSecretApikeyStorage, which has precedence."""
    api_key_secret_refs: Items[ResourceRef] = ()
    """As in k8sSecretApikeyStorage, which has precedence."""
    headers_from_metadata_entry: dict[str, MetadataEntry] = Field(default_factory=dict[str, MetadataEntry])
    """Request headers for the backend, by name, each with a value of the caller's Secret."""
    headers_from_metadata: dict[str, MetadataEntry] = Field(default_factory=dict[str, MetadataEntry])
    """As headersFromMetadataEntry, which has precedence."""
    skip_metadata_validation: bool = False
    """Accept a key even if its Secret lacks a key that is required."""
    aerospike_apikey_storage: Unserved = None


class AuthStep(OpenPart):
    """One method of authentication."""

    name: str | None = None
    """Name of the step, for use in booleanExpr."""
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
    """The steps of authentication. A request must pass all of them; exactly one step is served."""

    configs: Items[AuthStep] = ()
    """The steps; exactly one is served."""
    boolean_expr: Annotated[str | None, Closing()] = None
    fail_on_redirect: Annotated[bool, NoEffect()] = False


class AuthConfig(Resource, OpenPart):
    """Access control for the routes that refer to it."""

    GROUP = "enterprise.gloo.solo.io"
    VERSIONS = ("v1",)
    KIND = "AuthConfig"
    PLURAL = "authconfigs"
    KEEPS_LAST_GOOD = False

    spec: AuthConfigSpec
