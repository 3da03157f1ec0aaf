"""The push channel's certificates: read from Secrets, renewed, stored, and loaded for the operator's own side."""

import asyncio
import logging
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from switchover_operator.cluster import authority
from switchover_operator.cluster.api import Api, ApiRefused, object_path
from switchover_operator.cluster.authority import ChannelCertificates
from switchover_operator.cluster.background import retried
from switchover_operator.cluster.owned_secret import owned_secret, secret_values
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot

log = logging.getLogger(__name__)

RENEWAL_CHECK: Final = 600.0
"""Seconds between two checks of whether a certificate is due for renewal."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """`secret` names the Secret that data planes mount; the name of the operator's own one ends in "-ca"."""

    namespace: str
    secret: str
    server_name: str

    @property
    def shown(self) -> Identity:
        """The Secret that data planes mount."""
        return Identity("", "Secret", self.namespace, self.secret)

    @property
    def own(self) -> Identity:
        """The Secret that only the operator reads."""
        return Identity("", "Secret", self.namespace, f"{self.secret}-ca")


class PushChannel:
    """Keeps the certificates up to date. `tls` is our side of the channel; None until there are certificates.

    `changed` is called whenever `tls` was replaced.
    """

    def __init__(
        self, api: Api, settings: ChannelSettings, owners: tuple[Body, ...], changed: Callable[[], None]
    ) -> None:
        self.tls: ssl.SSLContext | None = None
        self._api = api
        self._settings = settings
        self._owners = owners
        self._changed = changed
        self._certificates: ChannelCertificates | None = None
        self._loaded = datetime.now(UTC)
        self._woken = asyncio.Event()

    async def run(self) -> NoReturn:
        """Renew what is due, for ever; the API server may be unreachable for a while."""
        problem = "the push channel's certificates cannot be stored in Secrets yet"
        await retried(self._renew, self._woken, problem, every=RENEWAL_CHECK)

    def compare(self, snapshot: Snapshot) -> None:
        """Restore the Secrets if somebody deleted or changed them."""
        if self._certificates is None:
            return
        for identity, values in self._secrets(self._certificates):
            body = snapshot.objects.get(identity)
            if body is None or secret_values(body) != values:
                self._woken.set()

    async def _renew(self) -> None:
        stored = {identity: await self._read(identity) for identity in (self._settings.shown, self._settings.own)}
        now = datetime.now(UTC)
        known = authority.from_secrets(stored[self._settings.shown], stored[self._settings.own])
        if known is None or not authority.is_usable(known.signing, now):
            # Somebody deleted or garbled it; data planes trust the authority that we remember.
            known = self._certificates
        certificates = authority.renewed(known, self._settings.server_name, now)
        # The authority first: no certificate may be in use whose authority could be lost.
        for identity, values in reversed(self._secrets(certificates)):
            if stored[identity] != values:
                await self._write(identity, values)
                log.info("the push channel's %s was written", identity)
        if certificates != self._certificates or self._is_ending():
            self.tls = _context(certificates)
            self._loaded = datetime.now(UTC)
            self._certificates = certificates
            self._changed()

    def _is_ending(self) -> bool:
        """Whether our own certificate, as old as the context, is due for renewal."""
        return datetime.now(UTC) - self._loaded > authority.LIFE - authority.RENEWAL

    def _secrets(self, certificates: ChannelCertificates) -> list[tuple[Identity, dict[str, str]]]:
        shown, own = authority.as_secrets(certificates)
        return [(self._settings.shown, shown), (self._settings.own, own)]

    async def _read(self, identity: Identity) -> dict[str, str]:
        try:
            return secret_values(await self._api.get(object_path(identity)))
        except ApiRefused as refused:
            if refused.status == 404:
                return {}
            raise

    async def _write(self, identity: Identity, values: Mapping[str, str]) -> None:
        kind = "kubernetes.io/tls" if identity == self._settings.shown else "Opaque"
        await self._api.apply(object_path(identity), owned_secret(identity, values, self._owners, kind))


def _context(certificates: ChannelCertificates) -> ssl.SSLContext:
    """Make our side of the channel: it presents a certificate of our own and trusts only the authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=certificates.bundle)
    pair = authority.client(certificates, datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="switchover-") as folder:  # of mode 0700; OpenSSL reads files only
        file = Path(folder) / "client.pem"
        file.write_text(pair.certificate + pair.key)
        context.load_cert_chain(file)
    return context
