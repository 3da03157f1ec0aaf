"""An event stream whose first content is there → the client, whole and exactly once, or broken in a way that shows.

Bytes pass through as they came, an event at a time, at the pace at which the client takes them. What the events mean is
`transcript.py`'s; who goes on with an answer that broke off is decided by `exchange.py`.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.exchange import Exchange
from switchover_dataplane.attempts.stream_start import AFTER_THE_END
from switchover_dataplane.attempts.unreadable import unreadable
from switchover_dataplane.edge.request import Request
from switchover_dataplane.failover.outcome import Broken, ErrorClass
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.process import turns
from switchover_dataplane.reply import reply
from switchover_dataplane.reply.idle_timeout import IdleTimeout
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.streams import held_calls
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.splice import Mismatch
from switchover_dataplane.streams.transcript import Interruption, Transcript
from switchover_dataplane.table import Policy
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.redaction import Redaction
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

AFTER_DONE: Final = 1.0
"""Seconds of silence after which the end of a body is not waited for whose last event came."""

KEEP_ALIVE: Final = 10.0
"""Seconds without a byte for the client after which a comment is sent while a tool call is held back."""

_HELD_BACK: Final = b": switchover: a tool call is held back until it is whole\n\n"
_NO_CONVERSATION: Final = "the request is no conversation"
_AT_ONCE: Final = 0.001
_LONGEST_NUMBER: Final = 4
_EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_PROMPTS: Final = re.compile(rb"\[[ \t\r\n]*[^-0-9 \t\r\n]")
_LONGEST_PROMPTS: Final = 16 * 1024
_prompts: Final = msgspec.json.Decoder(list[Any])


class Relay:
    """Hands one answer on, and the answers of other models that continue it.

    `redaction` returns what has to be replaced in what the targets send that were asked so far.
    """

    def __init__(
        self,
        request: Request,
        exchange: Exchange,
        policy: Policy,
        record: trace.Record,
        redaction: Callable[[], Redaction],
    ) -> None:
        self._connection = request.connection
        self._exchange = exchange
        self._policy = policy
        self._record = record
        self._redaction = redaction
        self._redacts = redaction()
        self._body = exchange.body
        self._transcript = Transcript(_choices(exchange.body), None, holds_calls=False)
        self._loop = asyncio.get_running_loop()
        self._told_at = self._loop.time()
        self._settled_at: float | None = None
        self._broke = ""
        self._can_tell = True
        self._turn = 0

    async def run(self, answer: Answer, headers: "CIMultiDict[str]") -> None:
        """Send an answer that is `opened`.

        Raises:
            Interrupted: it could not be sent whole; the client's connection is closed already.
            ConnectionError: the client left.
        """
        api = answer.opened.api if answer.opened is not None else None
        self._transcript = Transcript(_choices(self._body), api, holds_calls=held_calls.are_held(self._policy))
        try:
            self._connection.begin(answer.status, headers)
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
        self._connection.end()

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
            for start in range(0, len(opened.events), turns.EVENTS):
                await self._take(opened.events[start : start + turns.EVENTS])
            self._connection.send_head()
            if answer.rest is not None:
                await self._read_on(answer, opened)
            else:
                while opened.scanner.is_behind:
                    await self._take(opened.scanner.feed(b""))
                await self._write(self._transcript.take_end())
        except (ConnectionBroken, Interruption) as failure:
            if not self._transcript.is_settled:
                raise Interruption(failure.how, failure.detail) from None
            await self._write(self._transcript.closing())
        finally:
            self._record.attempts[-1].dropped = self._transcript.dropped - dropped
            answer.abort()

    async def _read_on(self, answer: Answer, opened: Opened) -> None:
        transcript, scanner, loop, rest = self._transcript, opened.scanner, self._loop, answer.rest
        assert rest is not None  # noqa: S101 - the caller has looked
        idle = IdleTimeout(rest, self._idle_limit(0.0), self._lone_idle_limit)
        waited = 0.0
        try:
            while True:
                piece = b""
                if not scanner.is_behind:
                    began = idle.waiting_since = loop.time()
                    piece = await (self._piece(rest) if transcript.is_holding else rest.chunk())
                    idle.waiting_since = None
                    if not piece:
                        break
                    waited += loop.time() - began
                await self._take(scanner.feed(piece))
                limit = self._idle_limit(waited)
                if limit != idle.limit:
                    idle.change(limit)
            answer.rest = None
            await self._take(scanner.end())
            await self._write(transcript.take_end())
        except ConnectionBroken:
            if not idle.timed_out or transcript.is_settled:
                raise
            raise Interruption("stalled", f"no sign of life for {idle.limit:g}s (streamIdleTimeout)") from None
        finally:
            idle.stop()

    async def _piece(self, rest: Response) -> bytes:
        """Return the next piece of the body; meanwhile the client is told that its connection lives."""
        while True:
            try:
                async with asyncio.timeout_at(self._told_at + KEEP_ALIVE):
                    return await rest.chunk()
            except TimeoutError:
                self._told_at = self._loop.time()
                if self._can_tell:
                    await self._write(_HELD_BACK)

    async def _take(self, events: Sequence[Event]) -> None:
        """Hand on, all at once, what of the events is for the client; they are no more than one turn is for."""
        self._turn += len(events)
        if self._turn > turns.EVENTS:
            self._turn = len(events)
            await turns.give_way()
        taken: list[bytes] = []
        try:
            for event in events:
                taken.append(self._transcript.take(event))
                # Nothing can be said in the middle of an event.
                self._can_tell = not event.is_part or event.raw.endswith(_EVENT_ENDS)
        except (Interruption, Mismatch):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer broke off here
            why = unreadable(error, self._record.attempts[-1].target)
            raise Interruption("malformed", why) from None
        finally:
            data = self._redacts.body(taken[0] if len(taken) == 1 else b"".join(taken))
            if data:
                self._told_at = self._loop.time()
                self._record.attempts[-1].bytes += len(data)
                self._connection.put(data)
                if self._connection.paused:
                    await self._connection.drained()

    async def _write(self, data: bytes) -> None:
        if data:
            await self._connection.write(data)
            self._record.attempts[-1].count(len(data))

    def _idle_limit(self, waited: float) -> float:
        """Return how many seconds the target may be silent now, 0 for no limit; it was waited for `waited` so far."""
        transcript, limit = self._transcript, self._policy.stream_idle_timeout
        if not transcript.is_settled:
            self._settled_at = None
            return limit
        if self._settled_at is None:
            self._settled_at = waited
        most = AFTER_DONE if transcript.done_sent else AFTER_THE_END
        # Whoever goes on without content behind the end is not waited for without end.
        return max(_AT_ONCE, min(most, self._settled_at + limit - waited)) if limit else most

    def _lone_idle_limit(self) -> float | None:
        """Return the same where nobody could go on with the answer, so that to cut it can only destroy; else None."""
        if self._transcript.is_settled or (not self._why_not() and self._exchange.may_go_on()):
            return None
        return self._policy.lone_stream_idle_timeout

    # ── When it breaks off ──────────────────────────────────────────────────────────────────────────────────────────

    async def _continued(self, failure: Interruption) -> Answer:
        """Return the answer of another model that was asked to go on.

        Raises:
            Interrupted: there is none, and the client was told.
        """
        last = self._record.attempts[-1]
        self._exchange.broke(Broken(failure.how, failure.detail, ErrorClass.INTERRUPTED))
        self._broke = self._broke or f"{trace.shown(last)} {failure.how}"
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
        self._redacts = self._redaction()
        self._transcript.continue_with(_seam(self._record.attempts[-1]))
        return answer

    def _why_not(self) -> str:
        """Return why no other model can be asked to go on, "" if one can."""
        if self._policy.stream_recovery != "Continue":
            return "streams are not continued on this route"
        if self._transcript.not_resumable and not self._transcript.lacks_calls:
            return f"what was sent cannot be continued by another model: {self._transcript.not_resumable}"
        return "" if Continuation.of(self._body, "") else _NO_CONVERSATION

    def _continuation(self) -> Continuation | str:
        """Return the request for the rest of the answer, or why there is none."""
        text = None if self._transcript.lacks_calls else self._transcript.text
        return self._why_not() or Continuation.of(self._body, text) or _NO_CONVERSATION

    async def _abort(self, why: str) -> NoReturn:
        """Tell the client in the stream, then end it so that nobody takes it for whole."""
        message = f"the answer broke off ({self._broke}); {why}"
        is_reset = self._transcript.ends_by_reset
        if self._can_tell and not is_reset:
            await self._connection.write(self._transcript.error(message))
        await reply.cut(self._connection, reset=is_reset)
        raise reply.Interrupted(message)


def _seam(attempt: trace.Attempt) -> bytes:
    """Write the comment that marks where another model goes on."""
    return f": switchover: continued by {trace.served_by(attempt)}\n\n".encode()


def _choices(body: object) -> int:
    """Return how many answers the request asks for: `n` for each prompt of a list (OpenAI API, legacy completions).

    A list of prompts that is too long to be read here counts as several.
    """
    if not isinstance(body, JsonBody):
        return 1
    number = _number(body.fields.get("n"))
    prompts = body.fields.get("prompt")
    # A list of numbers is one prompt, in tokens.
    if prompts is None or not _PROMPTS.match(prompts):
        return number
    if len(prompts) > _LONGEST_PROMPTS:
        return number * 2
    try:
        return number * max(1, sum(not isinstance(each, int) for each in _prompts.decode(prompts)))
    except ValueError:
        return number


def _number(field: msgspec.Raw | None) -> int:
    asked = bytes(field) if field is not None and len(field) < _LONGEST_NUMBER else b""
    return int(asked) if asked.isdigit() else 1
