"""One client's connection as far as requests come in on it: where each begins and ends, and how long it may take.

Limits end what a client would let take for ever: how large a head may be, how long head and body may take, with an
answer where one can still be given.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Final

from switchover_dataplane.edge import early_refusal, request_ids
from switchover_dataplane.edge.clients import Clients
from switchover_dataplane.edge.early_refusal import HEAD_LIMIT, Refusal
from switchover_dataplane.edge.head_parser import HeadParser, RefusedHead
from switchover_dataplane.edge.heads import Heads, KnownHead
from switchover_dataplane.edge.request import Head, Request
from switchover_dataplane.edge.request_body import BadChunks, ByLength, InChunks, RequestBody
from switchover_dataplane.edge.sending import LEAST_RATE, Sending
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.process.deadlines import Deadline
from switchover_dataplane.process.waiter import Waiter
from switchover_dataplane.routing.headers import Fields

LINGER: Final = 2.0
"""Seconds in which what a client still sends is read behind the last answer."""

SLOW_START: Final = 10.0
"""Seconds that a body which is held in memory may take at any rate."""

_BEHIND: Final = HEAD_LIMIT
"""Bytes behind a request that are taken before it is answered."""

Check = Callable[[Head], OwnAnswer | None]
"""Returns the answer to a request that must not be served because of its head; None for any other."""


class Receiving(Sending):
    """Makes requests of what comes, one at a time: `_waiter` waits for the next one, `_behind` keeps what follows it.
    `_last` is the head of the request before, where it is known: mostly the next one has it too.

    `_refused` is the answer to the request of the moment where `check` does not let it pass. `turned_away` says why
    the connection was given up, and `request_id` is the identifier under which a handler waits for the body of its
    request, "" while none does.
    """

    __slots__ = (
        "_behind",
        "_body",
        "_body_began",
        "_body_brought",
        "_body_is_held",
        "_check",
        "_clients",
        "_deadline",
        "_has_served",
        "_head_parser",
        "_heads",
        "_last",
        "_reading_is_paused",
        "_refused",
        "_remote",
        "_task",
        "_waiter",
        "request_id",
        "turned_away",
    )

    def __init__(self, clients: Clients, heads: Heads, check: Check) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop, clients.limits.send_timeout)
        self._clients = clients
        self._heads = heads
        self._check = check
        self._remote = ""
        self.request_id = ""
        self.turned_away: Refusal | None = None
        self._reading_is_paused = False
        self._has_served = False
        self._deadline = Deadline(loop)
        self._task: asyncio.Task[None] | None = None
        self._waiter: Waiter | None = None
        self._head_parser: HeadParser | None = None
        self._last: KnownHead | None = None
        self._behind = b""
        self._refused: OwnAnswer | None = None
        self._body: RequestBody | None = None
        self._body_began = 0.0
        self._body_brought = 0
        self._body_is_held = False

    def data_received(self, data: bytes) -> None:
        """Read what belongs to a head or body that has not ended; keep the rest until its turn."""
        waiter = self._waiter
        if waiter is not None:
            request = self._read_head(data)
            if request is not None:
                self._waiter = None
                waiter.wake()
        elif self._body is not None:
            self._read_body(self._body, data)
        elif self.turned_away is None:
            self._keep_behind(data)

    def _keep_behind(self, data: bytes) -> None:
        """Keep what comes behind a request that is served, unless it is the last of its connection."""
        if self.request is not None and not self.request.head.keep_alive and not self._may_switch(self.request):
            return
        self._behind += data
        if len(self._behind) > _BEHIND:
            self._pause_reading()

    @staticmethod
    def _may_switch(request: Request) -> bool:
        return "upgrade" in request.headers

    def _pause_reading(self) -> None:
        if not self._reading_is_paused and self.transport is not None:
            self._reading_is_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_is_paused and self.transport is not None:
            self._reading_is_paused = False
            self.transport.resume_reading()

    def _expect(self, seconds: float, late: Callable[[], None]) -> None:
        self._deadline.set(self._loop.time(), seconds, late)

    # ── Heads ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_head(self, data: bytes) -> Request | None:
        """Return the request whose head ends in these bytes; None where it goes on or was refused."""
        parser = self._head_parser
        if parser is None:
            known = self._last
            found = known.read(data) if known is not None and known.epoch == self._heads.epoch else None
            if found is None:
                known = self._heads.find(data)
                found = known.read(data) if known is not None else None
            if known is not None and found is not None:
                self._last, self._refused = known, None
                return self._begin(known.head, found[0], found[1], data)
            parser = HeadParser()
        try:
            head = parser.feed(data)
        except RefusedHead as refused:
            parser.release()
            self._turn_away(refused.refusal)
            return None
        if head is None:
            self._go_on_with(parser)
            return None
        self._head_parser = None
        parser.release()
        self._refused = self._check(head)
        if self._refused is None:
            self._last = self._heads.keep(parser.raw, head, parser.length)
        return self._begin(head, parser.length, parser.end, data)

    def _go_on_with(self, parser: HeadParser) -> None:
        """Wait for the rest of a head; of the first one since the connection began, of another since its first byte."""
        if not parser.has_begun:
            parser.release()
        elif self._head_parser is None:
            self._head_parser = parser
            if self._has_served:
                self._expect(self._clients.limits.head_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        if self.request is None:
            self._turn_away(early_refusal.late_head(self._clients.limits.head_timeout))

    def _begin(self, head: Head, length: int | None, end: int, data: bytes) -> Request | None:
        """Make the request whose head ends at `end` of these bytes."""
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
        self.request_id = ""
        self._body_began = self._loop.time()
        self.request = request = Request(head, self._remote, self, length, None, body)
        self._expect_body(body)
        self._read_body(body, data[end:])
        return None if self.turned_away is not None else request

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
        else:
            # Reading may be paused since these bytes waited behind another request, or before the first one.
            self._resume_reading()

    def switch(self, headers: Fields) -> RequestBody:
        """Agree to another protocol: send a 101 with these fields; return what comes from now on, which has no end.

        It is `written` back, and `end_switched` ends it.

        Raises:
            ConnectionResetError: the client left.
            ValueError: a field holds a line end or NUL; nothing was sent.
        """
        head = self._choose(101, headers, "", False)
        self._writable().write(head)
        self._in_chunks, self._left, self._head = False, None, b""
        self._deadline.clear()
        self._body = body = RequestBody(ByLength(sys.maxsize), self._resume_reading)
        behind, self._behind = self._behind, b""
        self._read_body(body, behind)
        return body

    def end_switched(self) -> None:
        """Take no more of the other protocol."""
        self._body = None

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
        self.turned_away = why
        request, request_id = self.request, ""
        if request is not None:
            request_id = self.request_id
        if not request_id:
            request_id = request_ids.new_id() if request is None else request_ids.id_of(request.headers)
            self._clients.tell(request_id, why.status, why.code, why.message)
        self._deadline.end()
        self._resume_reading()
        # A handler that still runs finds no transport for its own answer.
        transport, self.transport = self.transport, None
        self._end_request()
        if transport is None:
            return
        transport.write(why.wire(request_id))
        if transport.can_write_eof():
            transport.write_eof()
        self._loop.call_later(LINGER, transport.close)

    def _end_request(self) -> None:
        """Cancel the handler, and whoever waits for more of the body."""
        self._waiter = None
        if self._head_parser is not None:
            self._head_parser.release()
            self._head_parser = None
        task, self._task = self._task, None  # a cycle, as it holds this protocol
        if task is not None:
            task.cancel()
        if self._body is not None:
            self._body.fail()
            self._body = None
