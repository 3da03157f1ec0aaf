"""What serves of objects that are refused at the moment → a Secret, so that it serves on after the operator restarts.

The operator remembers the last accepted version of every object, but not longer than it lives. Only of those whose
present content is refused is that version nowhere else to be found. A Secret, as an Upstream may hold a token in clear.
"""

import asyncio
import base64
import binascii
import logging
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.compiler.admission import Admitted, admit
from switchover_operator.compiler.compile import Compiled
from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.snapshot import Snapshot, without_status

log = logging.getLogger(__name__)

KEY: Final = "objects"
LARGEST: Final = 900_000
"""Bytes, compressed: Kubernetes takes 1 MiB for a Secret."""
RETRY: Final = 2.0


def worth_keeping(compiled: Compiled, snapshot: Snapshot) -> list[Body]:
    """The bodies that serve in the place of what is stored now, sorted by identity and without status."""
    kept: list[Body] = []
    for identity, good in sorted(compiled.accepted.items()):
        now = snapshot.objects.get(identity)
        if now is not None and good.body is not now and without_status(good.body) != without_status(now):
            kept.append(without_status(good.body))
    return kept


def packed(bodies: Sequence[Body]) -> str:
    """Bodies → the text of a Secret's value; the same bodies give the same text."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(bodies, order="sorted"))).decode()


def unpacked(text: str) -> list[Body]:
    """The text of a Secret's value → bodies; none where it cannot be read."""
    try:
        found = msgspec.json.decode(zlib.decompress(base64.b64decode(text, validate=True)), type=list[dict[str, Any]])
    except (binascii.Error, zlib.error, msgspec.DecodeError):
        log.warning("what was kept of refused objects cannot be read and is passed over")
        return []
    return found


def admitted(bodies: Sequence[Body]) -> dict[Identity, Admitted]:
    """Judge bodies anew: what an earlier version of the operator accepted may be refused by this one."""
    judged = ((identity_of(body), admit(body)) for body in bodies)
    return {identity: verdict for identity, verdict in judged if isinstance(verdict, Admitted)}


class LastGood:
    """Keeps the Secret `name` at what was last wished for."""

    def __init__(self, api: Api, namespace: str, name: str, owners: tuple[Body, ...]) -> None:
        self._api = api
        self._identity = Identity("", "Secret", namespace, name)
        self._owners = owners
        self._stored = packed(())
        self._wanted = self._stored
        self._woken = asyncio.Event()

    async def load(self) -> Mapping[Identity, Admitted]:
        """Read what an earlier operator kept; wait for the API server if need be."""
        while True:
            try:
                secret: Body = await self._api.get(object_path(self._identity))
            except ApiRefused as refused:
                if refused.status != 404:
                    log.warning("what was kept of refused objects cannot be read: %s", refused)
                return {}
            except ApiUnreachable:
                await asyncio.sleep(RETRY)
                continue
            text = base64.b64decode((secret.get("data") or {}).get(KEY, "")).decode("ascii", "replace")
            self._stored = self._wanted = text
            return admitted(unpacked(text)) if text else {}

    def want(self, bodies: Sequence[Body]) -> None:
        """Make this what is kept."""
        text = packed(bodies)
        if len(text) > LARGEST:
            log.warning("%d refused objects are too large to be kept over a restart of the operator", len(bodies))
            return
        if text != self._wanted:
            self._wanted = text
            self._woken.set()

    async def run(self) -> NoReturn:
        """Write what is wanted, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            wanted = self._wanted
            if wanted == self._stored:
                continue
            try:
                await self._api.apply(object_path(self._identity), self._secret(wanted))
            except (ApiRefused, ApiUnreachable) as error:
                told = f"{error.status} {error.reason}" if isinstance(error, ApiRefused) else str(error)
                log.warning("what serves of refused objects cannot be kept in a Secret yet: %s", told)
                await asyncio.sleep(RETRY)
                self._woken.set()
            else:
                self._stored = wanted

    def _secret(self, text: str) -> Body:
        metadata: dict[str, Any] = {
            "name": self._identity.name,
            "namespace": self._identity.namespace,
            "labels": {"app.kubernetes.io/managed-by": "switchover-operator"},
            "ownerReferences": list(self._owners),
        }
        data = {KEY: base64.b64encode(text.encode()).decode()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
