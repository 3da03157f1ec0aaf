"""The contract between compiler and data plane: what the data plane serves, as frozen data.

A `Table` goes over the push channel as JSON (`encode`, `decode`). The data plane owns these types, as a machine
owns its instruction set; the compiler targets them. There is no I/O and no behaviour here.

Everything that was a matter of precedence is already an order of a list here: the data plane only walks.
Every secret stands in `Table.secrets` and nowhere else; the rest refers to it by name, so that a dump without
`secrets` is safe to show. All durations are seconds, all sizes are bytes.
"""

import hashlib
from collections.abc import Container, Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from switchover_dataplane import target_addresses
from switchover_dataplane.pattern import BadPattern, compiled

Part = TypeVar("Part")

VERSION = 2
"""The one table version that this data plane serves: a policy of version 1 has other fields."""


class ErrorClass(StrEnum):
    """Why an attempt failed, independent of the provider (DESIGN section 4); each value is also a `retryOn` token."""

    RATE_LIMITED = "rate-limited"
    QUOTA_EXHAUSTED = "quota-exhausted"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server-error"
    CONNECT_FAILED = "connect-failed"
    RESET = "reset"
    SILENT = "silent"
    CREDENTIALS = "credentials"
    MODEL_UNAVAILABLE = "model-unavailable"
    CONTEXT_LENGTH = "context-length"
    CONTENT_FILTER = "content-filter"
    CALLER_FAULT = "caller-fault"
    INTERRUPTED = "interrupted"


FINAL: Final = frozenset({ErrorClass.CONTENT_FILTER, ErrorClass.CALLER_FAULT})
"""Classes that are about the request: no other model is asked to overrule the first (DESIGN section 4)."""

BRIEF: Final = frozenset({ErrorClass.OVERLOADED, ErrorClass.SERVER_ERROR, ErrorClass.RESET})
"""Classes after which the same target may well answer, as they pass soon (DESIGN section 4, "same target again")."""

AI_TRIGGERS: Final = tuple(reason for reason in ErrorClass if reason not in FINAL)
"""The triggers where none is written: every class that another model may not share."""

DEFAULT_ATTEMPTS: Final = 3
"""Attempts of a request where no number is written; more where an AI upstream has more priorities."""

CONNECTION_TRIGGERS: Final = ("connect-failure", "reset-before-request")
"""Envoy's triggers that name nothing but an attempt which sent nothing."""

