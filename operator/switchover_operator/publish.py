"""The newest table → every data plane, and what each of them answered.

A data plane is sent the parts of the table that it does not have (`table/parts.py`): all of them first, then those that
changed. One that was started anew says that parts are missing, and gets all.

Each data plane has a task of its own that keeps it at the newest revision, so that a slow one delays no other. A push
that a newer revision overtakes is abandoned if it does not end soon. What the data planes answered is plain data
(`Acknowledgements`) for the reports; publishing knows nothing of objects.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from ssl import SSLContext
from typing import Final

import aiohttp
import msgspec

from switchover_dataplane.table.parts import CONTENT_TYPE, Part, push
from switchover_operator.acknowledgements import Acknowledgement, Acknowledgements

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.05
GROWTH: Final = 1.5
LONGEST_WAIT: Final = 5.0
PUSH_LIMIT: Final = 15.0
"""Seconds within which a data plane has to answer a push."""
LOOK_AGAIN: Final = 5.0
"""Seconds after which a data plane is asked again what it serves, and which priorities answer."""
OVERTAKEN: Final = 1.0
"""Seconds that a push may still take when a newer table is there: begun over each time, none would ever arrive."""
WARNING_AFTER: Final = 12
"""Tries without an answer after which it is worth a warning: a data plane that just starts takes a few."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one data plane takes its table: a Unix socket's path, or HOST:PORT over mutual TLS.

    `name` tells it from every other; a data plane that was started anew needs a new one, as it has no table yet.
    `server_name` is what its certificate has to be for.
    """

    name: str
    address: str
    tls: SSLContext | None = None
    server_name: str | None = None

    @property
    def url(self) -> str:
        """Where the table is put; the host of a Unix socket is never looked up."""
        return f"https://{self.address}/v1/table" if self.tls else "http://dataplane/v1/table"

    def connector(self) -> aiohttp.BaseConnector:
        """What connects to this address."""
        return aiohttp.TCPConnector(ssl=self.tls) if self.tls else aiohttp.UnixConnector(self.address)


class _Accepted(msgspec.Struct):
    revision: str


class _Serving(msgspec.Struct):
    revision: str | None = None
    active: dict[str, int] = {}


class _Refused(msgspec.Struct):
    reasons: tuple[str, ...]


class NotDelivered(Exception):
    """A push without a word from the data plane on it: worth another try."""


class PartsMissing(NotDelivered):
    """The data plane does not have all the parts that a push did not carry."""


class Publisher:
    """Keeps a changing set of data planes at the newest table; `on_answer` is called with each new answer of one.

    Use it as an asynchronous context manager: leaving it ends every push and forgets the table.
    """

    def __init__(self, on_answer: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._revision = ""
        self._parts: tuple[Part, ...] = ()
        self._had: dict[Endpoint, frozenset[str]] = {}
        self._newer = asyncio.Event()
        self._keepers: dict[Endpoint, asyncio.Task[None]] = {}
        self._said: dict[str, Acknowledgement | None] = {}
        self._ready: frozenset[str] | None = None
        self._active: dict[str, dict[str, int]] = {}

    async def __aenter__(self) -> "Publisher":
        return self

    async def __aexit__(self, *_: object) -> None:
        keepers = list(self._keepers.values())
        self.serve(())
        await asyncio.gather(*keepers, return_exceptions=True)
        # Whoever pushes meanwhile may have something newer.
        self._revision, self._parts = "", ()

    def publish(self, revision: str, parts: tuple[Part, ...]) -> None:
        """Make this the table that every data plane is brought to. An equal revision changes nothing."""
        if revision == self._revision:
            return
        self._revision, self._parts = revision, parts
        self._newer.set()
        self._newer = asyncio.Event()

    def serve(self, endpoints: Iterable[Endpoint], ready: frozenset[str] | None = None) -> None:
        """Make these the data planes there are: new ones get the table, those that are gone are forgotten.

        `ready` names those that take requests; None: all do.
        """
        wanted = set(endpoints)
        for endpoint in self._keepers.keys() - wanted:
            self._keepers.pop(endpoint).cancel()
            self._said.pop(endpoint.name, None)
            self._active.pop(endpoint.name, None)
            self._had.pop(endpoint, None)
        self._ready = ready
        for endpoint in wanted - self._keepers.keys():
            self._said[endpoint.name] = None
            self._keepers[endpoint] = asyncio.create_task(self._keep(endpoint), name=f"push to {endpoint.name}")

    @property
    def acknowledgements(self) -> Acknowledgements:
        """The answers until now."""
        active: dict[str, int] = {}
        for reported in self._active.values():
            for upstream, priority in reported.items():
                active[upstream] = max(priority, active.get(upstream, 0))
        return Acknowledgements(self._revision, dict(self._said), self._ready, active)

    async def _keep(self, endpoint: Endpoint) -> None:
        """Bring one data plane to each newest revision, for ever."""
        timeout = aiohttp.ClientTimeout(total=PUSH_LIMIT)
        async with aiohttp.ClientSession(connector=endpoint.connector(), timeout=timeout) as session:
            while True:
                newer = self._newer
                if self._revision:
                    settled = asyncio.Event()
                    push = asyncio.create_task(self._deliver(session, endpoint, self._revision, self._parts, settled))
                    await _until_overtaken(push, settled, newer)
                else:
                    await newer.wait()

    async def _deliver(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        revision: str,
        parts: tuple[Part, ...],
        settled: asyncio.Event,
    ) -> None:
        """Push one revision until it is accepted, and again should it be lost; `settled` is set at the first outcome.

        A refusal is repeated too: what stood in the way may go.
        """
        attempt = 0
        while True:
            try:
                word = await self._put(session, endpoint, revision, parts)
            except NotDelivered as failure:
                level = logging.WARNING if attempt == WARNING_AFTER else logging.DEBUG
                log.log(level, "data plane %s has not taken revision %s yet: %s", endpoint.name, revision, failure)
                settled.set()
            else:
                settled.set()
                self._note(endpoint, word)
                if word.accepted:
                    lasted = await self._until_lost(session, endpoint, revision)
                    self._note(endpoint, None)
                    attempt = 0 if lasted else attempt
            await asyncio.sleep(wait_before(attempt, random.random()))  # noqa: S311 - spreads load, guards nothing
            attempt += 1

    async def _put(
        self, session: aiohttp.ClientSession, endpoint: Endpoint, revision: str, parts: tuple[Part, ...]
    ) -> Acknowledgement:
        """Push what the data plane does not have of a revision; all of it where that turns out to be too little.

        Raises:
            NotDelivered: there is no word from it.
        """
        try:
            word = await _push(session, endpoint, revision, push(revision, parts, self._had.get(endpoint, frozenset())))
        except PartsMissing:
            self._had.pop(endpoint, None)
            word = await _push(session, endpoint, revision, push(revision, parts, frozenset()))
        if word.accepted and endpoint in self._keepers:
            self._had[endpoint] = frozenset(part.digest for part in parts)
        return word

    async def _until_lost(self, session: aiohttp.ClientSession, endpoint: Endpoint, revision: str) -> bool:
        """Ask now and then until the data plane says that it serves something else: it was started anew.

        One that cannot be asked at the moment may serve all the same. Return whether it ever said that it serves this.
        """
        lasted = False
        while True:
            try:
                async with session.get(endpoint.url, server_hostname=endpoint.server_name) as response:
                    response.raise_for_status()
                    serving = msgspec.json.decode(await response.read(), type=_Serving)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                log.debug("data plane %s does not say what it serves: %s", endpoint.name, error)
            else:
                if serving.revision != revision:
                    return lasted
                lasted = True
                self._note_active(endpoint, serving.active)
            await asyncio.sleep(LOOK_AGAIN)

    def _note_active(self, endpoint: Endpoint, active: dict[str, int]) -> None:
        if endpoint in self._keepers and self._active.get(endpoint.name, {}) != active:
            self._active[endpoint.name] = active
            self._on_answer()

    def _note(self, endpoint: Endpoint, word: Acknowledgement | None) -> None:
        # One that is gone may get a last word in before its push is ended.
        if endpoint in self._keepers and self._said.get(endpoint.name) != word:
            self._said[endpoint.name] = word
            self._on_answer()


def wait_before(repeat: int, chance: float) -> float:
    """Seconds before repeat `repeat` (from 0), growing up to a cap; `chance` (0..1) takes off up to half of it."""
    whole = min(FIRST_WAIT * GROWTH ** min(repeat, 32), LONGEST_WAIT)
    return whole * (1 - chance / 2)


async def _push(session: aiohttp.ClientSession, endpoint: Endpoint, revision: str, body: bytes) -> Acknowledgement:
    """One push and the data plane's word on it.

    Raises:
        PartsMissing: it has to be pushed as a whole.
        NotDelivered: no connection, no answer in time, or an answer that is not one of the push protocol's.
    """
    try:
        # As a stream: aiohttp would send a large table in one piece, and nothing else would move meanwhile.
        async with session.put(
            endpoint.url,
            data=BytesIO(body),
            headers={"content-type": CONTENT_TYPE},
            server_hostname=endpoint.server_name,
        ) as response:
            answer = await response.read()
    except TimeoutError:
        raise NotDelivered(f"no answer within {PUSH_LIMIT:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from None
    try:
        if response.status == 200:
            accepted = msgspec.json.decode(answer, type=_Accepted).revision
            if accepted == revision:
                return Acknowledgement(revision, accepted=True)
            raise NotDelivered(f"it acknowledged revision {accepted!r}")
        if response.status == 409:
            raise PartsMissing("it does not have all the parts that were left out")
        if response.status == 422:
            return Acknowledgement(revision, accepted=False, reasons=msgspec.json.decode(answer, type=_Refused).reasons)
    except ValueError as error:
        raise NotDelivered(f"status {response.status} with an answer that cannot be read: {error}") from None
    raise NotDelivered(f"status {response.status}")


async def _until_overtaken(push: asyncio.Task[None], settled: asyncio.Event, newer: asyncio.Event) -> None:
    """Wait until a newer table is there; a push that still has no outcome a little later is abandoned."""
    try:
        await newer.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(settled.wait(), OVERTAKEN)
    finally:
        push.cancel()
        with suppress(asyncio.CancelledError):
            await push
