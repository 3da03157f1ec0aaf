"""An event stream whose first content is there → the client, whole and exactly once, or broken in a way that shows.

Bytes pass through as they came, an event at a time, at the pace at which the client takes them. What the events mean is
`transcript.py`'s; who goes on with an answer that broke off is decided by `exchange.py`.
"""

from collections.abc import Iterable
from typing import Final, NoReturn

from aiohttp import web
from multidict import CIMultiDict

from switchover_dataplane import reply, trace
from switchover_dataplane.answer import Answer, Opened
from switchover_dataplane.body import JsonBody
from switchover_dataplane.continuation import Continuation
from switchover_dataplane.exchange import Exchange
from switchover_dataplane.outcome import Broken, ErrorClass
from switchover_dataplane.splice import Mismatch
from switchover_dataplane.stream import Event, EventTooLarge
from switchover_dataplane.table import Policy
from switchover_dataplane.transcript import Interruption, Transcript
from switchover_dataplane.transport import ConnectionBroken
from switchover_dataplane.watch import Watched

AFTER_THE_END: Final = 1.0
"""Seconds that are waited for usage and [DONE] once an answer is whole."""

_LONGEST_NUMBER: Final = 4


class Relay:
    """Hands one answer on, and the answers of other models that continue it."""

    def __init__(self, request: web.BaseRequest, exchange: Exchange, policy: Policy, record: trace.Record) -> None:
        self._request = request
        self._exchange = exchange
        self._policy = policy
        self._record = record
        self._body = exchange.body
        self._transcript = Transcript(_choices(exchange.body))
        self._response = web.StreamResponse()
        self._can_tell = True

    async def run(self, answer: Answer, headers: "CIMultiDict[str]") -> web.StreamResponse:
        """Send an answer that is `opened`.

        Raises:
            Interrupted: it could not be sent whole; the client's connection is closed already.
            ConnectionError: the client left.
        """
        self._response = reply.begin(self._request, answer.status, headers)
        try:
            await self._response.prepare(self._request)
            while True:
                try:
                    await self._pass_on(answer)
                    break
                except Interruption as failure:
                    answer = await self._continued(failure)
                except Mismatch:
                    await self._abort("the next model did not go on where the answer had broken off")
        finally:
            answer.abort()
        await self._response.write_eof()
        return self._response

    # ── As it comes ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _pass_on(self, answer: Answer) -> None:
        """Hand an answer on to its end.

        Raises:
            Interruption: it broke off; all that was good of it was sent.
            Mismatch: it does not continue what was sent; nothing of it was.
        """
        opened = answer.opened or Opened()
        dropped = self._transcript.dropped
        try:
            await self._take(opened.events)
            if answer.rest is not None:
                await self._read_on(answer, opened)
            else:
                await self._write(self._transcript.take_end())
        except ConnectionBroken as failure:
            if not self._transcript.whole:
                raise Interruption(failure.how, failure.detail) from None
            await self._write(self._transcript.closing())
        finally:
            self._record.attempts[-1].dropped = self._transcript.dropped - dropped
            answer.abort()

    async def _read_on(self, answer: Answer, opened: Opened) -> None:
        transcript, scanner = self._transcript, opened.scanner
        assert answer.rest is not None  # noqa: S101 - the caller has looked
        watched = Watched(answer.rest, self._patience)
        try:
            while piece := await watched.piece():
                heard = transcript.heard
                await self._take(scanner.feed(piece))
                if transcript.heard != heard:
                    watched.heard(self._patience)
            answer.rest = None
            await self._take(scanner.end())
            await self._write(transcript.take_end())
        except EventTooLarge:
            await self._pass_unread(watched, scanner.spill())
            answer.rest = None
        except ConnectionBroken:
            if not watched.barked or transcript.whole:
                raise
            seconds = self._policy.stream_idle_timeout
            raise Interruption("stalled", f"no content for {seconds:g}s (streamIdleTimeout)") from None
        finally:
            watched.stop()

    async def _pass_unread(self, watched: Watched, held: bytes) -> None:
        """Hand on what cannot be followed: it is whole when its body is."""
        if self._transcript.is_splicing:
            raise Mismatch
        self._transcript.pass_unread()
        self._can_tell = False
        await self._write(held)
        while piece := await watched.piece():
            watched.heard(self._patience)
            await self._write(piece)

    async def _take(self, events: Iterable[Event]) -> None:
        """Hand on, all at once, what of the events is for the client."""
        taken: list[bytes] = []
        take = self._transcript.take
        try:
            for event in events:
                taken.append(take(event))
        finally:
            data = taken[0] if len(taken) == 1 else b"".join(taken)
            if data:
                await self._response.write(data)
                self._record.attempts[-1].count(len(data))

    async def _write(self, data: bytes) -> None:
        if data:
            await self._response.write(data)
            self._record.attempts[-1].count(len(data))

    @property
    def _patience(self) -> float:
        return AFTER_THE_END if self._transcript.whole else self._policy.stream_idle_timeout

    # ── When it breaks off ──────────────────────────────────────────────────────────────────────────────────────────

    async def _continued(self, failure: Interruption) -> Answer:
        """Return the answer of another model that was asked to go on.

        Raises:
            Interrupted: there is none, and the client was told.
        """
        self._exchange.broke(Broken(failure.how, failure.detail, ErrorClass.INTERRUPTED))
        body = self._continuation()
        if isinstance(body, str):
            await self._abort(body)
        ended = await self._exchange.go_on(body)
        answer = ended.answer
        if answer is None or not ended.success or answer.opened is None:
            if answer is not None:
                await answer.put_away()
            await self._abort("no other model could go on with it")
        self._record.outcome = "rescued"
        self._transcript.continue_with(_seam(self._record.attempts[-1]))
        return answer

    def _continuation(self) -> Continuation | str:
        """Return the request for the rest of the answer, or why there is none."""
        if self._policy.stream_recovery != "Continue" or self._policy.semantics == "Envoy":
            return "streams are not continued on this route"
        if self._transcript.bound:
            return f"what was sent cannot be continued by another model: {self._transcript.bound}"
        return Continuation.of(self._body, self._transcript.text) or "the request is no conversation"

    async def _abort(self, why: str) -> NoReturn:
        """Tell the client in the stream, then end it so that nobody takes it for whole."""
        last = self._record.attempts[-1]
        message = f"the answer broke off ({last.label} {last.detail}); {why}"
        if self._can_tell:
            await self._response.write(self._transcript.error(message))
        await reply.cut(self._request)
        raise reply.Interrupted(message)


def _seam(attempt: trace.Attempt) -> bytes:
    """Write the comment that marks where another model goes on; its name may be the caller's own text."""
    name = "".join(letter for letter in trace.served_by(attempt) if letter.isprintable())
    return f": switchover: continued by {name}\n\n".encode()


def _choices(body: object) -> int:
    """Return how many answers the request asks for."""
    asked = bytes(body.fields.get("n", b"1")) if isinstance(body, JsonBody) else b"1"
    return int(asked) if asked.isdigit() and len(asked) < _LONGEST_NUMBER else 1
