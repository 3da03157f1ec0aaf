"""One client's connection: bytes → requests, one after the other, each served before the next one is read.

One task serves all requests of a connection, and waits for nothing but the next one. Limits end what a client would let
take for ever: how large a head may be, how long head and body may take, with an answer where one can still be given.
How answers go out, `sending` knows.
"""

import asyncio
import logging
import random
import select
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, cast

from switchover_dataplane.edge import early_refusal
from switchover_dataplane.edge.clients import Clients
from switchover_dataplane.edge.early_refusal import HEAD_LIMIT, Refusal
from switchover_dataplane.edge.head_parser import HeadParser, RefusedHead
from switchover_dataplane.edge.heads import Heads
from switchover_dataplane.edge.request import Head, Request
from switchover_dataplane.edge.request_body import BadChunks, ByLength, InChunks, RequestBody
from switchover_dataplane.edge.sending import LEAST_RATE, Sending
from switchover_dataplane.formats import own_answers
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.process import turns
from switchover_dataplane.process.deadlines import Deadline
from switchover_dataplane.routing import headers

log = logging.getLogger("switchover.edge")

_LINGER: Final = 2.0
_LOOK_AGAIN: Final = 1.0
_BEHIND: Final = HEAD_LIMIT
"""Bytes behind a request that are taken before it is answered."""

SLOW_START: Final = 10.0
"""Seconds that a body which is held in memory may take at any rate."""

Serve = Callable[[Request], Awaitable[OwnAnswer | None]]
"""Serves one request: returns its answer, or None where it has sent one by the request's connection."""

Check = Callable[[Head], OwnAnswer | None]
"""Returns the answer to a request that must not be served because of its head; None for any other."""


