"""PEM texts → TLS contexts, for connections to providers and for our own listeners.

OpenSSL reads certificate chains from files only: key material is written to a private temporary file that is gone
before this module returns.
"""

import functools
import ssl
import tempfile


class BadKeyPair(ValueError):
    """A certificate, key or CA that TLS cannot use; the text says why, without any of it."""


@functools.lru_cache(maxsize=256)
def client_context(ca: str, chain: str, key: str) -> ssl.SSLContext:
    """Make the context for connections to a target, kept so that sessions and trust are loaded once.

    `ca` "" trusts the system's authorities (`SSL_CERT_FILE` is honoured); `chain` and `key` are for mutual TLS.

    Raises:
        BadKeyPair: one of the texts cannot be used.
    """
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise BadKeyPair(f"the CA certificates cannot be read: {_reason(error)}") from None
    context.set_alpn_protocols(["http/1.1"])
    if chain or key:
        load(context, chain, key)
    return context


def server_context(chain: str, key: str) -> ssl.SSLContext:
    """Make the context of a listener that presents `chain`.

    Raises:
        BadKeyPair: the chain or the key cannot be used, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load(context, chain, key)
    return context


def load(context: ssl.SSLContext, chain: str, key: str) -> None:
    """Put a certificate chain and its key into a context.

    Raises:
        BadKeyPair: they cannot be read or do not belong together.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(chain.rstrip() + "\n" + key.rstrip() + "\n")
        pem.flush()
        try:
            context.load_cert_chain(pem.name, password=_no_password)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise BadKeyPair(f"the certificate and its key cannot be used: {_reason(error)}") from None


def _no_password() -> str:
    raise ValueError("the key is encrypted; an unencrypted one is needed")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
