"""A certificate authority made on the spot, and a server's TLS context that has a certificate for every name asked for.

The authority's key stays in memory: what is written can be trusted for as long as this process runs, and signs nothing
afterwards. TLS names the host in the handshake (RFC 6066 section 3); who names none gets a certificate for loopback.
"""

import datetime
import functools
import ipaddress
import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME: Final = datetime.timedelta(days=30)
_MOST_NAMES: Final = 256
_LONGEST_COMMON_NAME: Final = 64
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A certificate authority. `pem` is what a client has to trust."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Switchover simulator")
        # One key serves all names: what it protects is played.
        self._server_key = ec.generate_private_key(ec.SECP256R1())
        made = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()
        self._context_of = functools.lru_cache(_MOST_NAMES)(self._made)

    def server(self) -> ssl.SSLContext:
        """Make the context of a server that is every host."""
        context = self._made(*_LOOPBACK)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _first: ssl.SSLContext) -> None:
        if name is not None:
            connection.context = self._context_of(name)

    def _made(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads keys from files only
            file = Path(folder) / "server.pem"
            file.write_text(self._issued(*names))
            context.load_cert_chain(file)
        return context

    def _issued(self, *names: str) -> str:
        """Return certificate and key, as PEM."""
        alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
        certificate = (
            self._builder(_named(names[0][:_LONGEST_COMMON_NAME]), self._server_key.public_key())
            .add_extension(alternatives, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        key = self._server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (certificate.public_bytes(serialization.Encoding.PEM) + key).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
            .not_valid_after(now + LIFETIME)
        )


# As the operator has it for its authority: the two share no code, as the simulator knows neither of the other packages.
_SIGNS: Final = x509.KeyUsage(
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


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
