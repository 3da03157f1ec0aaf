"""The table that is served and what was made from it, swapped by one assignment.

A table that cannot be served changes nothing: the last good one keeps serving, also over a restart of the process
where it is kept in a file.
"""

import asyncio
import contextlib
import gc
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.health import active_priority
from switchover_dataplane.health.health import Health
from switchover_dataplane.routing import callers, match
from switchover_dataplane.table.parts import Part, joined, received, text_of
from switchover_dataplane.table.policies import USUAL_REQUEST_BODY
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable, decode, revision_problem
from switchover_dataplane.target_addresses import STRICT, TargetAddresses
from switchover_dataplane.telemetry.metrics import Metrics
from switchover_dataplane.upstream import targets
from switchover_dataplane.upstream.redaction import Redactions

log = logging.getLogger("switchover.state")


@dataclass(frozen=True, slots=True)
class Serving:
    """A table and what requests and metrics need of it.

    `names` are those of its HTTPRoutes, `labels` the models by target, `access` its accesses as requests need them,
    `caller_names` those of all callers. `largest_body` are the bytes of the largest request body that a policy allows,
    if only by default: as much is read where a rule depends on the body.
    """

    table: Table
    router: match.Router
    routes: Mapping[str, targets.Route]
    schemes: Mapping[int, str]
    names: Set[str]
    labels: Mapping[str, str]
    access: Mapping[str, callers.AccessCheck]
    caller_names: Set[str]
    redactions: Redactions
    largest_body: int

    def scheme(self, port: int) -> str:
        """Return "http" or "https" for a port of the table."""
        return self.schemes.get(port, "http")


@dataclass(frozen=True, slots=True)
class Ack:
    """The table is served."""

    revision: str


@dataclass(frozen=True, slots=True)
class Nack:
    """The table is not served, the one before it still is."""

    reasons: tuple[str, ...]


class State:
    """Holds the current table; `draining` is set when the process is about to end.

    `addresses` says which addresses targets may have.
    """

    def __init__(
        self, health: Health, metrics: Metrics, table_file: Path | None, addresses: TargetAddresses = STRICT
    ) -> None:
        self.current: Serving | None = None
        self.draining = False
        self._health = health
        self._metrics = metrics
        self._file = table_file
        self._addresses = addresses
        self._whole = ""
        self._parts: Mapping[str, Part] = {}

    async def apply(self, text: bytes, listeners: Listeners) -> Ack | Nack:
        """Serve the table in `text` from now on, or say why not."""
        return await self._apply(lambda before: _of_text(text, before, self._addresses), listeners)

    async def apply_parts(self, body: bytes, listeners: Listeners) -> Ack | Nack:
        """Serve the table that is pushed in parts (`table/parts.py`) from now on, or say why not.

        Raises:
            MissingParts: it names parts that it does not carry and that the table before does not have.
        """
        known = self._parts
        return await self._apply(lambda before: _of_parts(body, known, before, self._addresses), listeners)

    async def _apply(self, read: "Callable[[Serving | None], _Read]", listeners: Listeners) -> Ack | Nack:
        before = self.current
        try:
            received, serving = await _made_aside(read, before)
            table = serving.table
            if self._whole == table.revision:
                return Ack(table.revision)
            prepared = listeners.prepare(table)
        except InvalidTable as error:
            return Nack(error.reasons)
        if before is not None:
            self._health.adopt(before.table, table)
        self.current = serving
        self._whole = ""
        await listeners.serve(prepared)
        self._whole = table.revision
        await asyncio.sleep(0)
        self._metrics.follow(table.revision, serving.names, serving.labels, serving.caller_names)
        self._parts = {part.digest: part for part in received} if isinstance(received, tuple) else {}
        await asyncio.to_thread(self._keep, received)
        return Ack(table.revision)

    def active_priorities(self, now: float) -> dict[str, int]:
        """Return the priority that answers by upstream of the table; `now` is of the monotonic clock."""
        return active_priority.priorities(self.current.table, self._health, now) if self.current is not None else {}

    async def restore(self, listeners: Listeners) -> None:
        """Serve the table that was kept by an earlier process, if there is a good one."""
        if self._file is None:
            return
        try:
            text = self._file.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("the kept table cannot be read: %s", error.strerror)
            return
        try:
            applied = await self.apply(text, listeners)
        except Exception as error:  # noqa: BLE001 - whatever it is, a better table can only come to a running process
            log.warning("the kept table is not served: %s", type(error).__name__)
            return
        match applied:
            case Ack(revision=revision):
                log.info("serving the kept table, revision %s", revision)
            case Nack(reasons=reasons):
                log.warning("the kept table is not served: %s", "; ".join(reasons))

    def _keep(self, received: "_Received") -> None:
        """Write the table so that a reader sees the old or the new one whole, and nobody else sees it at all."""
        if self._file is None:
            return
        text = text_of(received) if isinstance(received, tuple) else received
        try:
            handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=".table-")
            with os.fdopen(handle, "wb") as kept:
                kept.write(text)
            Path(name).replace(self._file)
        except OSError as error:
            log.warning("the table cannot be kept: %s", error.strerror)
            with contextlib.suppress(OSError, UnboundLocalError):
                Path(name).unlink()


_Received = bytes | tuple[Part, ...]
"""The text of a table, whole or in parts."""

_Read = tuple[_Received, Serving]


async def _made_aside(read: Callable[[Serving | None], _Read], before: Serving | None) -> _Read:
    """Make what is served of what was received while requests go on.

    Raises:
        InvalidTable: the table cannot be served.
        MissingParts: it is not there as a whole.
    """
    # Of a large table little is garbage: collections while it grows would take longer than making it, and stop all.
    gc.disable()
    try:
        return await asyncio.to_thread(read, before)
    finally:
        gc.enable()


def _of_text(text: bytes, before: Serving | None, addresses: TargetAddresses) -> _Read:
    table = decode(text)
    return text, _made(table, before, revision_problem(text), addresses)


def _of_parts(body: bytes, known: Mapping[str, Part], before: Serving | None, addresses: TargetAddresses) -> _Read:
    revision, parts = received(body, known)
    table = joined(revision, parts, before.table if before is not None else None)
    return parts, _made(table, before, None, addresses)


def _made(table: Table, before: Serving | None, unsealed: str | None, addresses: TargetAddresses) -> Serving:
    if before is not None and before.table.revision == table.revision and not unsealed:
        return before
    wrong = [*match.check(table), *([unsealed] if unsealed else [])]
    if wrong:
        raise InvalidTable(*wrong)
    routes = targets.routes(table, (before.table, before.routes) if before is not None else None, addresses)
    access = callers.access_checks(table.access)
    return Serving(
        table=table,
        router=match.index(table, before.router if before is not None else None),
        routes=routes,
        schemes={port.number: port.protocol.lower() for port in table.ports},
        names=frozenset(rule.route for rule in table.rules.values()),
        labels={name: route.label for name, route in routes.items()},
        access=access,
        caller_names=frozenset(caller.name for check in access.values() for caller in check.callers.values()),
        redactions=Redactions(table, before.redactions if before is not None else None),
        largest_body=max(USUAL_REQUEST_BODY, *(policy.max_request_body for policy in table.policies.values()), 0),
    )
