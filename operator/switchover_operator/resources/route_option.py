"""RouteOption (`gateway.solo.io/v1`): how the requests of an HTTPRoute are tried, timed and changed."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from .duration import GlooDuration
from .model import (
    Closing,
    Confidential,
    Expected,
    FreeForm,
    Items,
    NoEffect,
    OneOf,
    OpenPart,
    gloo_enum,
)
from .reference import Name, ResourceRef
from .resource import Resource
from .retries import Retries

Later = Annotated[FreeForm, NoEffect()]
"""A field that is known by its name only."""


Unserved = Annotated[FreeForm, Closing()]
"""An access control that is known by its name only."""


# ── AI ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class RouteType(StrEnum):
    """Whether answers are streamed, for providers whose path says so."""

    CHAT = "CHAT"
    CHAT_STREAMING = "CHAT_STREAMING"


class FieldDefault(OpenPart):
    """A field of the request's body and the value it gets."""

    field: Name
    """Name of the field."""
    value: Annotated[Any, Field(repr=False), WithJsonSchema({})] = None
    """Any JSON."""
    override: bool = False
    """Replace a value that the request already has."""


class PromptMessage(OpenPart):
    """A chat message."""

    role: str = ""
    content: Annotated[str, Field(repr=False)] = ""


class PromptEnrichment(OpenPart):
    """Messages around the caller's."""

    prepend: Items[PromptMessage] = ()
    """Before the caller's."""
    append: Items[PromptMessage] = ()
    """After the caller's."""


class AiOptions(OpenPart):
    """Options that count where the backend is an `ai` Upstream."""

    route_type: Annotated[RouteType, gloo_enum(RouteType)] = RouteType.CHAT
    """CHAT, or CHAT_STREAMING for providers whose path says that an answer is streamed."""
    defaults: Items[FieldDefault] = ()
    """Fields of the request's body."""
    prompt_enrichment: PromptEnrichment | None = None
    prompt_guard: Later = None
    rag: Later = None
    semantic_cache: Later = None


# ── Headers, host, path ─────────────────────────────────────────────────────────────────────────────────────────────


OF_THE_REQUEST = re.compile(r"%REQ\(([!#$%&'*+.^_`|~0-9A-Za-z-]+)\)%")
"""The command of Envoy's that a header of a request may have as its whole value: the value of a field of the caller's
(Envoy, "Command operators"; names as in RFC 9110, section 5.1)."""

COMMAND = re.compile(r"%[A-Z][A-Z0-9_]*(\([^)%]*\))?(:[0-9]+)?%")
"""What Envoy takes for a command in the value of a header."""


class HeaderValue(OpenPart):
    """A header."""

    key: Name
    """The header's name."""
    value: Annotated[str, Field(repr=False), Confidential()] = ""
    """The header's value. For a request, %REQ(NAME)% alone is the value of the caller's header NAME; the header is left
    out where the caller sent none. Envoy's other commands are not served."""


class RequestHeader(OpenPart):
    """A header for the request; its value can come from a Secret."""

    ONE_OF = (OneOf(("header", "headerSecretRef"), required=True),)

    header: Annotated[HeaderValue | None, Confidential()] = None
    header_secret_ref: Annotated[ResourceRef | None, Confidential()] = None
    """A Secret of type gloo.solo.io/header: its keys are header names."""
    append: bool | None = None
    """Add to a header that is there already (unset or true), or replace it (false)."""


class ResponseHeader(OpenPart):
    """A header for the answer."""

    header: Annotated[HeaderValue, Confidential()]
    append: bool | None = None
    """Add to a header that is there already (unset or true), or replace it (false)."""


class HeaderManipulation(OpenPart):
    """Headers to add and to remove."""

    request_headers_to_add: Items[RequestHeader] = ()
    request_headers_to_remove: Items[str] = ()
    response_headers_to_add: Items[ResponseHeader] = ()
    response_headers_to_remove: Items[str] = ()


class RegexPattern(OpenPart):
    """A regular expression."""

    regex: Name
    """RE2 syntax."""
    google_re2: Annotated[FreeForm, NoEffect(), Field(alias="googleRe2")] = None


class RegexRewrite(OpenPart):
    """What matches is replaced."""

    pattern: RegexPattern
    substitution: str = ""
    """The replacement; `\\1` is the first group."""


class Abort(OpenPart):
    """Answer some requests with an error."""

    percentage: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100")] = 0.0
    http_status: Annotated[int, Field(ge=200, le=599), Expected("a status from 200 to 599, as 503")]


