"""A port's key pairs → the one that a client is shown, by the host name that it asks for (SNI, RFC 6066, section 3).

One context stays with the socket for ever and hands each connection over to that of its host, so that certificates are
replaced without closing anything.
"""

import ssl
from collections.abc import Mapping

from switchover_dataplane.process.tls import BadKeyPair, bare_server_context, server_context
from switchover_dataplane.routing.request_target import hostname
from switchover_dataplane.table.ports import Port

Contexts = Mapping[str, ssl.SSLContext]
"""By the hostname of a listener: "" for every host, "*.example.com", or one name."""


class Certificates:
    """What one open port shows its clients. `context` is the one to listen with."""

    def __init__(self) -> None:
        self._by_hostname: Contexts = {}
        self.context = bare_server_context()
        self.context.sni_callback = self._choose

    def replace(self, by_hostname: Contexts) -> None:
        """Show these from the next handshake on."""
        self._by_hostname = by_hostname

    def _choose(self, connection: ssl.SSLObject, asked: str | None, _listening: ssl.SSLContext) -> int | None:
        chosen = most_specific(self._by_hostname, asked or "")
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = chosen
        return None


def most_specific(by_hostname: Contexts, asked: str) -> ssl.SSLContext | None:
    """Find the context for a name: its own, then of the longest wildcard, then the one for every host."""
    name = hostname(asked)
    chosen = by_hostname.get(name) if name else None
    suffix = name
    while chosen is None and "." in suffix:
        suffix = suffix.partition(".")[2]
        chosen = by_hostname.get(f"*.{suffix}")
    return chosen or by_hostname.get("")


def load(port: Port, secrets: Mapping[str, str]) -> tuple[Contexts, list[str]]:
    """Load the certificates of a port; the second value names every listener whose certificates cannot be used."""
    contexts: dict[str, ssl.SSLContext] = {}
    wrong: list[str] = []
    if port.protocol != "HTTPS":
        return contexts, wrong
    for listener in port.listeners:
        if not listener.certificates:
            continue
        pairs = tuple((secrets[pair.chain], secrets[pair.key]) for pair in listener.certificates)
        try:
            contexts.setdefault(listener.hostname, server_context(pairs))
        except BadKeyPair as error:
            wrong.append(f"listener {listener.name}: {error}")
    return contexts, wrong
