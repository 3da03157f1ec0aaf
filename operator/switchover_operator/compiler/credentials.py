"""Secrets → named values for `Table.secrets`, or the condition that says why a Secret cannot be used.

A credential is a value with a name; everything else in a table refers to it by that name. No message holds a value, or
anything derived from one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, Literal

from switchover_dataplane.table.upstreams import Auth
from switchover_operator.compiler import conditions, service_accounts
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.key_texts import CREDENTIAL_HEADERS, header_problem, key_of
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources.ai import AuthToken
from switchover_operator.resources.core import Secret

TOKEN_KEY = "Authorization"  # noqa: S105 - the name of a Secret's key
_MOST_NAMED = 8
_NEARLY = 0.75


@dataclass(frozen=True, slots=True)
class Credential:
    """The authorisation of a target and its value, or the problem with it. `origin` describes its source for people."""

    auth: Auth = field(default_factory=Auth)
    secrets: Mapping[str, str] = field(default_factory=dict)
    problem: Condition | None = None
    origin: str = "no credential"


def secret_identity(namespace: str, name: str) -> Identity:
    """Make the identity of a Secret."""
    return Identity(Secret.GROUP, Secret.KIND, namespace, name)


def credential(
    catalogue: Catalogue,
    upstream: Identity,
    path: str,
    token: AuthToken | None,
    place: str,
    *,
    takes_accounts: bool = False,
) -> Credential:
    """Follow the `authToken` at `path` of a target of an Upstream; `place` is the target's name in the table.

    With `takes_accounts`, the JSON key of a Google service account may stand in the place of a token.
    """
    if token is None:
        return Credential()
    if token.passthrough is not None:
        return Credential(Auth("passthrough"), origin="the caller's credential")
    if token.inline is not None:
        wrong, kind, value = _read(token.inline.get_secret_value(), takes_accounts=takes_accounts)
        if wrong:
            return Credential(problem=conditions.invalid_secret(f"{path}.inline: {wrong}"))
        name = f"{place}/inline"
        return Credential(Auth(kind, name), {name: value}, origin=f"{_ORIGINS[kind]} of the Upstream itself")
    return _from_secret(catalogue, upstream, path, token, takes_accounts=takes_accounts)


_Kind = Literal["token", "service-account"]
_ORIGINS: Final[Mapping[_Kind, str]] = {"token": "a token", "service-account": "the key of a service account"}


def _read(text: str, *, takes_accounts: bool) -> tuple[str, _Kind, str]:
    """Text of a credential → (the problem with it, its kind, its value)."""
    if takes_accounts and service_accounts.is_json(text):
        wrong, key = service_accounts.read(text)
        return wrong, "service-account", key
    wrong, bare = key_of(text)
    return wrong, "token", bare


def _from_secret(
    catalogue: Catalogue, upstream: Identity, path: str, token: AuthToken, *, takes_accounts: bool
) -> Credential:
    assert token.secret_ref is not None  # noqa: S101 - the model requires one of the three
    namespace = token.secret_ref.namespace or upstream.namespace
    identity = secret_identity(namespace, token.secret_ref.name)
    secret = readable(catalogue, upstream, identity, f"{path}.secretRef")
    if isinstance(secret, Condition):
        return Credential(problem=secret)
    value = secret.value(TOKEN_KEY)
    if value is None:
        wrong = missing_key(secret, TOKEN_KEY)
        return Credential(problem=conditions.invalid_secret(f"{path}.secretRef: {identity} {wrong}"))
    wrong, kind, read = _read_bytes(value, takes_accounts=takes_accounts)
    if wrong:
        text = f"{path}.secretRef: key {TOKEN_KEY!r} of {identity} {wrong}{other_keys(secret, TOKEN_KEY)}"
        return Credential(problem=conditions.invalid_secret(text))
    name = f"{namespace}/{identity.name}/{TOKEN_KEY}"
    origin = str(identity) if kind == "token" else f"{_ORIGINS[kind]} in {identity}"
    return Credential(Auth(kind, name), {name: read}, origin=origin)


def unreadable(catalogue: Catalogue, referrer: Identity, secret: Identity, path: str) -> Condition | None:
    """Return why an object cannot use a Secret; None if it can."""
    found = readable(catalogue, referrer, secret, path)
    return found if isinstance(found, Condition) else None


def readable(catalogue: Catalogue, referrer: Identity, secret: Identity, path: str) -> Secret | Condition:
    """Return a Secret, or why an object cannot use it. Whether one exists is not revealed without a grant."""
    if not catalogue.permits(referrer, secret):
        return conditions.ref_not_permitted(
            f"{path}: {secret} is in another namespace than {referrer} and no ReferenceGrant in"
            f" {secret.namespace} allows it"
        )
    found = catalogue.find(Secret, secret.namespace, secret.name)
    if found is None:
        return conditions.secret_not_found(f"{path}: {secret} does not exist")
    if found.model is None:
        return conditions.invalid_secret(f"{path}: {secret} cannot be read")
    return found.model


def _read_bytes(value: bytes, *, takes_accounts: bool) -> tuple[str, _Kind, str]:
    """Bytes of a Secret → (the problem with them, the kind of the credential, its value)."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "is not UTF-8 text", "token", ""
    return _read(text, takes_accounts=takes_accounts)


def missing_key(secret: Secret, wanted: str) -> str:
    """Say that a Secret lacks a key, which keys it has, and which of them may be meant."""
    keys = [*secret.keys()]
    if not keys:
        return f"has no key {wanted!r}; it has none at all"
    by_case = {key.lower(): key for key in keys}
    near = get_close_matches(wanted.lower(), by_case, 1, _NEARLY)
    meant = f"; did you mean {wanted} in place of {_named(by_case[near[0]])}?" if near else ""
    case = " The case of names counts" if near == [wanted.lower()] else ""
    return f"has no key {wanted!r}; it has {_listed(keys)}{meant}{case}"


def other_keys(secret: Secret, but: str) -> str:
    """Name the other keys of a Secret, for the end of a message; "" if there are none."""
    others = [key for key in secret.keys() if key != but]  # noqa: SIM118 - it is no mapping
    return f"; the Secret's other keys are {_listed(others)}" if others else ""


def _listed(keys: Sequence[str]) -> str:
    shown = [_named(key) for key in keys[:_MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else "")


def _named(key: str) -> str:
    return without_keys(repr(key))


# ── Headers from Secrets ────────────────────────────────────────────────────────────────────────────────────────────


def header_values(
    catalogue: Catalogue, referrer: Identity, path: str, namespace: str, name: str
) -> tuple[dict[str, tuple[str, str]], Condition | None]:
    """Read a Secret of type gloo.solo.io/header: lower-case header name → (name in `secrets`, value)."""
    identity = secret_identity(namespace, name)
    secret = readable(catalogue, referrer, identity, path)
    if isinstance(secret, Condition):
        return {}, secret
    values: dict[str, tuple[str, str]] = {}
    keys = secret.keys()
    for key in keys:
        text = (secret.value(key) or b"").decode("utf-8", "replace").strip()
        if not _HEADER_NAME.match(key) or not HEADER_VALUE.match(text):
            return {}, conditions.invalid_secret(f"{path}: key {key!r} of {identity} cannot be sent as a header")
        wrong = header_problem(text) if key.lower() in CREDENTIAL_HEADERS else ""
        if wrong:
            return {}, conditions.invalid_secret(f"{path}: key {key!r} of {identity} {wrong}")
        values[key.lower()] = (f"{namespace}/{name}/{key}", text)
    return values, None


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")
