"""The reasons to refuse an object, and the checks of values that several kinds share."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from switchover_dataplane.pattern import pattern_problem
from switchover_operator.compiler.key_texts import CREDENTIAL_HEADERS, variable_problem
from switchover_operator.key_shapes import described, looks_like_a_key, without_keys


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason to refuse an object: a sentence with the field's path, its value and what would be right.

    `takes_out` is the path of the part that it concerns, where the rest of the object can be served without that part.
    """

    text: str
    reason: Literal["Invalid", "UnsupportedValue"] = "Invalid"
    takes_out: str = ""


_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z)(\*\.)?{_LABEL}(\.{_LABEL})*\Z", re.IGNORECASE)
_HOST_WITH_PORT = re.compile(r"[^:\]]*:[0-9]+\Z")
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}\Z")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}\Z|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?\Z")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CREDENTIAL = re.compile(
    r"key|token|secret|auth|pass|pwd|cookie|session|credential|signature|bearer|jwt", re.IGNORECASE
)
"""Names of headers whose values may be credentials."""

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def hostname_faults(path: str, hostname: str) -> Iterator[Fault]:
    """Check a hostname of the Gateway API; its first label may be a wildcard."""
    if not _HOSTNAME.match(hostname) or _IPV4.match(hostname):
        right = "must be a DNS name, without port and scheme; only its first label may be *"
        yield Fault(f"{path}: {right}; got {hostname!r}")


def host_faults(path: str, host: str) -> Iterator[Fault]:
    """Check a host to connect to or to name: a DNS name or an IP address."""
    if not _HOST.match(host) or _HOST_WITH_PORT.match(host):
        right = "must be a host name or an IP address, without scheme, port and path"
        yield Fault(f"{path}: {right}; got {without_keys(repr(host))}")


def header_faults(path: str, name: str, value: str) -> Iterator[Fault]:
    """Check a header that is to be sent. No fault repeats its value."""
    yield from header_name_faults(path, name)
    yield from header_value_faults(path, name, value)


def header_name_faults(path: str, name: str) -> Iterator[Fault]:
    """Check the name of a header."""
    if not _TOKEN.match(name):
        yield Fault(f"{path}: must be a header name (RFC 9110, section 5.1); got {name!r}")


def header_value_faults(path: str, name: str, value: str) -> Iterator[Fault]:
    """Check the value of a header, without repeating it."""
    if _UNSENDABLE.search(value):
        yield Fault(f"{path}: the value of {name} holds a control character, which is not allowed in a header")
    wrong = variable_problem(value) if name.lower() in CREDENTIAL_HEADERS else ""
    if wrong:
        yield Fault(f"{path}: the value of {name} {wrong}")


def value_shown(name: str, value: str) -> str:
    """Return the value of a header for a message: as it is, unless it may be a credential."""
    if _CREDENTIAL.search(name) or looks_like_a_key(value):
        return described(value)
    return repr(value[:80] + "..." if len(value) > 80 else value)


def pattern_faults(path: str, pattern: str, substitution: str = "", *, secret: bool = False) -> Iterator[Fault]:
    """Check a regular expression as the data plane does, which would refuse the whole table for an invalid one.

    A `secret` pattern is not repeated, and neither is the part of RE2's message that quotes it.
    """
    problem = pattern_problem(pattern, substitution)
    if problem and secret:
        yield Fault(
            f"{path}: is not a valid regular expression (RE2): {problem.partition(': ')[0]}; got {described(pattern)}"
        )
    elif problem:
        yield Fault(f"{path}: is not a valid regular expression (RE2): {problem}; got {pattern[:80]!r}")


def trigger_faults(path: str, unknown: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each unknown trigger of a `retryOn`, with what would be right."""
    for token, right in unknown.items():
        yield Fault(f"{path}: {token!r} is not a trigger; {right}")
