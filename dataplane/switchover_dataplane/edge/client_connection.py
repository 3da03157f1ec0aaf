"""One client's connection: its life, and the one task that serves its requests, each before the next one is read.

How requests come in, `receiving` knows; how answers go out, `sending`.
"""

import asyncio
import logging
import select
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, cast

from switchover_dataplane.edge import early_refusal, request_ids
from switchover_dataplane.edge.clients import Clients
from switchover_dataplane.edge.heads import Heads
from switchover_dataplane.edge.receiving import LINGER, Check, Receiving
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.request_body import RequestBody
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.process import turns
from switchover_dataplane.process.waiter import Waiter

log = logging.getLogger("switchover.edge")

_LOOK_AGAIN: Final = 1.0

Serve = Callable[[Request], Awaitable[OwnAnswer | None]]
"""Serves one request: returns its answer, or None where it has sent one by the request's connection."""


class ClientConnection(Receiving):
    """The protocol of one connection: what `check` lets pass is served by `serve`."""

    __slots__ = ("_counted", "_serve")

    def __init__(self, clients: Clients, heads: Heads, check: Check, serve: Serve) -> None:
        super().__init__(clients, heads, check)
        self._serve = serve
        self._counted = False

    # ── Its life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        self.transport = transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        self._remote = _address(transport.get_extra_info("peername"))
        clients = self._clients
        clients.open.add(self)
        if clients.is_full:
            self._turn_away(early_refusal.TOO_MANY_CONNECTIONS)
            return
        clients.connections.open += 1
        self._counted = True
        self._expect(clients.limits.head_timeout, self._head_is_late)
        self._task = self._loop.create_task(self._serve_all())
        clients.tasks.add(self._task)
        self._task.add_done_callback(clients.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; its handler is cancelled."""
        if self._counted:
            self._clients.connections.open -= 1
        self._clients.forget(self)
        self._deadline.end()
        if self._task is None or self._task.done():
            self.request = None
        self._end_request()
        super().connection_lost(exc)

    @property
    def has_served(self) -> bool:
        """Whether any request has come on the connection."""
        return self._has_served

    def close_if_idle(self) -> None:
        """Close the connection if nothing has come that was not answered."""
        if self._waiter is not None and self._head_parser is None and not self._unread():
            self._close()

    @property
    def leaving(self) -> bool:
        """Whether an answer that begins now is the connection's last."""
        return self._clients.leaving

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _unread(self) -> bool:
        """Tell whether something has come that the event loop did not read yet: a client waits for its answer."""
        raw = self.transport.get_extra_info("socket") if self.transport is not None else None
        if raw is None:
            return False
        arrived = select.poll()
        arrived.register(raw.fileno(), select.POLLIN)
        return bool(arrived.poll(0))

    def _idle_is_over(self) -> None:
        if self.request is not None:
            return  # the deadline of what has come is not cleared, as the next one takes its place
        # A request may come in the moment in which the idle time is over.
        if self._unread():
            self._expect(_LOOK_AGAIN, self._idle_is_over)
        else:
            self._close()

    # ── Requests, one after the other ───────────────────────────────────────────────────────────────────────────────

    async def _serve_all(self) -> None:
        try:
            keeps = True
            while keeps:
                request = await self._next_behind() if self._behind else None
                if request is None:
                    await self._wait()
                    request = self.request
                    assert request is not None  # noqa: S101 - what ends the wait has set it
                keeps = await self._serve_one(request)
            self.close_when_taken()
        except ConnectionError:
            self.cut()  # the client left, or its answer broke off
        except asyncio.CancelledError:
            self.cut()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this connection alone
            _log(error, "unknown")
            self.cut()
        finally:
            if self.transport is None:
                self.request = None  # a cycle, as it has this connection

    async def _next_behind(self) -> Request | None:
        """Read the next request from what the client sent ahead; however much that is, one is served in a turn."""
        await turns.give_way()
        data, self._behind = self._behind, b""
        return self._read_head(data)

    def _wait(self) -> Waiter:
        """Return what is awaited until the next request has come."""
        self._waiter = waiter = Waiter(self._loop)
        if self._reading_is_paused:
            self._resume_reading()
        return waiter

    async def _serve_one(self, request: Request) -> bool:
        """Answer a request; return whether another may follow it."""
        try:
            answer = self._told(request, self._refused) if self._refused else await self._serve(request)
            if answer is not None:
                self.send_own(answer)
            elif not self.has_begun:
                raise RuntimeError("the request was not answered")
        except ConnectionError as error:
            if self.has_begun or self.transport is None or self.transport.is_closing():
                raise
            self._fail(request, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this request alone
            self._fail(request, error)
        if self.paused:
            await self.drained()
        self.request = None
        if self._body is not None:
            await self._pass_over(self._body)
        self._deadline.set(self._loop.time(), self._clients.limits.keep_alive, self._idle_is_over)
        return self.keeps

    def _told(self, request: Request, answer: OwnAnswer) -> OwnAnswer:
        """Write down that a request was refused because of its head; return the answer with its identifier."""
        request_id = request_ids.id_of(request.headers)
        answer.headers["x-request-id"] = request_id
        self._clients.tell(request_id, answer.status, answer.code, answer.why)
        return answer

    async def _pass_over(self, body: RequestBody) -> None:
        """Read the rest of a body that nobody wants, for a moment: unread bytes would reset the answer."""
        self._deadline.clear()
        try:
            async with asyncio.timeout(LINGER):
                while await body.take():
                    pass
        except TimeoutError:
            self.keeps = False

    def _fail(self, request: Request, error: Exception) -> None:
        """Answer a fault of ours; close the connection.

        Raises:
            ConnectionResetError: an answer has begun.
        """
        request_id = request_ids.id_of(request.headers)
        _log(error, request_id)
        if self.has_begun:
            raise ConnectionResetError("an answer has begun")
        text = f"the gateway failed; its log says where, for request {request_id}"
        answer = own_answers.error(own_errors.INTERNAL_ERROR, text)
        answer.headers["x-request-id"] = request_id
        answer.closes = True
        self.send_own(answer)


def _address(peer: object) -> str:
    """Return the address of a socket's peer; "" for a Unix socket."""
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _log(error: BaseException, request_id: str) -> None:
    """Log a fault by its type and place: an exception's text may hold what a client sent."""
    fields = {"request_id": request_id, "where": "".join(traceback.format_tb(error.__traceback__))}
    log.error("a request failed inside the gateway: %s", type(error).__name__, extra={"fields": fields})
