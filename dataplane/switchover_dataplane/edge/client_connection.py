"""One client's connection: aiohttp's, with limits on how large a head may be and how long head and body may take.

aiohttp parses and runs the handler; what it lets a client do for ever ends here, with an answer where one can still
be given. Answers outside of any handler are written here too, because aiohttp's would repeat what was sent. Of answers
that a client does not take, `sending` knows.
"""

import asyncio
import logging
import random
import select
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

from aiohttp import StreamReader, web
from aiohttp.http_parser import RawRequestMessage

from switchover_dataplane.edge import early_refusal
from switchover_dataplane.edge.clients import Clients
from switchover_dataplane.edge.early_refusal import HEAD_LIMIT, REQUEST_LINE_LIMIT, Refusal
from switchover_dataplane.edge.sending import LEAST_RATE, Sending
from switchover_dataplane.formats import own_answers
from switchover_dataplane.routing import headers

log = logging.getLogger("switchover.edge")

_END: Final = b"\r\n\r\n"
_LINGER: Final = 2.0
_LOOK_AGAIN: Final = 1.0

SLOW_START: Final = 10.0
"""Seconds that a body which is held in memory may take at any rate."""


class ClientConnection(Sending):
    """The protocol of one connection of `server`."""

    __slots__ = (
        "_body",
        "_body_began",
        "_body_is_held",
        "_body_timer",
        "_clients",
        "_counted",
        "_head_bytes",
        "_head_tail",
        "_head_timer",
        "_turned_away",
    )

    def __init__(self, server: web.Server, clients: Clients) -> None:
        self._clients = clients
        self._counted = False
        self._turned_away = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._head_tail = b""
        self._body: StreamReader | None = None
        self._body_began = 0.0
        self._body_is_held = False
        self._body_timer: asyncio.TimerHandle | None = None
        super().__init__(
            server,
            send_timeout=clients.limits.send_timeout,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=clients.limits.keep_alive,
            access_log=None,
            max_line_size=REQUEST_LINE_LIMIT,
            max_field_size=early_refusal.FIELD_LIMIT,
            max_headers=early_refusal.HEADER_COUNT_LIMIT,
            auto_decompress=False,
            lingering_time=_LINGER,
        )

    # ── Its life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        super().connection_made(transport)
        if self._clients.is_full:
            self._clients.make_room()
        self._clients.open.add(self)
        if self._clients.is_full:
            self._turn_away(early_refusal.TOO_MANY_CONNECTIONS)
            return
        self._clients.connections.open += 1
        self._counted = True
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection; its handler is cancelled."""
        self._uncount()
        self._clients.open.discard(self)
        if not self._clients.open:
            self._clients.none.set()
        self._head_came()
        self._body_came()
        super().connection_lost(exc)

    def _uncount(self) -> None:
        if self._counted:
            self._counted = False
            self._clients.connections.open -= 1

    def data_received(self, data: bytes) -> None:
        """Parse; watch what belongs to a head or body that has not ended."""
        if self._turned_away:
            return
        in_head = self._in_head
        if in_head and self._head_bytes + len(data) > HEAD_LIMIT and self._head_goes_on(data):
            in_line = not self._head_bytes and b"\n" not in data[:REQUEST_LINE_LIMIT]
            self._turn_away(early_refusal.LONG_REQUEST_LINE if in_line else early_refusal.LARGE_HEAD)
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_came()
            self._parsed(*self._messages[-1], alone=in_head)
        elif in_head:
            self._head_bytes += len(data)
            self._head_tail = (self._head_tail + data)[1 - len(_END) :]
            if self._head_timer is None:
                self._expect_head()

    def close_if_idle(self) -> None:
        """Close the connection if nothing has come that was not answered."""
        if self._in_head and not self._head_bytes and not self._unread():
            self.force_close()

    @property
    def leaving(self) -> bool:
        """Whether an answer that begins now is the connection's last."""
        return self._clients.leaving or self._clients.is_crowded

    @property
    def may_go(self) -> bool:
        """Whether no request is served here, or its client does not take the answer."""
        return self._current_request is None or self._paused

    @property
    def last_used(self) -> float:
        """When the last answer was sent, or the connection began; in seconds, only to be compared."""
        return self._next_keepalive_close_time

    def make_way(self) -> None:
        """Close the connection; another has its place from now on."""
        self._uncount()
        self._clients.open.discard(self)
        if self._paused:
            self.cut()
        else:
            self.force_close()

    def _unread(self) -> bool:
        """Tell whether something has come that the event loop did not read yet: a client waits for its answer."""
        raw = self.transport.get_extra_info("socket") if self.transport is not None else None
        if raw is None:
            return False
        arrived = select.poll()
        arrived.register(raw.fileno(), select.POLLIN)
        return bool(arrived.poll(0))

    def _process_keepalive(self) -> None:
        # The idle time may be over in the moment in which a request comes.
        if self._unread():
            self._keepalive_handle = self._loop.call_later(_LOOK_AGAIN, self._process_keepalive)
        else:
            super()._process_keepalive()

    # ── Heads ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _in_head(self) -> bool:
        # aiohttp's waiter is done as soon as a head was parsed, though it stays until the handler runs: what comes in
        # between is body. Before the first head it may not be there yet.
        waiter = self._waiter
        return self._request_count == 0 if waiter is None else not waiter.done()

    def _head_goes_on(self, data: bytes) -> bool:
        return _END not in self._head_tail + data[: HEAD_LIMIT - self._head_bytes]

    def _expect_head(self) -> None:
        self._head_timer = self._loop.call_later(self._clients.limits.head_timeout, self._head_is_late)

    def _head_came(self) -> None:
        self._head_bytes = 0
        self._head_tail = b""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._turn_away(early_refusal.late_head(self._clients.limits.head_timeout))

    # ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parsed(self, message: object, body: StreamReader, *, alone: bool) -> None:
        """Look at what the parser made of the newest bytes; `alone` with no request in flight before it."""
        if isinstance(message, RawRequestMessage):
            if not body.is_eof():
                self._body_came()
                self._body = body
                self._body_began = self._loop.time()
                self._expect_body(body.total_bytes)
        elif alone:
            self._turn_away(early_refusal.of(getattr(message, "exc", None)))
        elif self._body is not None and not self._body.is_eof():
            # aiohttp would let the handler wait for the rest of this body for ever.
            self._give_up(early_refusal.of(getattr(message, "exc", None)))

    def _expect_body(self, brought: int) -> None:
        self._body_timer = self._loop.call_later(self._clients.limits.body_timeout, self._body_is_late, brought)

    def hold_body(self) -> Callable[[], None]:
        """The body that comes is held in memory, so it must come fast enough; return what ends its request."""
        self._body_is_held = True
        return self._body_is_given_up

    def _body_is_given_up(self) -> None:
        self._give_up(early_refusal.CROWDED_OUT)

    def _body_came(self) -> None:
        self._body = None
        self._body_is_held = False
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _body_is_late(self, brought: int) -> None:
        body, self._body_timer = self._body, None
        if body is None or body.is_eof():
            self._body_came()
        elif body.total_bytes - brought >= self._least_that_comes() or self._reading_paused:
            self._expect_body(body.total_bytes)
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
        request = self._current_request
        if request is None or request.writer.output_size > 0:
            self.cut()
        else:
            self._turn_away(why)

    def _turn_away(self, why: Refusal) -> None:
        """Answer and close; what still comes is read for a moment, as unread bytes would reset the answer."""
        self._turned_away = True
        self._head_came()
        self._body_came()
        # A handler that still runs finds no transport for its own answer.
        transport, self.transport = self.transport, None
        if transport is None:
            return
        transport.write(why.wire())
        if transport.can_write_eof():
            transport.write_eof()
        self._loop.call_later(_LINGER, transport.close)
        if self._task_handler is not None:
            self._task_handler.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's text repeats the offending bytes
    ) -> web.StreamResponse:
        """Answer a fault of ours, or what could not be parsed behind a request in flight; close the connection."""
        if isinstance(exc, ConnectionError) and request.writer.output_size > 0:
            raise exc  # the client left, or was shown that its answer broke off: nothing failed in here
        why, told = early_refusal.of(exc), {"server": "switchover"}
        if status >= 500:
            request_id = told["x-request-id"] = headers.request_id(request.headers, _new_id)
            _tell(exc or sys.exc_info()[1], request_id)
            why = Refusal(500, "internal_error", f"the gateway failed; its log says where, for request {request_id}")
        if request.writer.output_size > 0:
            raise ConnectionResetError("an answer has begun")
        answer = own_answers.error(why.status, why.code, why.message)
        answer.headers.update(told)
        answer.force_close()
        return answer

    def log_exception(self, *_: Any, **__: Any) -> None:
        """Tell of a fault outside of any handler, without aiohttp's text, which may repeat what was sent."""
        _tell(sys.exc_info()[1], "unknown")


def _new_id() -> str:
    return f"{random.getrandbits(128):032x}"


def _tell(exc: BaseException | None, request_id: str) -> None:
    """Log a fault by its type and place: an exception's text may hold what a client sent."""
    fields = {"request_id": request_id, "where": "".join(traceback.format_tb(exc.__traceback__ if exc else None))}
    log.error("a request failed inside the gateway: %s", type(exc).__name__, extra={"fields": fields})
