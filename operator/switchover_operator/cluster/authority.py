"""The push channel's certificates: the stored ones and the time → those that should be stored.

A table holds API keys, so the operator and the data planes authenticate each other. The operator is the certificate
authority. It signs one certificate that all data planes present, and one of its own that is never stored. Everything is
renewed long before it expires. A new authority is trusted everywhere for a while before it signs anything.

Pure except for the generation of keys; the time is handed in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE: Final = timedelta(days=3 * 365)
AUTHORITY_RENEWAL: Final = timedelta(days=180)
"""The next authority is made so long before the present one expires."""
LIFE: Final = timedelta(days=90)
RENEWAL: Final = timedelta(days=30)
"""A certificate is renewed so long before it expires."""
SPREAD: Final = timedelta(hours=1)
"""A new authority is trusted so long before it signs: kubelets update the Secrets of pods within minutes."""
SKEW: Final = timedelta(minutes=5)
"""The clocks of two machines may differ by so much."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str = field(repr=False)

    def read(self) -> x509.Certificate:
        """Parse the certificate, and check that the key belongs to it.

        Raises:
            ValueError: one of the two cannot be read, or they do not belong together.
        """
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        try:
            owner = certificate.public_key()
        except UnsupportedAlgorithm as error:
            raise ValueError(str(error)) from None
        if _public(self.private().public_key()) != _public(owner):
            raise ValueError("the key does not belong to the certificate")
        return certificate

    def private(self) -> ec.EllipticCurvePrivateKey:
        """Parse the key.

        Raises:
            ValueError: the text is not a key on an elliptic curve, as ours are.
        """
        try:
            key = load_pem_private_key(self.key.encode(), password=None)
        except (TypeError, UnsupportedAlgorithm) as error:  # encrypted, or of an unknown kind
            raise ValueError(str(error)) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("not a key on an elliptic curve")
        return key


@dataclass(frozen=True, slots=True)
class ChannelCertificates:
    """All certificates and keys of the push channel.

    `signing` is the authority, `following` the next one. `trusted` are PEM certificates of authorities, the signing one
    first.
    """

    signing: Pair
    server: Pair
    trusted: tuple[str, ...]
    following: Pair | None = None

    @property
    def bundle(self) -> str:
        """The authorities that both sides trust, as one PEM text."""
        return "".join(self.trusted)


def renewed(stored: ChannelCertificates | None, name: str, now: datetime) -> ChannelCertificates:
    """Bring the push channel's certificates up to date; the same object if nothing is due.

    Args:
        stored: the certificates that exist; None if there are none, or none that are usable.
        name: the DNS name in the data planes' certificate.
        now: the time, with its zone.
    """
    channel = stored if stored is not None and is_usable(stored.signing, now) else _begun(name, now)
    channel = _with_following(channel, now)
    channel = _handed_over(channel, now)
    channel = _with_server(channel, name, now)
    trusted = tuple(_still_trusted(channel, now))
    return channel if trusted == channel.trusted else replace(channel, trusted=trusted)


def client(channel: ChannelCertificates, now: datetime) -> Pair:
    """Make a certificate for the operator itself."""
    return _signed(channel.signing, "switchover-operator", (), ExtendedKeyUsageOID.CLIENT_AUTH, now)


# ── The authority ───────────────────────────────────────────────────────────────────────────────────────────────────


def _begun(name: str, now: datetime) -> ChannelCertificates:
    authority = _authority(now)
    server = _signed(authority, name, (name,), ExtendedKeyUsageOID.SERVER_AUTH, now)
    return ChannelCertificates(authority, server, (authority.certificate,))


def _with_following(channel: ChannelCertificates, now: datetime) -> ChannelCertificates:
    """Make the next authority, and trust it, when the present one expires soon."""
    if channel.following is not None and is_usable(channel.following, now):
        return channel
    if channel.signing.read().not_valid_after_utc - now > AUTHORITY_RENEWAL:
        return channel if channel.following is None else replace(channel, following=None)
    following = _authority(now)
    return replace(channel, following=following, trusted=(*channel.trusted, following.certificate))