ENVOY_TRIGGERS = (
    "5xx",
    "gateway-error",
    "reset",
    *CONNECTION_TRIGGERS,
    "retriable-4xx",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "refused-stream",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""Envoy's triggers (x-envoy-retry-on, x-envoy-retry-grpc-on) for `Tokens.tokens`; `reset` is an error class too."""

Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class _Frozen(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a table: immutable, absent fields mean their default, an unknown field is an error.

    `gc=False`, here and for all that is made of a table: none of it is part of a cycle, and collections that looked at
    the parts of 10,000 routes would stop the serving of requests.
    """


# ── Where a request arrives ─────────────────────────────────────────────────────────────────────────────────────────


class ValueMatch(_Frozen, frozen=True):
    """One header or query parameter that a request must carry (HTTPRoute `matches[].headers`, `.queryParams`).

    `name` of a header is lower case. A `RegularExpression` must match the whole value.
    """

    name: str
    value: str
    kind: Literal["Exact", "RegularExpression"] = "Exact"


class PathMatch(_Frozen, frozen=True):
    """HTTPRoute `matches[].path`; a `PathPrefix` matches whole path elements and has no trailing slash but for "/"."""

    value: str = "/"
    kind: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"


class Match(_Frozen, frozen=True):
    """What a request must look like to be served by rule `rule` (a key of `Table.rules`)."""

    rule: str
    path: PathMatch = PathMatch()
    method: str = ""
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()


class Host(_Frozen, frozen=True):
    """The matches for one route hostname, first match wins.

    `hostname` is "" for every host, "*.example.com" for any name below example.com, else one name; lower case.
    """

    hostname: str
    matches: tuple[Match, ...]


class Certificate(_Frozen, frozen=True):
    """A certificate chain and its private key: names of two PEM texts in `Table.secrets`."""

    chain: str
    key: str


class Listener(_Frozen, frozen=True):
    """One listener of one Gateway on a port. `hostname` as in `Host`; `hosts` from most to least specific.

    `port` is the one that clients see, where a Service maps it to the socket's; 0: they are the same. `closed` says
    why nobody may ask here, for people and never for callers; "": it is open.
    """

    name: str
    hostname: str = ""
    certificates: tuple[Certificate, ...] = ()
    hosts: tuple[Host, ...] = ()
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    closed: str = ""


class Port(_Frozen, frozen=True):
    """A socket and the listeners that share it, from most to least specific hostname."""

    number: PortNumber
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    listeners: tuple[Listener, ...] = ()


# ── What is done with it ────────────────────────────────────────────────────────────────────────────────────────────


class Header(_Frozen, frozen=True):
    """A header to write. With `secret`, its value is `Table.secrets[secret]` and `value` is empty.

    With `request`, a name in lower case, its value is that of the caller's field of this name; it is not written where
    the caller sent none.
    """

    name: str
    value: str = ""
    secret: str = ""
    request: str = ""


class HeaderEdit(_Frozen, frozen=True):
    """Gateway API header modifier: `set` replaces, `add` appends, `remove` drops; names are lower case."""

    set: tuple[Header, ...] = ()
    add: tuple[Header, ...] = ()
    remove: tuple[str, ...] = ()


class Rewrite(_Frozen, frozen=True):
    """URLRewrite (and Gloo's prefixRewrite, regexRewrite, hostRewrite). At most one of the path fields is set.

    `prefix` replaces the prefix that matched; `regex` is (pattern, substitution) on the path without its query.
    """

    hostname: str = ""
    full_path: str | None = None
    prefix: str | None = None
    regex: tuple[str, str] | None = None


class Redirect(_Frozen, frozen=True):
    """RequestRedirect; an empty field keeps the request's own. `port` 0: as the scheme or the listener says."""

    status: Literal[301, 302, 303, 307, 308] = 302
    scheme: Literal["", "http", "https"] = ""
    hostname: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    full_path: str | None = None
    prefix: str | None = None


class BodyDefault(_Frozen, frozen=True):
    """Gloo `options.ai.defaults[]`: `value` is JSON text; an existing field stays unless `override`."""

    field: str
    value: str
    override: bool = False


class PromptMessage(_Frozen, frozen=True):
    """Gloo `options.ai.promptEnrichment.prepend[]` and `.append[]`."""

    role: str
    content: str


class BodyEdit(_Frozen, frozen=True):
    """What happens to the JSON body of an AI request before a model is chosen."""

    defaults: tuple[BodyDefault, ...] = ()
    prepend: tuple[PromptMessage, ...] = ()
    append: tuple[PromptMessage, ...] = ()


class Filters(_Frozen, frozen=True):
    """All that changes a request on its way to a backend and an answer on its way back."""

    request_headers: tuple[HeaderEdit, ...] = ()
    response_headers: tuple[HeaderEdit, ...] = ()
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    body: BodyEdit | None = None


NO_FILTERS = Filters()
"""The one default: a table that refers to it takes no room for it."""


class Backend(_Frozen, frozen=True):
    """One weighted choice of a rule: an upstream under a policy, or the reason why there is none (answered 500)."""

    weight: Natural = 1
    upstream: str = ""
    policy: str = ""
    filters: Filters = NO_FILTERS
    problem: str = ""


class Rule(_Frozen, frozen=True):
    """One rule of one HTTPRoute. `route` is NAMESPACE/NAME, `name` the rule's own name or its index.

    `access` is a key of `Table.access`; with "" everybody may ask.
    """

    route: str
    name: str
    filters: Filters = NO_FILTERS
    backends: tuple[Backend, ...] = ()
    access: str = ""


# ── Who may ask ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Caller(_Frozen, frozen=True):
    """One who may ask. `name` is the NAMESPACE/NAME of the Secret with the key, `digest` the key's SHA-256 in hex.

    The key itself is in no table. `headers` are set on the caller's requests.
    """

    name: str
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    headers: tuple[Header, ...] = ()


class ApiKeys(_Frozen, frozen=True, tag_field="kind", tag="api-keys"):
    """Gloo `apiKeyAuth`: a request needs the key of one of the callers, in `header` or where LLM clients put theirs.

    `header` and `removed` are lower-case names; what stands in `removed` is taken from every request, as only the
    gateway may set it.
    """

    header: str
    callers: tuple[Caller, ...]
    removed: tuple[str, ...] = ()


class Closed(_Frozen, frozen=True, tag_field="kind", tag="closed"):
    """An access control is written that is not served: nobody may ask. `reason` is for people, never for callers."""

    reason: str


Access = ApiKeys | Closed


# ── How hard it is tried ────────────────────────────────────────────────────────────────────────────────────────────


class BackOff(_Frozen, frozen=True):
    """The wait before the k-th repeat is uniform in 0 .. min(base * 2**(k-1), max)."""

    base: Seconds = 0.025
    max: Seconds = 0.25


class ResetHeader(_Frozen, frozen=True):
    """Gloo `rateLimitedRetryBackOff.resetHeaders[]`; `name` is lower case."""

    name: str
    format: Literal["SECONDS", "UNIX_TIMESTAMP"] = "SECONDS"


class RateLimitedBackOff(_Frozen, frozen=True):
    """Gloo `rateLimitedRetryBackOff`: headers in order; longer waits than `max` are ignored."""

    headers: tuple[ResetHeader, ...]
    max: Seconds = 300.0


class CoolDown(_Frozen, frozen=True):
    """FailoverPolicy `coolDown`, Gloo `outlierDetection`: out for `base` seconds after `after` failures in a row.

    `base` 0 switches cool-down off. Each next one of several in a row is longer, up to `max`: twice as long, or longer
    by `base` (`growth`), in whole intervals of `interval` seconds where it is not 0. `max_ejection_percent` limits
    how many of an upstream's targets cool down at once for a computed time: at least one may, and one always stays in
    use. With `server_errors_only` no rate limit is counted; a wait that a target asks for holds in any case. With
    `plain_5xx` a 5xx of a plain HTTP server is counted, too.
    """

    after: Positive = 3
    base: Seconds = 10.0
    max: Seconds = 30.0
    growth: Literal["double", "multiple"] = "double"
    interval: Seconds = 0.0
    max_ejection_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100.0
    server_errors_only: bool = False
    plain_5xx: bool = False


class RetryBudget(_Frozen, frozen=True):
    """FailoverPolicy `retryBudget`: repeats in flight per upstream, as a share of its requests in flight."""

    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 20.0
    minimum: Natural = 10


class Holdback(_Frozen, frozen=True):
    """FailoverPolicy `streamRecovery: Holdback`: the first content that is held back, in tokens or seconds."""

    tokens: Natural = 20
    time: Seconds = 0.5


class EveryPriority(_Frozen, frozen=True, tag_field="kind", tag="every-priority"):
    """Every priority gets its turn, in order; what is left of the attempts is for repeats after `BRIEF` failures.

    With `repeats_any` a target is also repeated after any other failure that is a trigger, however long it took.
    """

    repeats_any: bool = False


class Counted(_Frozen, frozen=True, tag_field="kind", tag="counted"):
    """Every priority gets `per_priority` attempts in a row, in order, and none gets a second turn."""

    per_priority: Positive


class EnvoyOrder(_Frozen, frozen=True, tag_field="kind", tag="envoy"):
    """Attempt i (from 0) goes to the (i div `update_frequency`) mod P-th of P priorities; None: always to the first.

    Source: Envoy, "previous_priorities" retry priority. A target gets no attempt that no trigger asks for.
    """

    update_frequency: Positive | None = None


Order = EveryPriority | Counted | EnvoyOrder


class Classes(_Frozen, frozen=True, tag_field="kind", tag="classes"):
    """Error classes after which another attempt follows.

    After one of `of_fallback`, another target follows only if a fallback failed like this, not the first target.
    """

    classes: tuple[ErrorClass, ...] = AI_TRIGGERS
    of_fallback: tuple[ErrorClass, ...] = (ErrorClass.CALLER_FAULT,)


class Tokens(_Frozen, frozen=True, tag_field="kind", tag="tokens"):
    """Written triggers: error classes and `ENVOY_TRIGGERS`, as written; `status_codes` are `retriableStatusCodes`."""

    tokens: tuple[str, ...] = ()
    status_codes: tuple[int, ...] = ()


Triggers = Classes | Tokens

EVERY_PRIORITY: Final = EveryPriority()
DEFAULT_TRIGGERS: Final = Classes()


class Policy(_Frozen, frozen=True):
    """How a request is attempted at one upstream. The compiler answers every question once, in one field.

    The default is that of an AI upstream with up to three priorities and more than one target. A limit of 0 seconds is
    none.

    attempts: all attempts of a request, the first included. Without `counts_unsent`, an attempt that sent nothing is
        not counted.
    brief_wait: the longest Retry-After that is waited for, once a request, before the same target is tried again; 0:
        none is. With `brief_wait_is_extra` the attempt behind it does not count.
    max_retry_after_wait: a target that asks for a longer wait is not tried again by the same request.
    hedges: another target is started beside one that is silent for longer than `first_token_timeout` (of a stream),
        `first_token_timeout_reasoning` (the same, after reasoning) or `answer_timeout` (of any other answer).
    demands_form: a success must have the form of its API, else the attempt failed.
    hands_on_unchanged: a failure that is no trigger is handed on as the target sent it, an error in a success too.
    last_answer_is_final: the last answer is handed on, even where an earlier one tells more.
    deadline_is_final: at the deadline the answer is 504 whatever came before, and not earlier.
    holds_body: a body of any size up to `max_request_body` is read whole, so that it can be sent again.
    lone_stream_idle_timeout: takes the place of `stream_idle_timeout` where no target could continue a cut stream.
    operations: what of a model's API may be asked for (`operations.py`).
    """

    attempts: Positive = DEFAULT_ATTEMPTS
    order: Order = EVERY_PRIORITY
    triggers: Triggers = DEFAULT_TRIGGERS
    counts_unsent: bool = True
    brief_wait: Seconds = 2.0
    brief_wait_is_extra: bool = True
    max_retry_after_wait: Seconds = 2.0
    per_try_timeout: Seconds = 0.0
    back_off: BackOff = BackOff()
    rate_limited_back_off: RateLimitedBackOff | None = None
    timeout: Seconds = 0.0
    deadline_is_final: bool = False
    cool_down: CoolDown = CoolDown()
    retry_budget: RetryBudget = RetryBudget()
    hedges: bool = True
    first_token_timeout: Seconds = 10.0
    first_token_timeout_reasoning: Seconds = 90.0
    answer_timeout: Seconds = 90.0
    demands_form: bool = True
    hands_on_unchanged: bool = False
    last_answer_is_final: bool = False
    holds_body: bool = True
    max_request_body: Natural = 32 * 1024 * 1024
    stream_idle_timeout: Seconds = 15.0
    lone_stream_idle_timeout: Seconds = 120.0
    stream_recovery: Literal["Continue", "Abort", "Holdback"] = "Continue"
    tool_calls: Literal["Hold", "Stream"] = "Hold"
    holdback: Holdback = Holdback()
    operations: Literal["Models", "All"] = "Models"


# ── Where it goes ───────────────────────────────────────────────────────────────────────────────────────────────────


class OpenAI(_Frozen, frozen=True, tag_field="kind", tag="openai"):
    """OpenAI and every compatible API. `model` "" keeps the model of the request."""

    model: str = ""


class AzureOpenAI(_Frozen, frozen=True, tag_field="kind", tag="azure-openai"):
    """Azure OpenAI: the model is a deployment and stands in the path."""

    deployment: str
    api_version: str


class Mistral(_Frozen, frozen=True, tag_field="kind", tag="mistral"):
    """Mistral's API. `model` "" keeps the model of the request."""

    model: str = ""


class Http(_Frozen, frozen=True, tag_field="kind", tag="http"):
    """A plain HTTP server (static and kube Upstreams, Services): nothing is known of its bodies."""


Provider = OpenAI | AzureOpenAI | Mistral | Http


class Auth(_Frozen, frozen=True):
    """Which credential a target gets: `secret` names a bare token in `Table.secrets`.

    The provider decides the header. `passthrough` keeps the caller's own; `none` sends none.
    """

    kind: Literal["none", "token", "passthrough"] = "none"
    secret: str = ""


class Tls(_Frozen, frozen=True):
    """TLS to a target: `server_name` for SNI and verification; `ca`, `chain`, `key` name PEM texts in `secrets`.

    Without `ca` the system's certificate authorities are trusted.
    """

    server_name: str
    ca: str = ""
    chain: str = ""
    key: str = ""


class Target(_Frozen, frozen=True):
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


class Upstream(_Frozen, frozen=True):
    """Targets in pools, one pool a priority, the first is tried first. `ai` tells whether bodies are LLM requests."""

    name: str
    ai: bool = False
    priorities: tuple[tuple[Target, ...], ...] = ()
    connect_timeout: Seconds = 5.0


class Table(_Frozen, frozen=True):
    """All that one data plane serves. `revision` is a digest of everything else."""

    version: int
    revision: str
    ports: tuple[Port, ...] = ()
    rules: dict[str, Rule] = {}
    policies: dict[str, Policy] = {}
    upstreams: dict[str, Upstream] = {}
    secrets: dict[str, str] = {}
    access: dict[str, Access] = {}


def pattern_problem(pattern: str, substitution: str = "") -> str | None:
    """Say why a `RegularExpression` or `Rewrite.regex` would be refused; None if it would not be."""
    try:
        compiled(pattern).check_substitution(substitution)
    except BadPattern as problem:
        return str(problem)
    return None


Network = target_addresses.Network
LOOPBACK = target_addresses.LOOPBACK
network = target_addresses.network


def address_problem(host: str, allowed: Iterable[Network]) -> str:
    """Say what kind of address a host is where no target may be, as "a link-local address"; "" if one may be there.

    A name is never a problem here: what it means is looked at when a connection is made.
    """
    return target_addresses.forbidden(host, allowed)


# ── Over the wire ───────────────────────────────────────────────────────────────────────────────────────────────────


class InvalidTable(ValueError):
    """A table that cannot be served; `reasons` say what and where, one sentence each, without any secret."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Envelope(msgspec.Struct):
    """The one field that every version of a table has."""

    version: int


_NOTHING = msgspec.Raw(b"{}")


class _Parts(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A table whose fields are still text, and are written as that text."""

    version: int
    revision: str
    ports: msgspec.Raw = msgspec.Raw(b"[]")
    rules: msgspec.Raw = _NOTHING
    policies: msgspec.Raw = _NOTHING
    upstreams: msgspec.Raw = _NOTHING
    secrets: msgspec.Raw = _NOTHING
    access: msgspec.Raw = _NOTHING


_DECODER_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises: a byte that is no UTF-8 is no error of msgspec's."""


def sealed(  # noqa: PLR0917 - the parts of a table, in its order
    ports: tuple[Port, ...],
    rules: dict[str, Rule],
    policies: dict[str, Policy],
    upstreams: dict[str, Upstream],
    secrets: dict[str, str],
    access: dict[str, Access] | None = None,
) -> Table:
    """Make a table whose revision is the digest of its content: equal content has an equal revision."""
    content = Table(VERSION, "", ports, rules, policies, upstreams, secrets, access or {})
    return msgspec.structs.replace(content, revision=_digest(content))


def _digest(content: "Table | _Parts") -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def revision_problem(text: bytes) -> str | None:
    """Say why a table's revision is not the digest of its content; None if it is. `text` is one that `decode` takes.

    The digest is of the text that was pushed: a data plane of another version than the operator gets the same one.
    """
    parts = msgspec.json.decode(text, type=_Parts)
    expected = _digest(msgspec.structs.replace(parts, revision=""))
    if parts.revision == expected:
        return None
    return f"the revision {parts.revision[:64]!r} is not the digest of the table's content, which is {expected}"


def encode(table: Table) -> bytes:
    """Table → its JSON text; the same table gives the same bytes."""
    return msgspec.json.encode(table, order="sorted")


def decode(text: bytes) -> Table:
    """JSON text → table.

    Raises:
        InvalidTable: not JSON, of another version, a field of a wrong type or range, or a reference to nothing.
    """
    table = read(text)
    wrong = dangling(table)
    if wrong:
        raise InvalidTable(*wrong)
    return table


def read(text: bytes) -> Table:
    """JSON text → table, whose references may lead nowhere (`dangling`).

    Raises:
        InvalidTable: not JSON, of another version, or a field of a wrong type or range.
    """
    try:
        version = msgspec.json.decode(text, type=_Envelope).version
        if version > VERSION:
            raise InvalidTable(f"version {version} is newer than {VERSION}, the newest that this data plane serves")
        if version < VERSION:
            raise InvalidTable(f"version {version} is older than {VERSION}, the oldest that this data plane serves")
        parts = msgspec.json.decode(text, type=_Parts)
    except _DECODER_ERRORS as error:
        raise InvalidTable(f"not a table: {error}") from error
    # Field by field, as no other thread runs while one text is decoded.
    return Table(
        version,
        parts.revision,
        _part(parts.ports, "ports", tuple[Port, ...]),
        _part(parts.rules, "rules", dict[str, Rule]),
        _part(parts.policies, "policies", dict[str, Policy]),
        _part(parts.upstreams, "upstreams", dict[str, Upstream]),
        _part(parts.secrets, "secrets", dict[str, str]),
        _part(parts.access, "access", dict[str, Access]),
    )


def _part(text: msgspec.Raw, name: str, kind: type[Part]) -> Part:
    try:
        return msgspec.json.decode(text, type=kind)
    except _DECODER_ERRORS as error:
        problem = str(error)
        where = problem.replace("`$", f"`$.{name}") if "`$" in problem else f"{problem} - at `$.{name}`"
        raise InvalidTable(f"not a table: {where}") from error


def dangling(table: Table, sound: Table | None = None) -> list[str]:
    """Name every reference in the table that leads nowhere.

    The parts that are those of a table without one (`sound`) are not looked at again where nothing is gone since.
    """
    if sound is not None and any(getattr(sound, name).keys() - getattr(table, name).keys() for name in _REFERRED):
        sound = None
    return [
        *_dangling_listeners(table, sound),
        *_dangling_access(table),
        *_dangling_rules(table, sound),
        *_dangling_targets(table, sound),
    ]


_REFERRED = ("rules", "policies", "upstreams", "secrets", "access")


def _dangling_listeners(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    ports = sound.ports if sound is not None else ()
    known = {id(host) for port in ports for listener in port.listeners for host in listener.hosts}
    for port in table.ports:
        for listener in port.listeners:
            where = f"listener {listener.name}"
            for certificate in listener.certificates:
                wrong += _unknown(table.secrets, where, certificate.chain, certificate.key)
            for host in listener.hosts:
                if id(host) not in known:
                    wrong += _unknown(table.rules, where, *(match.rule for match in host.matches))
    return wrong


def _dangling_access(table: Table) -> list[str]:
    wrong: list[str] = []
    for key, access in table.access.items():
        for caller in access.callers if isinstance(access, ApiKeys) else ():
            wrong += _unknown(table.secrets, f"access {key}", *(each.secret for each in caller.headers if each.secret))
    return wrong


def _dangling_rules(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    known = sound.rules if sound is not None else {}
    for key, rule in table.rules.items():
        if known.get(key) is rule:
            continue
        where = f"rule {key}"
        if rule.access:
            wrong += _unknown(table.access, where, rule.access)
        wrong += _unknown(table.secrets, where, *_header_secrets(rule.filters))
        for backend in rule.backends:
            wrong += _unknown(table.secrets, where, *_header_secrets(backend.filters))
            if not backend.problem:
                wrong += _unknown(table.upstreams, where, backend.upstream)
                wrong += _unknown(table.policies, where, backend.policy)
    return wrong


def _dangling_targets(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    known = sound.upstreams if sound is not None else {}
    for key, upstream in table.upstreams.items():
        if known.get(key) is upstream:
            continue
        for target in (target for pool in upstream.priorities for target in pool):
            names = (target.auth.secret, *((target.tls.ca, target.tls.chain, target.tls.key) if target.tls else ()))
            wrong += _unknown(table.secrets, f"upstream {key}", *filter(None, names))
            if target.auth.kind == "token" and not target.auth.secret:
                wrong.append(f"upstream {key} has a target with a token of no secret")
    return wrong


def _header_secrets(filters: Filters) -> list[str]:
    edits = (*filters.request_headers, *filters.response_headers)
    return [header.secret for edit in edits for header in (*edit.set, *edit.add) if header.secret]


def _unknown(known: Container[str], where: str, *names: str) -> list[str]:
    return [f"{where} refers to {name!r}, which the table does not have" for name in names if name not in known]
