"""A destination → an open, verified connection to it, or the reason why nothing could be sent."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Literal, TypeVar, cast

import msgspec

from switchover_dataplane.target_addresses import TargetAddresses

Spoken = TypeVar("Spoken")
"""What has the methods of `asyncio.Protocol`."""
Address = tuple[int, Any]
"""A family and an address of it, in the shape that the family has."""

Cause = Literal["refused", "unreachable", "dns", "tls", "connect-timeout", "no-port", "not-allowed"]


class ConnectFailed(Exception):
    """No connection, so no byte of the request left. `cause` is one of a closed set, `detail` a short reason."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause: Cause = cause
        self.detail = detail


class Destination(msgspec.Struct, frozen=True, gc=False):
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


def redirected(destination: Destination, rules: Sequence[ConnectTo]) -> tuple[str, int] | None:
    """Return the host and port to connect to in its place, None without a rule for it; the first that matches wins."""
    for rule in rules:
        if rule.matches(destination.host, destination.port):
            return rule.to_host or destination.host, rule.to_port or destination.port
    return None


_CAUSES: Final[dict[int, Cause]] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "refused",
    errno.ETIMEDOUT: "connect-timeout",
    errno.EADDRNOTAVAIL: "no-port",
    errno.EMFILE: "no-port",
    errno.ENFILE: "no-port",
    errno.ENOBUFS: "no-port",
}
"""All others are "unreachable": the network says that there is no way to the address."""

_SAYS_LITTLE: Final = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL))
"""What a machine without IPv6 says of every IPv6 address; another address' failure tells more."""

_NO_LIMIT: Final = 3600.0

_HEAD_START: Final = 0.25
"""Seconds before the next address is tried beside one that is silent (RFC 8305, section 5)."""

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""Models think for minutes without a byte: probes keep middle boxes from forgetting us, and find dead connections."""


async def dial(
    destination: Destination, rules: Sequence[ConnectTo], targets: TargetAddresses, make: Callable[[], Spoken]
) -> Spoken:
    """Open a connection that speaks `make()`; name resolution, TCP and TLS share `connect_timeout` (0: no limit).

    A redirection is the will of who runs this process, so it may lead to any address.

    Raises:
        ConnectFailed: it did not come about.
    """
    redirection = redirected(destination, rules)
    host, port = redirection or (destination.host, destination.port)
    try:
        async with asyncio.timeout(destination.connect_timeout or None):
            addresses = await _addresses(host, port)
            if redirection is None:
                addresses = permitted(addresses, targets)
            reached = await first_to_answer(addresses)
            return await _speak(reached, destination, make)
    except TimeoutError:
        limit = f"{destination.connect_timeout:g}s"
        raise ConnectFailed("connect-timeout", f"no connection to {host}:{port} within {limit}") from None


# ── Names and addresses ─────────────────────────────────────────────────────────────────────────────────────────────


async def _addresses(host: str, port: int) -> list[Address]:
    """Resolve a name; its addresses take turns by family, beginning with the system's first (RFC 8305, section 4)."""
    try:
        # An address is no question for a resolver: it is taken apart here, without a thread.
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )
    except (socket.gaierror, UnicodeError):
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "not a host name"
            raise ConnectFailed("dns", f"{host}: {reason}") from None
    addresses = [(family, address) for family, _, _, _, address in found]
    preferred = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for pair in zip_longest(preferred, others) for one in pair if one is not None]


def permitted(addresses: list[Address], targets: TargetAddresses) -> list[Address]:
    """Return those of the addresses of a name that a target may have.

    Raises:
        ConnectFailed: none of them.
    """
    refusals = [targets.refusal(address[0], address[1]) for _, address in addresses]
    if all(refusals):
        raise ConnectFailed("not-allowed", f"{refusals[0]}, where no target may be")
    return [address for address, refusal in zip(addresses, refusals, strict=True) if not refusal]


async def first_to_answer(addresses: list[Address]) -> socket.socket:
    """Connect to the address that answers first, each tried a little after the one before (RFC 8305, section 5)."""
    if len(addresses) == 1:
        try:
            return await _reach(addresses[0])
        except OSError as error:
            raise _failed([error]) from None
    waiting, running, failures = list(reversed(addresses)), set[asyncio.Task[socket.socket]](), list[OSError]()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_reach(waiting.pop())))
            done, _ = await asyncio.wait(
                running, timeout=_HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                failure = task.exception()
                if failure is None:
                    return task.result()
                if not isinstance(failure, OSError):
                    raise failure
                failures.append(failure)
    finally:
        for task in running:
            task.add_done_callback(_close_late_socket)
            task.cancel()
    raise _failed(failures)


async def _reach(address: Address) -> socket.socket:
    """Open a TCP connection.

    Raises:
        OSError: as the system says.
    """
    reached = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        reached.setblocking(False)
        reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if hasattr(socket, name):
                reached.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        await asyncio.get_running_loop().sock_connect(reached, address[1])
    except BaseException:
        reached.close()
        raise
    return reached


def _close_late_socket(task: "asyncio.Task[socket.socket]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _failed(failures: list[OSError]) -> ConnectFailed:
    """Tell of the failure that says most."""
    telling = next((one for one in failures if one.errno not in _SAYS_LITTLE), failures[0])
    return ConnectFailed(_CAUSES.get(telling.errno or 0, "unreachable"), telling.strerror or type(telling).__name__)


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _speak(reached: socket.socket, destination: Destination, make: Callable[[], Spoken]) -> Spoken:
    """Hand a connected socket to the event loop, with TLS where the destination has it."""
    loop, tls = asyncio.get_running_loop(), destination.tls
    protocol_factory = cast(Callable[[], asyncio.Protocol], make)
    try:
        if tls is None:
            _, protocol = await loop.create_connection(protocol_factory, sock=reached)
        else:
            _, protocol = await loop.create_connection(
                protocol_factory,
                sock=reached,
                ssl=tls,
                server_hostname=destination.server_name or destination.host,
                # The time-out around all of it is the one that counts, also where it is longer than the loop's own.
                ssl_handshake_timeout=(destination.connect_timeout or _NO_LIMIT) + 1,
            )
    except ssl.SSLCertVerificationError as error:
        reached.close()
        raise ConnectFailed("tls", error.verify_message or "the certificate cannot be verified") from None
    except (OSError, ValueError) as error:
        reached.close()
        raise ConnectFailed("tls", _handshake_failure(error)) from None
    except BaseException:
        reached.close()
        raise
    return cast(Spoken, protocol)


def _handshake_failure(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, ValueError):
        return "the name to verify is not a host name"
    return "the peer hung up during the handshake"
