"""The push channel's certificates in Secrets: read, brought up to date, kept, and loaded for our own side of it."""

import asyncio
import base64
import binascii
import logging
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from switchover_operator.cluster import authority
from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.cluster.authority import Channel
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 600.0
"""Seconds between two looks at the calendar."""
RETRY: Final = 2.0


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """`secret` names the Secret that data planes mount; the operator's own has "-ca" behind that name."""

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
    """Keeps the certificates; `tls` is our side of the channel, None before there are any.

    `changed` is called whenever `tls` is another.
    """

    def __init__(
        self, api: Api, settings: ChannelSettings, owners: tuple[Body, ...], changed: Callable[[], None]
    ) -> None:
        self.tls: ssl.SSLContext | None = None
        self._api = api
        self._settings = settings
        self._owners = owners
        self._changed = changed
        self._channel: Channel | None = None
        self._loaded = datetime.now(UTC)
        self._woken = asyncio.Event()

    async def keep(self) -> NoReturn:
        """Renew what is due, for ever; the API server may be away for a while."""
        while True:
            wait = LOOK_AGAIN
            try:
                await self._renew()
            except (ApiRefused, ApiUnreachable) as error:
                # A refusal may quote what was sent.
                told = f"{error.status} {error.reason}" if isinstance(error, ApiRefused) else str(error)
                log.warning("the push channel's certificates cannot be kept in Secrets yet: %s", told)
                wait = RETRY
            try:
                await asyncio.wait_for(self._woken.wait(), wait)
            except TimeoutError:
                continue
            self._woken.clear()

    def compare(self, snapshot: Snapshot) -> None:
        """Look at the Secrets again if they are not what they should be: somebody deleted or changed them."""
        if self._channel is None:
            return
        for identity, values in self._secrets(self._channel):
            body = snapshot.objects.get(identity)
            if body is None or _values(body) != values:
                self._woken.set()

    async def _renew(self) -> None:
        stored = {identity: await self._read(identity) for identity in (self._settings.shown, self._settings.own)}
        now = datetime.now(UTC)
        known = authority.from_secrets(stored[self._settings.shown], stored[self._settings.own])
        if known is None or not authority.is_usable(known.signing, now):
            # Somebody deleted or garbled it; data planes trust the one that we remember.
            known = self._channel
        channel = authority.renewed(known, self._settings.server_name, now)
        # The authority first: a certificate must not be shown whose authority could be lost.
        for identity, values in reversed(self._secrets(channel)):
            if stored[identity] != values:
                await self._write(identity, values)
                log.info("the push channel's %s was written", identity)
        if channel != self._channel or self._is_ending():
            self.tls = _context(channel)
            self._loaded = datetime.now(UTC)
            self._channel = channel
            self._changed()

    def _is_ending(self) -> bool:
        """Whether our own certificate, which was made when the context was, has to be made anew."""
        return datetime.now(UTC) - self._loaded > authority.LIFE - authority.RENEWAL

    def _secrets(self, channel: Channel) -> list[tuple[Identity, dict[str, str]]]:
        shown, own = authority.as_secrets(channel)
        return [(self._settings.shown, shown), (self._settings.own, own)]

    async def _read(self, identity: Identity) -> dict[str, str]:
        try:
            return _values(await self._api.get(object_path(identity)))
        except ApiRefused as refused:
            if refused.status == 404:
                return {}
            raise

    async def _write(self, identity: Identity, values: Mapping[str, str]) -> None:
        metadata: dict[str, Any] = {
            "name": identity.name,
            "namespace": identity.namespace,
            "labels": {"app.kubernetes.io/managed-by": "switchover-operator"},
            "ownerReferences": list(self._owners),
        }
        body: Body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "kubernetes.io/tls" if identity == self._settings.shown else "Opaque",
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
        }
        await self._api.apply(object_path(identity), body)


def _values(secret: Body) -> dict[str, str]:
    """The values of a Secret; what is not text is none of ours."""
    data = secret.get("data") or {}
    values: dict[str, str] = {}
    for key, text in data.items():
        try:
            values[key] = base64.b64decode(text).decode()
        except (binascii.Error, ValueError):
            values[key] = ""
    return values


def _context(channel: Channel) -> ssl.SSLContext:
    """Make our side: we show a certificate of our own and trust the authorities alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=channel.bundle)
    pair = authority.client(channel, datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="switchover-") as folder:  # of mode 0700; OpenSSL reads files only
        file = Path(folder) / "client.pem"
        file.write_text(pair.certificate + pair.key)
        context.load_cert_chain(file)
    return context
