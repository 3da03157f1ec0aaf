"""The text of a credential for Vertex AI → the JSON key of a service account, if it is one, or what is wrong with it.

No message holds a value of the key, as each may be its secret pasted into the wrong field.
"""

import json
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from switchover_operator.resources.model import listed

KIND: Final = "service_account"
_NEEDED: Final = ("client_email", "private_key", "token_uri")
_KEPT: Final = ("type", *_NEEDED, "private_key_id", "project_id", "universe_domain")
_OTHER_KINDS: Final = frozenset(
    ("authorized_user", "external_account", "external_account_authorized_user", "impersonated_service_account")
)
"""Other types of credential files (google-auth, "User Guide"), which hold no key of a service account."""


def is_json(text: str) -> bool:
    """Tell whether a text is meant as a JSON object, which no token begins like."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


@lru_cache(maxsize=64)
def read(text: str) -> tuple[str, str]:
    """Return ("", the key as JSON with the needed fields alone), else (the problem, "").

    The problem is a phrase that follows the name of what holds the text. Source: Google Cloud IAM, "Create and delete
    service account keys". Cached, as reading private keys is slow.
    """
    try:
        key = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return "begins as a JSON object and is none; paste the whole file of the service account's key", ""
    problem = _problem(key)
    if problem:
        return problem, ""
    return "", json.dumps({name: key[name] for name in _KEPT if name in key}, sort_keys=True)


def _problem(key: Any) -> str:
    if not isinstance(key, dict):
        return "holds JSON that is no object; paste the whole file of the service account's key"
    kind = key.get("type")
    if kind != KIND:
        # Only a name that is known is repeated.
        found = f"the type {kind!r}" if isinstance(kind, str) and kind in _OTHER_KINDS else "another type"
        return f"holds JSON of {found}; only the key of a service account is served, whose type is {KIND!r}"
    missing = [name for name in _NEEDED if name not in key or key[name] == ""]
    if missing:
        return f"holds the key of a service account without {listed(missing)}; paste the whole file"
    wrong = [name for name in _KEPT if not isinstance(key.get(name, ""), str)]
    if wrong:
        return f"holds the key of a service account whose {listed(wrong)} must be a string"
    return _problem_of_values(key)


def _problem_of_values(key: dict[str, str]) -> str:
    if "@" not in key["client_email"]:
        return "holds the key of a service account whose client_email is no address"
    if not _is_https(key["token_uri"]):
        return "holds the key of a service account whose token_uri must be an https URL"
    try:
        private = load_pem_private_key(key["private_key"].encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "holds the key of a service account whose private_key is no PEM private key; its line breaks are \\n"
    return "" if isinstance(private, RSAPrivateKey) else "holds the key of a service account that is no RSA key"


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and not parts.username and parts.port in (None, 443)
    except ValueError:
        return False
