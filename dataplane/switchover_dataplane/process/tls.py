"""PEM texts → TLS contexts, for connections to providers and for our own listeners.

OpenSSL reads certificate chains from files only. So key material gets a path in memory on Linux, and a private
temporary file on other systems. Both are gone before the function returns.
"""

import contextlib
import functools
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator


class BadKeyPair(ValueError):
    """A certificate, key or CA that TLS cannot use; the text says why and contains no part of it."""


@functools.lru_cache(maxsize=256)
def client_context(ca: str, chain: str, key: str) -> ssl.SSLContext:
    """Return the context for connections to a target; it is cached, so that trust is loaded once.

    With `ca` "" it trusts the system's authorities (or `SSL_CERT_FILE`); `chain` and `key` are for mutual TLS.

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


@functools.lru_cache(maxsize=1024)
def server_context(pairs: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    """Return the context of a listener with `pairs` (chain, key); it is cached, so that a new table reloads none.

    A client gets a certificate of a key type that it supports; of two with one type, the first.

    Raises:
        BadKeyPair: a chain or key cannot be used, or they do not match.
    """
    context = bare_server_context()
    for chain, key in reversed(pairs):
        load(context, chain, key)
    return context


def bare_server_context() -> ssl.SSLContext:
    """Return a context for TLS 1.2 and 1.3 without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def load(context: ssl.SSLContext, chain: str, key: str) -> None:
    """Load a certificate chain and its key into a context.

    Raises:
        BadKeyPair: they cannot be read or do not match.
    """
    try:
        with _file(chain.rstrip() + "\n" + key.rstrip() + "\n") as path:
            context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise BadKeyPair(f"the certificate and its key cannot be used: {_reason(error)}") from None


@contextlib.contextmanager
def _file(text: str) -> Iterator[str]:
    """Provide a path with the text: in memory on Linux, else a private temporary file."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("key-pair"), "w") as memory:
            memory.write(text)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(text)
            file.flush()
            yield file.name


def _no_password() -> str:
    raise ValueError("the key is encrypted; an unencrypted one is needed")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
