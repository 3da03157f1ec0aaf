"""RouteOption (`gateway.solo.io/v1`): retries, timeouts and rewrites for the requests of an HTTPRoute."""

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

WithoutEffect = Annotated[FreeForm, NoEffect()]
"""A field of which only the name is known; it has no effect."""


Unserved = Annotated[FreeForm, Closing()]
"""An access control of which only the name is known; it is not served."""


# ── AI ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class RouteType(StrEnum):
    """Whether answers are streamed, for providers that have another path then."""

    CHAT = "CHAT"
    CHAT_STREAMING = "CHAT_STREAMING"


class FieldDefault(OpenPart):
    """A field of the request's body, and its value."""

    field: Name
    """Name of the field."""
    value: Annotated[Any, Field(repr=False), WithJsonSchema({})] = None
    """Value of the field: any JSON."""
    override: bool = False
    """Replace the value if the request already has the field."""


ROLES = ("system", "developer", "user", "assistant")
"""Who may say a message that is added to those of a caller."""


class PromptMessage(OpenPart):
    """A chat message. It must have a role and a content."""

    role: str = ""
    """Who says it: system, developer, user or assistant, in any case."""
    content: Annotated[str, Field(repr=False)] = ""
    """The text of the message."""


class PromptEnrichment(OpenPart):
    """Messages that are added to those of the caller."""

    prepend: Items[PromptMessage] = ()
    """Messages before those of the caller."""
    append: Items[PromptMessage] = ()
    """Messages after those of the caller."""


class AiOptions(OpenPart):
    """Options for requests whose backend is an `ai` Upstream."""

    route_type: Annotated[RouteType, gloo_enum(RouteType)] = RouteType.CHAT
    """CHAT, or CHAT_STREAMING for providers that have another path for streamed answers."""
    defaults: Items[FieldDefault] = ()
    """Fields to set in the request's body."""
    prompt_enrichment: PromptEnrichment | None = None
    prompt_guard: WithoutEffect = None
    rag: WithoutEffect = None
    semantic_cache: WithoutEffect = None


# ── Headers, host, path ─────────────────────────────────────────────────────────────────────────────────────────────


class HeaderValue(OpenPart):
    """A header: its name and its value."""

    key: Name
    """Name of the header."""
    value: Annotated[str, Field(repr=False), Confidential()] = ""
    """Value of the header. Envoy's command operators, such as %START_TIME% and %REQ(NAME)%, are replaced by what they
    stand for; %% is a percent sign. A header without a value is left out."""


class RequestHeader(OpenPart):
    """A request header; its value can come from a Secret."""

    ONE_OF = (OneOf(("header", "headerSecretRef"), required=True),)

    header: Annotated[HeaderValue | None, Confidential()] = None
    header_secret_ref: Annotated[ResourceRef | None, Confidential()] = None
    """A Secret of type gloo.solo.io/header; its keys are names of headers."""
    append: bool | None = None
    """Add the value to a header that is already present (true), or replace the header (false). Default: true."""


class ResponseHeader(OpenPart):
    """A response header."""

    header: Annotated[HeaderValue, Confidential()]
    append: bool | None = None
    """Add the value to a header that is already present (true), or replace the header (false). Default: true."""


class HeaderManipulation(OpenPart):
    """Headers to add and headers to remove."""

    request_headers_to_add: Items[RequestHeader] = ()
    request_headers_to_remove: Items[str] = ()
    response_headers_to_add: Items[ResponseHeader] = ()
    response_headers_to_remove: Items[str] = ()


class RegexPattern(OpenPart):
    """A regular expression."""

    regex: Name
    """The regular expression, in RE2 syntax."""
    google_re2: Annotated[FreeForm, NoEffect(), Field(alias="googleRe2")] = None


class RegexRewrite(OpenPart):
    """Replace the part of the path that matches a pattern."""

    pattern: RegexPattern
    substitution: str = ""
    """The replacement; `\\1` is the first group."""


class Abort(OpenPart):
    """Answer some requests with an error."""

    percentage: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100")] = 0.0
    http_status: Annotated[int, Field(ge=200, le=599), Expected("a status from 200 to 599, as 503")]


class Delay(OpenPart):
    """Delay some requests."""

    percentage: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100")] = 0.0
    fixed_delay: Annotated[GlooDuration, Field(ge=1), Expected('a duration of at least 1s, as "5s"')]


