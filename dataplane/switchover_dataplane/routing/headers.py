"""The header fields that are forwarded, in both directions, each with its rule.

Hop-by-hop fields are dropped (RFC 9110, section 7.6.1). A model gets only the fields that its API uses: other fields of
a caller, for this gateway or for proxies before it, must not reach a provider. Clients cannot control retries with
Envoy's headers. A head that two servers could read differently is refused first.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.routing import credential_names
from switchover_dataplane.routing.request_target import authority

HOP_BY_HOP: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Fields for one connection: RFC 9110, sections 7.6.1 and 11.7, and `Proxy-Connection`, which is not standard."""

WEBSOCKET: Final = "websocket"

MODEL_NAME: Final = "x-gateway-model-name"
"""The field by which matches choose a model (Gateway API Inference Extension). The gateway sets it, and no client."""

# The gateway answers `expect`: it reads the body before it sends it (RFC 9110, section 10.1.1).
_OURS_TO_SET: Final = frozenset(("content-length", "expect", "x-forwarded-for", "x-forwarded-proto", "x-request-id"))

RETRY_CONTROL: Final = frozenset(
    f"x-envoy-{name}"
    for name in (
        "max-retries",
        "retry-on",
        "retry-grpc-on",
        "retriable-status-codes",
        "retriable-header-names",
        "upstream-rq-timeout-ms",
        "upstream-rq-per-try-timeout-ms",
        "upstream-rq-timeout-alt-response",
        "hedge-on-per-try-timeout",
        "expected-rq-timeout-ms",
    )
)

TO_MODELS: Final = frozenset(
    (
        "accept",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "content-type",
        "host",
        "idempotency-key",
        "openai-beta",
        "traceparent",
        "tracestate",
        "user-agent",
    )
)
"""The caller's fields that are forwarded to a model: OpenAI, Mistral, Microsoft Learn and Anthropic API references,
W3C Trace Context, RFC 9110. `headerManipulation` adds other ones."""

_SDK: Final = "x-stainless-"
"""The prefix of the fields with version, platform and retries of the OpenAI and Anthropic SDKs."""

_DROPPED_TO_UPSTREAM: Final = HOP_BY_HOP | _OURS_TO_SET | RETRY_CONTROL
_DROPPED_TO_CLIENT: Final = HOP_BY_HOP | {"content-length"}

SINGLETONS: Final = (
    "Host",
    "Authorization",
    "Content-Type",
    "User-Agent",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "Origin",
    "Sec-Fetch-Site",
    "Referer",
    "From",
    "Date",
    "Range",
    "If-Range",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Content-Location",
    "Content-Range",
    "Proxy-Authorization",
)
"""Fields that a request may have once: those that are no list in RFC 9110 (section 5.3), `Origin` (RFC 6454, section
7.3), `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.3), and the fields for keys of providers.
"""

_ONLY_HOP_BY_HOP: Final = frozenset(("keep-alive", "close"))
_LONGEST_HOST: Final = 261  # a DNS name of 253 characters with a dot at its end, and ":65535"
_SANE_ID: Final = re.compile(r"[!-~]{1,128}")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_NO_LENGTH: Final = "a Content-Length that is no number"

# Half as many steps as an lru_cache: which names came last does not matter.
_MOST_NAMES: Final = 1024
_for_clients: Final[dict[str, bool]] = {}

Fields = CIMultiDict[str] | CIMultiDictProxy[str]


def conflicts(headers: Fields, *, http_1_1: bool = True, target: str = "/") -> str | None:
    """Return why a request head is ambiguous and must be refused with 400; None if it is not.

    RFC 9112, sections 3.2 (Host), 3.2.2 (`target` in absolute-form) and 6.3 (length of the body), RFC 9110, section 5.3
    (repeated fields): two servers that read such a head differently can be made to see different requests.
    """
    # Nearly no request repeats a field, and this check is fast.
    repeats = len(set(headers)) != len(headers)
    if repeats:
        repeated = next((name for name in SINGLETONS if len(headers.getall(name, ())) > 1), None)
        if repeated is not None:
            return f"more than one {repeated}"
    conflict = _host_conflict(headers, http_1_1, target)
    if conflict is not None:
        return conflict
    if repeats or "transfer-encoding" in headers:
        return _length_conflict(headers, http_1_1)
    length = headers.get("content-length")
    return None if length is None or _LENGTH.fullmatch(length) else _NO_LENGTH


