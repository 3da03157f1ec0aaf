"""TLS Secrets → certificate chains, keys and CAs for `Table.secrets`, each checked before it is served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.credentials import secret_identity, unreadable
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.identity import Identity
from switchover_operator.resources.core import Secret


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The names of a certificate chain and its key in `secrets`, or the problem with them."""

    chain: str = ""
    key: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    problem: Condition | None = None


def certificate(catalogue: Catalogue, gateway: Identity, path: str, namespace: str, name: str) -> KeyPair:
    """Follow a certificateRef of a Gateway to a key pair."""
    identity = secret_identity(namespace, name)
    problem = unreadable(catalogue, gateway, identity, path)
    if problem is not None:
        if problem.reason != "RefNotPermitted":
            problem = conditions.invalid_certificate_ref(problem.message)
        return KeyPair(problem=problem)
    pair = _key_pair(catalogue, identity, path)
    if pair.problem is not None:
        return KeyPair(problem=conditions.invalid_certificate_ref(pair.problem.message))
    return pair


def client_certificate(catalogue: Catalogue, upstream: Identity, path: str, secret: Identity) -> KeyPair:
    """Follow `sslConfig.secretRef` of an Upstream to the client certificate."""
    problem = unreadable(catalogue, upstream, secret, path)
    return KeyPair(problem=problem) if problem else _key_pair(catalogue, secret, path)


def authorities(catalogue: Catalogue, upstream: Identity, path: str, secret: Identity) -> KeyPair:
    """Follow `sslConfig.secretRef` of an Upstream to the CAs to trust: `chain` names them; "" if there are none."""
    problem = unreadable(catalogue, upstream, secret, path)
    found = catalogue.serving(Secret, secret.namespace, secret.name)
    if problem or found is None:
        return KeyPair(problem=problem)
    value = found.value("ca.crt")
    if value is None:
        return KeyPair()
    text = value.decode("utf-8", "replace")
    if not _certificates(text):
        return KeyPair(problem=conditions.invalid_secret(f"{path}: key 'ca.crt' of {secret} holds no PEM certificate"))
    name = f"{secret.namespace}/{secret.name}/ca.crt"
    return KeyPair(chain=name, secrets={name: text})


def _key_pair(catalogue: Catalogue, identity: Identity, path: str) -> KeyPair:
    secret = catalogue.serving(Secret, identity.namespace, identity.name)
    texts = {key: (secret.value(key) if secret else None) for key in ("tls.crt", "tls.key")}
    missing = [key for key, value in texts.items() if not value]
    if missing:
        return KeyPair(problem=conditions.invalid_secret(f"{path}: {identity} has no {' and no '.join(missing)}"))
    chain, key = ((value or b"").decode("utf-8", "replace") for value in texts.values())
    wrong = _mismatch(chain, key)
    if wrong:
        return KeyPair(problem=conditions.invalid_secret(f"{path}: {identity}: {wrong}"))
    base = f"{identity.namespace}/{identity.name}"
    return KeyPair(f"{base}/tls.crt", f"{base}/tls.key", {f"{base}/tls.crt": chain, f"{base}/tls.key": key})


@lru_cache(maxsize=256)
def _mismatch(chain: str, key: str) -> str:
    """Return the problem with a chain and its key; "" if they belong together. Cached, as parsing keys is slow."""
    certificates = _certificates(chain)
    if not certificates:
        return "key 'tls.crt' holds no PEM certificate"
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "key 'tls.key' holds no PEM private key without a password"
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        return "the private key in 'tls.key' does not belong to the first certificate in 'tls.crt'"
    return ""


def _certificates(text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return []
