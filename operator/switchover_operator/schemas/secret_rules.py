"""What the API server checks of Secrets beyond their schema. No value is shown."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from switchover_operator.resources.problem import Problem

from .names import SUBDOMAIN_LENGTH
from .places import Place, of_objects

_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_LARGEST: Final = 1024 * 1024
_NEEDED: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""A type → the keys that a Secret of it has."""
_NOT_EMPTY: Final = "ssh-privatekey"
_OF_JSON: Final = frozenset({".dockerconfigjson", ".dockercfg"})
_BASIC: Final = ("username", "password")
_ACCOUNT: Final = "kubernetes.io/service-account.name"


def add_secret_rules(place: Place) -> None:
    """Add the rules of Secret."""
    place.add("", of_objects(_secret))


def _secret(body: dict[str, Any], _: str) -> Iterator[Problem]:
    values: dict[str, bytes] = {}
    for field in ("data", "stringData"):
        for key, given in body[field].items() if isinstance(body.get(field), dict) else ():
            if problem := _key_problem(key):
                yield Problem(f"{field}[{key[:40]}]", "", problem)
            value = _value(field, given)
            if value is None:
                yield Problem(f"{field}.{key[:40]}", "", "must be base64 text (stringData takes a value as it is)")
            values[key] = value or b""
    size = sum(map(len, values.values()))
    if size > _LARGEST:
        yield Problem("data", f"{size}", f"must have at most {_LARGEST} bytes in all")
    if isinstance(body.get("type"), str):
        yield from _of_type(body["type"], values)
    if body.get("type") == "kubernetes.io/service-account-token":
        metadata = body.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        if not (isinstance(annotations, dict) and annotations.get(_ACCOUNT)):
            yield Problem(f"metadata.annotations[{_ACCOUNT}]", "", f"is required by type {body['type']}")


def _key_problem(key: str) -> str:
    if not _KEY.fullmatch(key) or len(key) > SUBDOMAIN_LENGTH:
        return f"is not a valid key: it must hold only letters, digits, -, _ and ., at most {SUBDOMAIN_LENGTH}"
    # A key is a file's name where a Secret is mounted.
    return "is not a valid key: it must not be . and not begin with .." if key == "." or key.startswith("..") else ""


def _value(field: str, given: object) -> bytes | None:
    """Read a value; None if it is a text that is no base64. What is no text is the schema's to refuse."""
    if not isinstance(given, str):
        return b""
    if field == "stringData":
        return given.encode(errors="surrogatepass")
    try:
        return base64.b64decode(given.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _of_type(kind: str, values: dict[str, bytes]) -> Iterator[Problem]:
    for key in _NEEDED.get(kind, ()):
        if key not in values or (key == _NOT_EMPTY and not values[key]):
            yield Problem(f"data[{key}]", "", f"is required by type {kind}")
        elif key in _OF_JSON and not _is_json(values[key]):
            yield Problem(f"data[{key}]", "", f"must be JSON for type {kind}")
    if kind == "kubernetes.io/basic-auth" and not any(key in values for key in _BASIC):
        yield Problem(f"data[{_BASIC[0]}]", "", f"or data[{_BASIC[1]}] is required by type {kind}")


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