class Delay(OpenPart):
    """Hold some requests back."""

    percentage: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100")] = 0.0
    fixed_delay: Annotated[GlooDuration, Field(ge=1), Expected('a duration of at least 1s, as "5s"')]


class Faults(OpenPart):
    """Faults on purpose, for drills."""

    abort: Abort | None = None
    delay: Delay | None = None


class Cors(OpenPart):
    """Cross-origin resource sharing."""

    allow_origin: Items[str] = ()
    allow_origin_regex: Items[str] = ()
    allow_methods: Items[str] = ()
    allow_headers: Items[str] = ()
    expose_headers: Items[str] = ()
    max_age: str = ""
    allow_credentials: bool = False
    disable_for_route: bool = False


# ── Who may ask ─────────────────────────────────────────────────────────────────────────────────────────────────────


class ExtAuth(OpenPart):
    """Who may ask."""

    config_ref: ResourceRef | None = None
    """An AuthConfig; one of another namespace needs a ReferenceGrant there."""
    disable: bool = False
    """Nobody is asked who he is, whatever a RouteOption that comes later says."""
    custom_auth: Unserved = None


# ── The object ──────────────────────────────────────────────────────────────────────────────────────────────────────


class RouteOptions(OpenPart):
    """What is done with the requests of a route; each top-level field is taken from one RouteOption as a whole."""

    ONE_OF = (
        OneOf(("hostRewrite", "autoHostRewrite", "hostRewriteHeader", "hostRewritePathRegex")),
        OneOf(("prefixRewrite", "regexRewrite")),
    )

    retries: Retries | None = None
    timeout: GlooDuration | None = None
    """For all attempts and the whole answer; 0s is no limit."""
    idle_timeout: Annotated[GlooDuration | None, NoEffect()] = None
    ai: AiOptions | None = None
    header_manipulation: HeaderManipulation | None = None
    host_rewrite: str | None = None
    """The Host header for the backend."""
    auto_host_rewrite: bool | None = None
    """The Host header is the target's DNS name."""
    prefix_rewrite: str | None = None
    """Replaces the path prefix that the rule matched."""
    regex_rewrite: RegexRewrite | None = None
    """Replaces what matches in the path."""

    host_rewrite_header: Annotated[str | None, NoEffect()] = None
    host_rewrite_path_regex: Annotated[RegexRewrite | None, NoEffect()] = None
    append_x_forwarded_host: Annotated[bool | None, NoEffect()] = None
    faults: Annotated[Faults | None, NoEffect()] = None
    cors: Annotated[Cors | None, NoEffect()] = None

    max_stream_duration: Later = None
    ratelimit: Later = None
    ratelimit_basic: Later = None
    ratelimit_early: Later = None
    ratelimit_regular: Later = None
    rate_limit_configs: Later = None
    rate_limit_early_configs: Later = None
    rate_limit_regular_configs: Later = None
    staged_transformations: Later = None
    transformations: Later = None
    buffer_per_route: Later = None
    csrf: Unserved = None
    dlp: Later = None
    envoy_metadata: Later = None
    extauth: ExtAuth | None = None
    """Who may ask."""
    extensions: Later = None
    ext_proc: Later = None
    ext_proc_early: Later = None
    ext_proc_late: Later = None
    jwt: Unserved = None
    jwt_staged: Unserved = None
    jwt_providers_staged: Unserved = None
    lb_hash: Later = None
    rbac: Unserved = None
    shadowing: Later = None
    tracing: Later = None
    upgrades: Later = None
    waf: Unserved = None


class TargetRef(OpenPart):
    """The route that the options are for."""

    group: str = ""
    """Group of the route: gateway.networking.k8s.io."""
    kind: str = ""
    """Kind of the route: HTTPRoute."""
    name: Name
    """Name of the route."""
    namespace: str | None = None
    """Namespace of the route; only the RouteOption's own has an effect."""


class RouteOptionSpec(OpenPart):
    """For which routes, and what."""

    target_refs: Items[TargetRef] = ()
    """HTTPRoutes of the same namespace; a rule can also refer to the RouteOption with a filter `ExtensionRef`."""
    options: RouteOptions = RouteOptions()
    """What is done with the requests."""


class RouteOption(Resource, OpenPart):
    """How the requests of an HTTPRoute are tried, timed and changed."""

    GROUP = "gateway.solo.io"
    VERSIONS = ("v1",)
    KIND = "RouteOption"
    PLURAL = "routeoptions"

    spec: RouteOptionSpec