class Faults(OpenPart):
    """Faults that are injected on purpose, for drills."""

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


# ── Access control ────────────────────────────────────────────────────────────────────────────────────────────────────


class ExtAuth(OpenPart):
    """Access control: only callers with a valid API key are served."""

    config_ref: ResourceRef | None = None
    """The AuthConfig that applies; one in another namespace needs a ReferenceGrant there."""
    disable: bool = False
    """Switch access control off, even if a RouteOption of lower precedence has it on."""
    custom_auth: Unserved = None


# ── The object ──────────────────────────────────────────────────────────────────────────────────────────────────────


class RouteOptions(OpenPart):
    """Options for the requests of a route. Of several RouteOptions, each top-level field is taken from one as a
    whole."""

    ONE_OF = (
        OneOf(("hostRewrite", "autoHostRewrite", "hostRewriteHeader", "hostRewritePathRegex")),
        OneOf(("prefixRewrite", "regexRewrite")),
    )

    retries: Retries | None = None
    timeout: GlooDuration | None = None
    """Time limit for the whole request: all attempts and the complete answer. 0s: no limit."""
    idle_timeout: Annotated[GlooDuration | None, NoEffect()] = None
    ai: AiOptions | None = None
    header_manipulation: HeaderManipulation | None = None
    host_rewrite: str | None = None
    """Value of the Host header for the backend."""
    auto_host_rewrite: bool | None = None
    """Use the target's DNS name as the Host header."""
    prefix_rewrite: str | None = None
    """Replacement for the path prefix that the rule matched."""
    regex_rewrite: RegexRewrite | None = None
    """Replacement for the part of the path that matches a pattern."""

    host_rewrite_header: Annotated[str | None, NoEffect()] = None
    host_rewrite_path_regex: Annotated[RegexRewrite | None, NoEffect()] = None
    append_x_forwarded_host: Annotated[bool | None, NoEffect()] = None
    faults: Annotated[Faults | None, NoEffect()] = None
    cors: Annotated[Cors | None, NoEffect()] = None

    max_stream_duration: WithoutEffect = None
    ratelimit: WithoutEffect = None
    ratelimit_basic: WithoutEffect = None
    ratelimit_early: WithoutEffect = None
    ratelimit_regular: WithoutEffect = None
    rate_limit_configs: WithoutEffect = None
    rate_limit_early_configs: WithoutEffect = None
    rate_limit_regular_configs: WithoutEffect = None
    staged_transformations: WithoutEffect = None
    transformations: WithoutEffect = None
    buffer_per_route: WithoutEffect = None
    csrf: Unserved = None
    dlp: WithoutEffect = None
    envoy_metadata: WithoutEffect = None
    extauth: ExtAuth | None = None
    """Access control: only callers with a valid API key are served."""
    extensions: WithoutEffect = None
    ext_proc: WithoutEffect = None
    ext_proc_early: WithoutEffect = None
    ext_proc_late: WithoutEffect = None
    jwt: Unserved = None
    jwt_staged: Unserved = None
    jwt_providers_staged: Unserved = None
    lb_hash: WithoutEffect = None
    rbac: Unserved = None
    shadowing: WithoutEffect = None
    tracing: WithoutEffect = None
    upgrades: WithoutEffect = None
    waf: Unserved = None


class TargetRef(OpenPart):
    """A route that the options apply to."""

    group: str = ""
    """Group of the route: gateway.networking.k8s.io."""
    kind: str = ""
    """Kind of the route: HTTPRoute."""
    name: Name
    """Name of the route."""
    namespace: str | None = None
    """Namespace of the route. Only the RouteOption's own namespace has an effect."""


class RouteOptionSpec(OpenPart):
    """The routes that the options apply to, and the options."""

    target_refs: Items[TargetRef] = ()
    """HTTPRoutes in the same namespace. A rule of a route can also refer to the RouteOption, with a filter
    `ExtensionRef`."""
    options: RouteOptions = RouteOptions()
    """The options."""


class RouteOption(Resource, OpenPart):
    """Retries, timeouts, access control and rewrites for the requests of an HTTPRoute."""

    GROUP = "gateway.solo.io"
    VERSIONS = ("v1",)
    KIND = "RouteOption"
    PLURAL = "routeoptions"

    spec: RouteOptionSpec