class ClientConnection(Sending):
    """The protocol of one connection: what `check` lets pass is served by `serve`."""

    __slots__ = (
        "_behind",
        "_body",
        "_body_began",
        "_body_brought",
        "_body_is_held",
        "_check",
        "_clients",
        "_counted",
        "_deadline",
        "_has_served",
        "_head_parser",
        "_heads",
        "_reading_is_paused",
        "_refused",
        "_remote",
        "_serve",
        "_task",
        "_turned_away",
        "_waiter",
    )

    def __init__(self, clients: Clients, heads: Heads, check: Check, serve: Serve) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop, clients.limits.send_timeout)
        self._clients = clients
        self._heads = heads
        self._check = check
        self._serve = serve
        self._remote = ""
        self._counted = False
        self._turned_away = False
        self._reading_is_paused = False
        self._has_served = False
        self._deadline = Deadline(loop)
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[Request] | None = None
        self._head_parser: HeadParser | None = None
        self._behind = b""
        self._refused: OwnAnswer | None = None
        self._body: RequestBody | None = None
        self._body_began = 0.0
        self._body_brought = 0
        self._body_is_held = False

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
        self._end_request()
        super().connection_lost(exc)

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

    def _end_request(self) -> None:
        """Cancel the handler, and whoever waits for more of the body."""
        if self._task is not None:
            self._task.cancel()
        if self._body is not None:
            self._body.fail()
            self._body = None

    def _unread(self) -> bool:
        """Tell whether something has come that the event loop did not read yet: a client waits for its answer."""
        raw = self.transport.get_extra_info("socket") if self.transport is not None else None
        if raw is None:
            return False
        arrived = select.poll()
        arrived.register(raw.fileno(), select.POLLIN)
        return bool(arrived.poll(0))

    def _expect(self, seconds: float, late: Callable[[], None]) -> None:
        self._deadline.set(self._loop.time(), seconds, late)

    def _idle_is_over(self) -> None:
        # A request may come in the moment in which the idle time is over.
        if self._unread():
            self._expect(_LOOK_AGAIN, self._idle_is_over)
        else:
            self._close()

    # ── Requests, one after the other ───────────────────────────────────────────────────────────────────────────────

    async def _serve_all(self) -> None:
        try:
            while await self._serve_one(await self._next()):
                pass
            self.close_when_taken()
        except ConnectionError:
            self.cut()  # the client left, or its answer broke off
        except asyncio.CancelledError:
            self.cut()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this connection alone
            _log(error, "unknown")
            self.cut()

    async def _next(self) -> Request:
        """Wait for the next request."""
        if self._behind:
            await turns.give_way()  # however many requests a client sends ahead, one of them is served in a turn
            data, self._behind = self._behind, b""
            at_hand = self._read_head(data)
            if at_hand is not None:
                return at_hand
        waiter: asyncio.Future[Request]
        self._waiter = waiter = self._loop.create_future()
        if self._reading_is_paused:
            self._resume_reading()
        return await waiter

    async def _serve_one(self, request: Request) -> bool:
        """Answer a request; return whether another may follow it."""
        try:
            answer = self._refused or await self._serve(request)
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

    async def _pass_over(self, body: RequestBody) -> None:
        """Read the rest of a body that nobody wants, for a moment: unread bytes would reset the answer."""
        self._deadline.clear()
        try:
            async with asyncio.timeout(_LINGER):
                while await body.take():
                    pass
        except TimeoutError:
            self.keeps = False

    def _fail(self, request: Request, error: Exception) -> None:
        """Answer a fault of ours; close the connection.

        Raises:
            ConnectionResetError: an answer has begun.
        """
        request_id = headers.request_id(request.headers, _new_id)
        _log(error, request_id)
        if self.has_begun:
            raise ConnectionResetError("an answer has begun")
        text = f"the gateway failed; its log says where, for request {request_id}"
        answer = own_answers.error(500, "internal_error", text)
        answer.headers["x-request-id"] = request_id
        answer.closes = True
        self.send_own(answer)

    # ── What comes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Read what belongs to a head or body that has not ended; keep the rest until its turn."""
        if self._turned_away:
            return
        if self._body is not None:
            self._read_body(self._body, data)
            return
        waiter = self._waiter
        if waiter is None:
            self._keep_behind(data)
            return
        request = self._read_head(data)
        if request is not None and not waiter.done():
            self._waiter = None
            waiter.set_result(request)

    def _keep_behind(self, data: bytes) -> None:
        """Keep what comes behind a request that is served, unless it is the last of its connection."""
        if self.request is not None and not self.request.head.keep_alive:
            return
        self._behind += data
        if len(self._behind) > _BEHIND:
            self._pause_reading()

    def _pause_reading(self) -> None:
        if not self._reading_is_paused and self.transport is not None:
            self._reading_is_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_is_paused and self.transport is not None:
            self._reading_is_paused = False
            self.transport.resume_reading()

    # ── Heads ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_head(self, data: bytes) -> Request | None:
        """Return the request whose head ends in these bytes; None where it goes on or was refused."""
        parser = self._head_parser
        if parser is None:
            known = self._heads.find(data)
            if known is not None:
                self._refused = None
                return self._begin(*known, data)
            parser = HeadParser()
        try:
            head = parser.feed(data)
        except RefusedHead as refused:
            self._turn_away(refused.refusal)
            return None
        if head is None:
            self._go_on_with(parser)
            return None
        self._head_parser = None
        self._refused = self._check(head)
        if self._refused is None:
            self._heads.keep(parser.raw, head, parser.length)
        return self._begin(head, parser.length, parser.end, data)

    def _go_on_with(self, parser: HeadParser) -> None:
        """Wait for the rest of a head; of the first one since the connection began, of another since its first byte."""
        if self._head_parser is None and parser.has_begun:
            self._head_parser = parser
            if self._has_served:
                self._expect(self._clients.limits.head_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        self._turn_away(early_refusal.late_head(self._clients.limits.head_timeout))

    def _begin(self, head: Head, length: int | None, end: int, data: bytes) -> Request | None:
        """Make the request whose head ends at `end` of these bytes."""
        self._deadline.clear()
        self._has_served = True
        self.has_begun, self.keeps = False, True
        stop = end + (length or 0)
        if not head.is_chunked and stop <= len(data):
            if stop < len(data):
                self._behind = data[stop:]
            self.request = request = Request(head, self._remote, self, length, data[end:stop], None)
            return request
        self._body = body = RequestBody(InChunks() if head.is_chunked else ByLength(length or 0), self._resume_reading)
        self._body_is_held = False
        self._body_began = self._loop.time()
        self.request = request = Request(head, self._remote, self, length, None, body)
        self._expect_body(body)
        self._read_body(body, data[end:])
        return None if self._turned_away else request

    # ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_body(self, body: RequestBody, data: bytes) -> None:
        try:
            rest = body.feed(data)
        except BadChunks:
            self._give_up(early_refusal.MALFORMED)
            return
        if body.done:
            self._body = None
            self._deadline.clear()
            if rest:
                self._keep_behind(rest)
        elif body.is_full:
            self._pause_reading()

    def hold_body(self) -> Callable[[], None]:
        """The body that comes is held in memory, so it must come fast enough; return what ends its request."""
        self._body_is_held = True
        return self._body_is_given_up

    def _body_is_given_up(self) -> None:
        self._give_up(early_refusal.CROWDED_OUT)

    def _expect_body(self, body: RequestBody) -> None:
        self._body_brought = body.received
        self._expect(self._clients.limits.body_timeout, self._body_is_late)

    def _body_is_late(self) -> None:
        body = self._body
        if body is None:
            return
        if body.received - self._body_brought >= self._least_that_comes() or self._reading_is_paused:
            self._expect_body(body)
        else:
            self._give_up(early_refusal.late_body(self._clients.limits.body_timeout))

    def _least_that_comes(self) -> int:
        """Return how many bytes a body must have brought since it was looked at last."""
        if not self._body_is_held or self._loop.time() - self._body_began < SLOW_START:
            return 1
        return int(LEAST_RATE * self._clients.limits.body_timeout)

    # ── Answers outside of any handler ──────────────────────────────────────────────────────────────────────────────

    def _give_up(self, why: Refusal) -> None:
        """End a request whose handler runs: with an answer, unless one has begun."""
        if self.request is None or self.has_begun:
            self.cut()
        else:
            self._turn_away(why)

    def _turn_away(self, why: Refusal) -> None:
        """Answer and close; what still comes is read for a moment, as unread bytes would reset the answer."""
        self._turned_away = True
        self._deadline.end()
        self._resume_reading()
        # A handler that still runs finds no transport for its own answer.
        transport, self.transport = self.transport, None
        if transport is None:
            return
        transport.write(why.wire())
        if transport.can_write_eof():
            transport.write_eof()
        self._loop.call_later(_LINGER, transport.close)
        self._end_request()


def _address(peer: object) -> str:
    """Return the address of a socket's peer; "" for a Unix socket."""
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _new_id() -> str:
    return f"{random.getrandbits(128):032x}"


def _log(error: BaseException, request_id: str) -> None:
    """Log a fault by its type and place: an exception's text may hold what a client sent."""
    fields = {"request_id": request_id, "where": "".join(traceback.format_tb(error.__traceback__))}
    log.error("a request failed inside the gateway: %s", type(error).__name__, extra={"fields": fields})
