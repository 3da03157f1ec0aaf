"""An event stream whose first content is there → the client, whole and exactly once, or broken in a way that shows.

What goes to the client is `delivery.py`'s, and how the rest of an answer is read `reading.py`'s. Who goes on with an
answer that broke off is decided by `exchange.py`.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.exchange import Exchange
from switchover_dataplane.edge.request import Request
from switchover_dataplane.failover.outcome import Broken, ErrorClass
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.process import turns
from switchover_dataplane.reply import reply
from switchover_dataplane.reply.delivery import Delivery
from switchover_dataplane.reply.reading import Reading
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.streams import held_calls
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.splice import Mismatch
from switchover_dataplane.streams.transcript import Interruption, Transcript
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.redaction import Redaction
from switchover_dataplane.upstream.transport import ConnectionBroken

_NO_CONVERSATION: Final = "the request is no conversation"
_LONGEST_NUMBER: Final = 4
_PROMPTS: Final = re.compile(rb"\[[ \t\r\n]*[^-0-9 \t\r\n]")
_LONGEST_PROMPTS: Final = 16 * 1024
_prompts: Final = msgspec.json.Decoder(list[Any])


class Relay:
    """Hands one answer on, and the answers of other models that continue it.

    `api` is the API of the request, None if the form of its answers is unknown. `redaction` returns what has to be
    replaced in what the targets send that were asked so far.
    """

    def __init__(  # noqa: PLR0917 - an exchange, and what is known of it
        self,
        request: Request,
        exchange: Exchange,
        policy: Policy,
        record: trace.Record,
        redaction: Callable[[], Redaction],
        api: Api | None,
    ) -> None:
        self._connection = request.connection
        self._exchange = exchange
        self._policy = policy
        self._record = record
        self._redaction = redaction
        self._body = exchange.body
        self._transcript = Transcript(_choices(exchange.body), api, holds_calls=held_calls.are_held(policy))
        self._delivery = Delivery(request.connection, self._transcript, record.attempts[-1], redaction())
        self._broke = ""

    async def run(self, answer: Answer, headers: "CIMultiDict[str]") -> None:
        """Send an answer that is `opened`.

        Raises:
            Interrupted: it could not be sent whole; the client's connection is closed already.
            ConnectionError: the client left.
        """
        try:
            self._connection.begin(answer.status, headers)
            while True:
                broke = None
                try:
                    await self._pass_on(answer)
                    break
                except Interruption as failure:
                    broke = Broken(failure.how, failure.detail, ErrorClass.INTERRUPTED)
                except Mismatch:
                    pass
                if broke is None:
                    await self._abort("the next model did not go on where the answer had broken off")
                answer = await self._continued(broke)
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
        delivery, transcript, scanner = self._delivery, self._transcript, opened.scanner
        dropped = transcript.dropped
        try:
            try:
                transcript.expect(opened.chunks)
                events = opened.take()
                for start in range(0, len(events), turns.EVENTS):
                    await delivery.take(events[start : start + turns.EVENTS])
                del events
                self._connection.send_head()
                if answer.rest is not None:
                    limit = self._policy.stream_idle_timeout
                    await Reading(answer.rest, scanner, transcript, delivery, limit, self._lone_idle_limit).to_its_end()
                    answer.rest = None
                    left = scanner.end()
                    if left:
                        await delivery.take(left)
                else:
                    while scanner.is_behind:
                        await delivery.take(scanner.feed(b""))
                end = transcript.take_end()
            except (ConnectionBroken, Interruption) as failure:
                if not transcript.is_settled:
                    raise Interruption(failure.how, failure.detail) from None
                end = transcript.closing()
            await delivery.write(end)
        finally:
            delivery.attempt.dropped = transcript.dropped - dropped
            answer.abort()

    def _lone_idle_limit(self) -> float | None:
        """Return how many seconds the target may be silent where nobody could go on with the answer; else None.

        To cut such an answer can only destroy it.
        """
        if self._transcript.is_settled or (not self._why_not() and self._exchange.may_go_on()):
            return None
        return self._policy.lone_stream_idle_timeout

    # ── When it breaks off ──────────────────────────────────────────────────────────────────────────────────────────

    async def _continued(self, broke: Broken) -> Answer:
        """Return the answer of another model that was asked to go on.

        Raises:
            Interrupted: there is none, and the client was told.
        """
        last = self._record.attempts[-1]
        self._exchange.broke(broke)
        self._broke = self._broke or f"{trace.served_by(last)} {broke.how}"
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
        self._delivery.attempt, self._delivery.redaction = self._record.attempts[-1], self._redaction()
        seam = f"switchover: continued by {trace.served_by(self._record.attempts[-1])}"
        self._transcript.continue_with(self._transcript.comment(seam))
        return answer

    def _why_not(self) -> str:
        """Return why no other model can be asked to go on, "" if one can."""
        if self._policy.stream_recovery != "Continue":
            return "streams are not continued on this route"
        if self._transcript.not_resumable and not self._transcript.lacks_calls:
            return f"what was sent cannot be continued by another model: {self._transcript.not_resumable}"
        if self._transcript.lacks_words and not self._transcript.lacks_calls:
            return "what was sent cannot be continued by another model: it is no text"
        return "" if Continuation.of(self._body, "") else _NO_CONVERSATION

    def _continuation(self) -> Continuation | str:
        """Return the request for the rest of the answer, or why there is none."""
        text = None if self._transcript.lacks_calls else self._transcript.text
        return self._why_not() or Continuation.of(self._body, text) or _NO_CONVERSATION

    async def _abort(self, why: str) -> NoReturn:
        """Tell the client in the stream, then end it so that nobody takes it for whole."""
        message = f"the answer broke off ({self._broke}); {why}"
        is_reset = self._transcript.ends_by_reset
        if self._delivery.is_between_events and not is_reset:
            await self._connection.write(self._transcript.error(message))
        await reply.cut(self._connection, reset=is_reset)
        raise reply.Interrupted(message)


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