def _host_conflict(headers: Fields, http_1_1: bool, target: str) -> str | None:
    host = headers.get("host")
    if host is None:
        return "no Host" if http_1_1 else None
    if len(host) > _LONGEST_HOST or not _is_host(host):
        return "a Host that is no host name"
    if not target.startswith("/"):
        named = authority(target)
        if named and named.lower() != host.lower():
            return "a Host other than that of the request target"
    return None


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def _length_conflict(headers: Fields, http_1_1: bool) -> str | None:
    lengths = headers.getall("content-length", ())
    codings = headers.getall("transfer-encoding", ())
    if lengths and codings:
        return "Content-Length beside Transfer-Encoding"
    if len(set(lengths)) > 1:
        return "more than one Content-Length"
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        return _NO_LENGTH
    if codings and not http_1_1:
        return "a Transfer-Encoding in HTTP/1.0"
    if codings and [coding.strip().lower() for coding in codings] != ["chunked"]:
        return "a Transfer-Encoding other than chunked"
    return None


def request_id(headers: Fields, make: Callable[[], str]) -> str:
    """Return the client's `x-request-id` if it is single, short and printable, else a new one."""
    given = headers.getall("x-request-id", None)
    if given is None:
        return make()
    return given[0] if len(given) == 1 and _SANE_ID.fullmatch(given[0]) else make()


def to_upstream(headers: Fields, *, request_id: str, peer: str, scheme: str, ai: bool) -> "CIMultiDict[str]":
    """Return the fields for a target, with the client's address and scheme.

    `peer` is the client's address, "" if it has none; it is appended to `x-forwarded-for`. An AI target gets no data
    about the client (`Auth.kind` passthrough adds the caller's token later), and no content coding is accepted, as the
    gateway must read the answer.
    """
    if ai:
        chosen = _for_models(headers)
        chosen["x-request-id"] = request_id
        chosen["accept-encoding"] = "identity"
        return chosen
    chosen = _without(headers, _DROPPED_TO_UPSTREAM)
    hops = [*headers.getall("x-forwarded-for", ()), peer] if peer else headers.getall("x-forwarded-for", ())
    if hops:
        chosen["x-forwarded-for"] = ", ".join(hops)
    chosen["x-forwarded-proto"] = scheme
    chosen["x-request-id"] = request_id
    return chosen


def asks_for_websocket(headers: Fields) -> bool:
    """Whether a request asks to go on by WebSocket, and by nothing else (RFC 9110, section 7.8)."""
    asked = [value.strip().lower() for value in headers.getall("upgrade", ())]
    return asked == [WEBSOCKET] and "connection" in headers and "upgrade" in _nominated(headers)


def to_client(headers: Fields) -> "CIMultiDict[str]":
    """Return the fields of an answer for the client, without its framing."""
    return _without(headers, _DROPPED_TO_CLIENT)


def from_model(headers: Fields) -> "CIMultiDict[str]":
    """Return the fields of a model's answer for the client, without credentials.

    Some servers repeat request fields in the answer. The cookies of a provider belong to the owner of the key.
    """
    chosen = [each for each in headers.items() if _is_for_clients(each[0])]
    if "connection" in headers and not _ONLY_HOP_BY_HOP.issuperset(ended := _nominated(headers)):
        chosen = [each for each in chosen if each[0].lower() not in ended]
    return CIMultiDict(chosen)


def _is_for_clients(name: str) -> bool:
    known = _for_clients.get(name)
    if known is None:
        if len(_for_clients) >= _MOST_NAMES:
            _for_clients.clear()
        known = name.lower() not in _DROPPED_TO_CLIENT and not credential_names.is_field(name)
        _for_clients[name] = known
    return known


def _without(headers: Fields, dropped: frozenset[str]) -> "CIMultiDict[str]":
    """Copy all fields except the dropped ones and those that `Connection` names."""
    if "connection" in headers:
        dropped |= _nominated(headers)
    return CIMultiDict([each for each in headers.items() if each[0].lower() not in dropped])


def _for_models(headers: Fields) -> "CIMultiDict[str]":
    """Copy the fields for models, except those that `Connection` names."""
    chosen = [each for each in headers.items() if _is_for_models(each[0])]
    if "connection" in headers:
        ended = _nominated(headers)
        chosen = [each for each in chosen if each[0].lower() not in ended]
    return CIMultiDict(chosen)


@lru_cache(maxsize=256)
def _is_for_models(name: str) -> bool:
    lower = name.lower()
    return lower in TO_MODELS or (lower.startswith(_SDK) and not credential_names.is_field(lower))


def _nominated(headers: Fields) -> frozenset[str]:
    """Return the names of the fields that `Connection` limits to this hop.

    `host` is never one of them: a client must not make the gateway send a request without it.
    """
    named = {token.strip().lower() for value in headers.getall("connection") for token in value.split(",")}
    return frozenset(named - {"host"})