def _handed_over(channel: ChannelCertificates, now: datetime) -> ChannelCertificates:
    """Sign with the next authority once it is trusted everywhere."""
    following = channel.following
    if following is None or now - (following.read().not_valid_before_utc + SKEW) < SPREAD:
        return channel
    others = tuple(each for each in channel.trusted if each != following.certificate)
    return replace(channel, signing=following, following=None, trusted=(following.certificate, *others))


def _still_trusted(channel: ChannelCertificates, now: datetime) -> Iterable[str]:
    own = [channel.signing, *([channel.following] if channel.following else [])]
    for text in dict.fromkeys((*channel.trusted, *(pair.certificate for pair in own))):
        try:
            ends = x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc
        except ValueError:
            continue
        if ends > now:
            yield text


def is_usable(pair: Pair, now: datetime) -> bool:
    """Tell whether a pair can be read, belongs together, and has not expired."""
    try:
        return pair.read().not_valid_after_utc > now
    except ValueError:
        return False


def _authority(now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"switchover push channel, {now:%Y-%m-%d}")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    built = (
        _builder(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    return _pair(built.sign(key, SHA256()), key)


# ── Certificates ────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_server(channel: ChannelCertificates, name: str, now: datetime) -> ChannelCertificates:
    if _is_good(channel.server, channel.signing, name, now):
        return channel
    return replace(channel, server=_signed(channel.signing, name, (name,), ExtendedKeyUsageOID.SERVER_AUTH, now))


def _is_good(pair: Pair, authority: Pair, name: str, now: datetime) -> bool:
    try:
        certificate = pair.read()
        certificate.verify_directly_issued_by(authority.read())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return certificate.not_valid_after_utc - now > RENEWAL and name in names.get_values_for_type(x509.DNSName)


def _signed(authority: Pair, name: str, names: tuple[str, ...], usage: x509.ObjectIdentifier, now: datetime) -> Pair:
    issuer, signer = authority.read(), authority.private()
    key = ec.generate_private_key(ec.SECP256R1())
    # The common name has at most 64 characters; clients check the alternative name.
    built = (
        _builder(_name(name[:64]), issuer.subject, key, now, LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        built = built.add_extension(alternative, critical=False)
    return _pair(built.sign(signer, SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.public_bytes(Encoding.PEM).decode(), text.decode())


def _public(key: object) -> bytes:
    assert hasattr(key, "public_bytes")  # noqa: S101 - every public key has this method
    written: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return written


# ── As Secrets keep it ──────────────────────────────────────────────────────────────────────────────────────────────


def as_secrets(channel: ChannelCertificates) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values of the data planes' Secret, and those of the operator's own."""
    shown = {"tls.crt": channel.server.certificate, "tls.key": channel.server.key, "ca.crt": channel.bundle}
    own = {"ca.crt": channel.signing.certificate, "ca.key": channel.signing.key}
    if channel.following is not None:
        own |= {"next.crt": channel.following.certificate, "next.key": channel.following.key}
    return shown, own


def from_secrets(shown: Mapping[str, str], own: Mapping[str, str]) -> ChannelCertificates | None:
    """Read the certificates from the two Secrets; None if the operator's own lacks an authority."""
    if not own.get("ca.crt") or not own.get("ca.key"):
        return None
    following = Pair(own["next.crt"], own["next.key"]) if own.get("next.crt") and own.get("next.key") else None
    try:
        loaded = x509.load_pem_x509_certificates(shown.get("ca.crt", "").encode())
    except ValueError:
        loaded = []
    trusted = tuple(certificate.public_bytes(Encoding.PEM).decode() for certificate in loaded)
    server = Pair(shown.get("tls.crt", ""), shown.get("tls.key", ""))
    return ChannelCertificates(Pair(own["ca.crt"], own["ca.key"]), server, trusted, following)
