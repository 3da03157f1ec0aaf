"""The last accepted version of each object whose present content is refused → a Secret, for a restart of the operator.

The operator remembers the last accepted version of every object only while it runs. For an object whose present content
is refused, that version exists nowhere else. It is a Secret, as an Upstream may hold a token in clear.
"""

import asyncio
import base64
import logging
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.cluster.background import RETRY, retried
from switchover_operator.cluster.owned_secret import owned_secret, secret_values
from switchover_operator.compiler.admission import Admitted, admit
from switchover_operator.compiler.compile import Compiled
from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.snapshot import Snapshot, without_status

log = logging.getLogger(__name__)

KEY: Final = "objects"
LARGEST: Final = 900_000
"""Bytes after compression: Kubernetes allows 1 MiB for a Secret."""


def worth_keeping(compiled: Compiled, snapshot: Snapshot) -> list[Body]:
    """Return the bodies that serve instead of the present ones, sorted by identity and without status."""
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
    except (zlib.error, ValueError):
        log.warning("the stored last accepted versions cannot be read and are ignored")
        return []
    return found


def admitted(bodies: Sequence[Body]) -> dict[Identity, Admitted]:
    """Check bodies again: this version of the operator may refuse what an earlier one accepted."""
    checked = ((identity := identity_of(body), admit(identity, body, from_file=False)) for body in bodies)
    return {identity: result for identity, result in checked if isinstance(result, Admitted)}


class LastGood:
    """Keeps the Secret `name` at the bodies that were last given to `want`."""

    def __init__(self, api: Api, namespace: str, name: str, owners: tuple[Body, ...]) -> None:
        self._api = api
        self._identity = Identity("", "Secret", namespace, name)
        self._owners = owners
        self._stored = packed(())
        self._wanted = self._stored
        self._woken = asyncio.Event()

    async def load(self) -> Mapping[Identity, Admitted]:
        """Read what an earlier operator stored; wait while the API server is unreachable."""
        while True:
            try:
                secret: Body = await self._api.get(object_path(self._identity))
            except ApiRefused as refused:
                if refused.status != 404:
                    log.warning("the stored last accepted versions cannot be read: %s", refused)
                return {}
            except ApiUnreachable:
                await asyncio.sleep(RETRY)
                continue
            text = secret_values(secret).get(KEY, "")
            self._stored = self._wanted = text
            return admitted(unpacked(text)) if text else {}

    def want(self, bodies: Sequence[Body]) -> None:
        """Store these bodies soon."""
        text = packed(bodies)
        if len(text) > LARGEST:
            log.warning(
                "the last accepted versions of %d refused objects are too large to be stored for a restart",
                len(bodies),
            )
            return
        if text != self._wanted:
            self._wanted = text
            self._woken.set()

    async def run(self) -> NoReturn:
        """Write what is wanted, for ever."""
        problem = "the last accepted versions of refused objects cannot be stored in a Secret yet"
        await retried(self._store, self._woken, problem)

    async def _store(self) -> None:
        wanted = self._wanted
        if wanted != self._stored:
            secret = owned_secret(self._identity, {KEY: wanted}, self._owners)
            await self._api.apply(object_path(self._identity), secret)
            self._stored = wanted
