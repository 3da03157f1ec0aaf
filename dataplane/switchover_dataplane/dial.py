"""A destination → an open, verified connection to it, or the reason why nothing could be sent."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

Spoken = TypeVar("Spoken", bound=asyncio.Protocol)
Cause = Literal["refused", "unreachable", "dns", "tls", "connect-timeout", "no-port"]


class ConnectFailed(Exception):
    """No connection, so no byte of the request left. `cause` is one of a closed set, `detail` a short reason."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause: Cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Destination:
    """Where connections are alike: host and port, TLS context and the name to verify, seconds to connect."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    connect_timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """A redirection of connections, as curl's --connect-to: "" and 0 match any host and port, or keep them."""

    host: str
    port: int
    to_host: str
    to_port: int

    @classmethod
    def parse(cls, text: str) -> "ConnectTo":
        """HOST1:PORT1:HOST2:PORT2 → a redirection; fields may be empty, IPv6 addresses stand in brackets.

        Raises:
            ValueError: with what is wrong and an example.
        """
        fields = _fields(text)
        if len(fields) != 4:
            raise ValueError(f"{text!r} must be HOST:PORT:HOST:PORT, as api.openai.com:443:127.0.0.1:8443")
        host, port, to_host, to_port = fields
        return cls(host.lower(), _port(port, text), to_host, _port(to_port, text))

    def matches(self, host: str, port: int) -> bool:
        """Tell whether connections to this host and port are redirected."""
        return self.host in ("", host.lower()) and self.port in (0, port)


def _fields(text: str) -> list[str]:
    fields: list[str] = [""]
    bracketed = False
    for char in text:
        if char == "[":
            bracketed = True
        elif char == "]":
            bracketed = False
        elif char == ":" and not bracketed:
            fields.append("")
        else:
            fields[-1] += char
    return fields


def _port(text: str, whole: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{text!r} in {whole!r} must be a port from 1 to 65535, or empty")
    return int(text)


def redirected(destination: Destination, rules: Sequence[ConnectTo]) -> tuple[str, int]:
    """Return the host and port to connect to; the first rule that matches wins."""
    for rule in rules:
        if rule.matches(destination.host, destination.port):
            return rule.to_host or destination.host, rule.to_port or destination.port
    return destination.host, destination.port


_ERRNOS: Final[dict[int, Cause]] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "refused",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.ETIMEDOUT: "connect-timeout",
    errno.EADDRNOTAVAIL: "no-port",
    errno.EMFILE: "no-port",
    errno.ENFILE: "no-port",
}


async def dial(destination: Destination, rules: Sequence[ConnectTo], make: Callable[[], Spoken]) -> Spoken:
    """Open a connection that speaks `make()`; name resolution, TCP and TLS share `connect_timeout`.

    Raises:
        ConnectFailed: it did not come about.
    """
    host, port = redirected(destination, rules)
    try:
        async with asyncio.timeout(destination.connect_timeout or None):
            _, protocol = await asyncio.get_running_loop().create_connection(
                make,
                host,
                port,
                ssl=destination.tls,
                server_hostname=(destination.server_name or destination.host) if destination.tls else None,
            )
    except TimeoutError:
        raise ConnectFailed("connect-timeout", f"no connection within {destination.connect_timeout:g}s") from None
    except ssl.SSLCertVerificationError as error:
        raise ConnectFailed("tls", error.verify_message or "the certificate cannot be verified") from None
    except ssl.SSLError as error:
        raise ConnectFailed("tls", error.reason or "the handshake failed") from None
    except socket.gaierror as error:
        raise ConnectFailed("dns", f"{host}: {error.strerror or 'no address'}") from None
    except OSError as error:
        raise ConnectFailed(_cause(error, destination), error.strerror or type(error).__name__) from None
    return protocol


def _cause(error: OSError, destination: Destination) -> Cause:
    if error.errno in _ERRNOS:
        # A peer that hangs up during the handshake was reached: TLS is what failed.
        hung_up = destination.tls is not None and error.errno == errno.ECONNRESET
        return "tls" if hung_up else _ERRNOS[error.errno]
    if destination.tls is not None and isinstance(error, ConnectionError):
        return "tls"
    return "refused" if "refused" in str(error).lower() or "Multiple exceptions" in str(error) else "unreachable"
