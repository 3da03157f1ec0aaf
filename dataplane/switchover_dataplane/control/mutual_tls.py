"""Certificate files of the push channel → a server context that follows them as they are rotated.

Only clients with a certificate of the CA get through. The files are looked at when a client connects: a rotated CA
ends the trust in the one before at once, and files that are only half written leave what was loaded before in place.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger("switchover.push")

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files: our certificate chain, its key, and the CA that signs clients' certificates."""

    certificate: Path
    key: Path
    client_ca: Path

    def stamp(self) -> _Stamp:
        """Return what changes when a file is written or replaced.

        Raises:
            OSError: one of the files is not there.
        """
        found = [path.stat() for path in (self.certificate, self.key, self.client_ca)]
        return tuple((file.st_mtime_ns, file.st_ino, file.st_size) for file in found)


class MutualTls:
    """`context` listens with whatever the files hold when a client connects.

    Raises:
        OSError: a file cannot be read, or not be used (`ssl.SSLError` is one).
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._stamp = files.stamp()
        self._current = _loaded(files)
        # Whether a client needs a certificate is decided by the context that listens, whose certificate it must be by
        # the one that it is handed over to.
        self.context: Final = _bare()
        self.context.sni_callback = self._hand_over

    def _hand_over(self, connection: ssl.SSLObject, _asked: str | None, _listening: ssl.SSLContext) -> None:
        connection.context = self._newest()

    def _newest(self) -> ssl.SSLContext:
        try:
            stamp = self._files.stamp()
            if stamp != self._stamp:
                self._current = _loaded(self._files)
                self._stamp = stamp
                log.info("the push channel's certificates were replaced")
        except OSError as error:
            log.warning("the push channel keeps its certificates, the new files cannot be used: %s", error.strerror)
        return self._current


def _loaded(files: Files) -> ssl.SSLContext:
    context = _bare()
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.client_ca)
    return context


def _bare() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # A resumed session would bring back a client whose CA is no longer trusted.
    context.num_tickets = 0
    return context
