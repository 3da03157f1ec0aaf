"""Secrets → named values for `Table.secrets`, or the condition that says why a Secret cannot be used.

A credential is a value with a name; everything else in a table refers to it by that name. No message holds a value, or
anything derived from one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from switchover_dataplane.table.upstreams import Auth
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.identity import Identity
from switchover_operator.resources.ai import AuthToken
from switchover_operator.resources.core import Secret

TOKEN_KEY = "Authorization"  # noqa: S105 - the name of a Secret's key
_PREFIX = "Bearer "
_TOKEN = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*\Z")


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


def credential(catalogue: Catalogue, upstream: Identity, path: str, token: AuthToken | None, place: str) -> Credential:
    """Follow the `authToken` at `path` of a target of an Upstream; `place` is the target's name in the table."""
    if token is None:
        return Credential()
    if token.passthrough is not None:
        return Credential(Auth("passthrough"), origin="the caller's credential")
    if token.inline is not None:
        bare = _bare(token.inline.get_secret_value())
        if bare is None:
            problem = conditions.invalid_secret(f"{path}.inline holds characters that are not allowed in a header")
            return Credential(problem=problem)
        name = f"{place}/inline"
        return Credential(Auth("token", name), {name: bare}, origin="a token of the Upstream itself")
    return _from_secret(catalogue, upstream, path, token)


def _from_secret(catalogue: Catalogue, upstream: Identity, path: str, token: AuthToken) -> Credential:
    assert token.secret_ref is not None  # noqa: S101 - the model requires one of the three
    namespace = token.secret_ref.namespace or upstream.namespace
    identity = secret_identity(namespace, token.secret_ref.name)
    secret = readable(catalogue, upstream, identity, f"{path}.secretRef")
    if isinstance(secret, Condition):
        return Credential(problem=secret)
    value = secret.value(TOKEN_KEY)
    if value is None:
        keys = secret.keys()
        close = next((key for key in keys if key.lower() == TOKEN_KEY.lower()), "")
        hint = f"; it has {close!r}, but names of keys are case-sensitive" if close else ""
        problem = conditions.invalid_secret(f"{path}.secretRef: {identity} has no key {TOKEN_KEY!r}{hint}")
        return Credential(problem=problem)
    reason, bare = _token_of(value)
    if reason:
        return Credential(
            problem=conditions.invalid_secret(f"{path}.secretRef: key {TOKEN_KEY!r} of {identity} {reason}")
        )
    name = f"{namespace}/{identity.name}/{TOKEN_KEY}"
    return Credential(Auth("token", name), {name: bare}, origin=str(identity))


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


def _token_of(value: bytes) -> tuple[str, str]:
    """A Secret's bytes → (the problem with them, the bare token)."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "is not UTF-8 text", ""
    if not text.strip():
        return "is empty", ""
    bare = _bare(text)
    return ("", bare) if bare else ("holds no token that can be sent in a header", "")


def _bare(text: str) -> str | None:
    """Strip white space and one leading "Bearer "; None if the rest is not allowed in a header."""
    bare = text.strip().removeprefix(_PREFIX).strip()
    return bare if _TOKEN.match(bare) else None


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
        values[key.lower()] = (f"{namespace}/{name}/{key}", text)
    return values, None


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")
