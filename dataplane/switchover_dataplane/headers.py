"""Which header fields cross the gateway, in both directions, with the rule that says so.

Hop-by-hop fields end here (RFC 9110, section 7.6.1). A caller's credentials never reach a provider that gets its own,
and nobody outside steers retries with Envoy's control headers.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

_HOP_BY_HOP: Final = frozenset(
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

_OURS_TO_SET: Final = frozenset(("content-length", "expect", "x-forwarded-for", "x-forwarded-proto", "x-request-id"))

_RETRY_CONTROL: Final = frozenset(
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

_CREDENTIALS: Final = frozenset(("authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"))

_DROPPED_TO_UPSTREAM: Final = _HOP_BY_HOP | _OURS_TO_SET | _RETRY_CONTROL
_DROPPED_TO_AI: Final = _DROPPED_TO_UPSTREAM | _CREDENTIALS | {"accept-encoding"}
_DROPPED_TO_CLIENT: Final = _HOP_BY_HOP | {"content-length"}

_SANE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?", re.ASCII)

Headers = Mapping[str, str] | CIMultiDict[str] | CIMultiDictProxy[str]


def conflicts(headers: "CIMultiDictProxy[str]", *, http_1_1: bool) -> str | None:
    """Name what makes a request head ambiguous, so that it must be refused with 400 (RFC 9112, sections 3.2 and 6.3).

    Two servers that read such a head differently can be made to see different requests.
    """
    hosts = headers.getall("host", ())
    if len(hosts) > 1:
        return "more than one Host"
    if http_1_1 and not hosts:
        return "no Host"
    if hosts and not _HOST.fullmatch(hosts[0].strip()):
        return "a Host that is no host name"
    lengths = headers.getall("content-length", ())
    codings = headers.getall("transfer-encoding", ())
    if lengths and codings:
        return "Content-Length beside Transfer-Encoding"
    if len(lengths) > 1:
        return "more than one Content-Length"
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
        return "a Content-Length that is no number"
    if codings and [coding.strip().lower() for coding in codings] != ["chunked"]:
        return "a Transfer-Encoding other than chunked"
    return None


def request_id(headers: "CIMultiDictProxy[str]", make: Callable[[], str]) -> str:
    """Return the caller's `x-request-id` if it is short and printable, else a new one."""
    given = headers.get("x-request-id")
    return given if given is not None and _SANE_ID.fullmatch(given) else make()


def to_upstream(
    headers: "CIMultiDictProxy[str]", *, request_id: str, peer: str, scheme: str, ai: bool
) -> "CIMultiDict[str]":
    """Choose the fields that go to a target, and say who asked and how.

    For an AI target the caller's credentials are left out (`passthrough` brings `authorization` back) and no content
    coding is asked for, as the answer has to be read here.
    """
    dropped = _DROPPED_TO_AI if ai else _DROPPED_TO_UPSTREAM
    if "connection" in headers:
        dropped = dropped | _nominated(headers)
    chosen: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in dropped
    )
    before = headers.get("x-forwarded-for")
    chosen["x-forwarded-for"] = f"{before}, {peer}" if before else peer
    chosen["x-forwarded-proto"] = scheme
    chosen["x-request-id"] = request_id
    if ai:
        chosen["accept-encoding"] = "identity"
    return chosen


def to_client(headers: "CIMultiDict[str]") -> "CIMultiDict[str]":
    """Choose the fields of an answer that go to the client; its framing is written anew."""
    dropped = _DROPPED_TO_CLIENT
    if "connection" in headers:
        dropped = dropped | _nominated(headers)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def _nominated(headers: "CIMultiDict[str] | CIMultiDictProxy[str]") -> frozenset[str]:
    """Name the fields that `Connection` declares to be for this hop only; `host` cannot be among them."""
    named = {token.strip().lower() for value in headers.getall("connection", ()) for token in value.split(",")}
    return frozenset(named - {"host", ""})
