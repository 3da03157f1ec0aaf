"""The header fields of a request → its caller, or why the request is denied.

The head alone decides, before the body is read, so that unknown callers cost no memory. A key is found by its SHA-256:
an attacker can only time a comparison of digests, which the attacker cannot choose. Sources: Gloo API reference,
`ApiKeyAuth`; RFC 6750, section 2.1 (`Bearer`); RFC 9110, section 11.1 (schemes are case-insensitive).
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.formats.error_form import Why
from switchover_dataplane.table.access import Access, Caller, Closed

CLIENT_FIELDS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""The fields in which LLM clients send their key: OpenAI and most others, Anthropic, Gemini, Azure OpenAI."""

Fields = CIMultiDict[str] | CIMultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted caller. `dropped` are fields that are not forwarded: those with a key, and `ApiKeys.removed`."""

    caller: Caller
    dropped: frozenset[str]


@dataclass(frozen=True, slots=True)
class Denial:
    """A denied request."""

    why: Why


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """One `Table.access`, prepared: callers by the digest of their key, and the fields to read, each once."""

    access: Access
    callers: Mapping[str, Caller]
    fields: tuple[str, ...]


def access_checks(access: Mapping[str, Access]) -> dict[str, AccessCheck]:
    """Prepare every access of a table, by its name."""
    return {name: _access_check(one) for name, one in access.items()}


def _access_check(access: Access) -> AccessCheck:
    if isinstance(access, Closed):
        return AccessCheck(access, {}, ())
    fields = tuple(dict.fromkeys((access.header, *CLIENT_FIELDS)))
    return AccessCheck(access, {caller.digest: caller for caller in reversed(access.callers)}, fields)


def admit(check: AccessCheck, headers: Fields) -> Admission | Denial:
    """Return the caller of a request, or why it is denied.

    All fields are read, not only up to the first key, as no field with a key of the gateway may be forwarded.
    """
    if isinstance(check.access, Closed):
        return Denial("closed")
    first: Caller | None = None
    dropped = set(check.access.removed)
    given = False
    for field in check.fields:
        for value in headers.getall(field, ()):
            for key in _keys(value):
                given = True
                caller = _caller(check, key)
                if caller is not None:
                    first = first or caller
                    dropped.add(field)
    if first is None:
        return Denial("unknown-key" if given else "no-key")
    return Admission(first, frozenset(dropped))


def _keys(value: str) -> Iterator[str]:
    """Yield the possible keys in a field's value: the whole value, and the part after a scheme (`Bearer`)."""
    value = value.strip()
    if value:
        yield value
        _, _, rest = value.partition(" ")
        if rest:
            yield rest.strip()


def _caller(check: AccessCheck, key: str) -> Caller | None:
    digest = sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    caller = check.callers.get(digest)
    return caller if caller is not None and hmac.compare_digest(caller.digest, digest) else None


def without_keys(headers: Fields, admission: Admission) -> "CIMultiDict[str]":
    """Return the fields of a request without those that held a key of the gateway."""
    rest = CIMultiDict(headers)
    for name in admission.dropped:
        rest.popall(name, None)
    return rest


def name_caller(headers: "CIMultiDict[str]", admission: Admission, secrets: Mapping[str, str]) -> None:
    """Set the fields that name the caller for a target."""
    for header in admission.caller.headers:
        headers[header.name] = secrets[header.secret] if header.secret else header.value
