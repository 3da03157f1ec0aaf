"""The handler: the only place where matching, attempts and answers meet.

A request keeps the table that it began with, whatever is pushed meanwhile.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.exchange import Ended, Exchange, UpstreamRuntime
from switchover_dataplane.edge import request_ids
from switchover_dataplane.edge.request import Request
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome
from switchover_dataplane.formats import error_form, own_answers, own_errors
from switchover_dataplane.formats.api import api_of
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.reply import no_answer, reply, tunnel
from switchover_dataplane.reply.as_error import error_response
from switchover_dataplane.reply.relay import Relay
from switchover_dataplane.reply.try_later import try_later
from switchover_dataplane.request import models, named_model, unserved
from switchover_dataplane.request.call_of import call_at_hand, call_that_comes
from switchover_dataplane.request.embeddings import of_one_model
from switchover_dataplane.request.header_facts import of_answer
from switchover_dataplane.request.identity import RequestIdentity
from switchover_dataplane.request.memory_budget import MemoryBudget
from switchover_dataplane.request.plan import HeadPlan, Routed
from switchover_dataplane.request.unserved import Unserved
from switchover_dataplane.routing import backends, callers, filters, header_values, headers, match
from switchover_dataplane.routing.header_values import NO_FACTS
from switchover_dataplane.routing.match import BadTarget, MatchedRule
from switchover_dataplane.served_table import Serving, State
from switchover_dataplane.table.disabled import without
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.telemetry import logs, trace, trace_line
from switchover_dataplane.telemetry.metrics import Metrics
from switchover_dataplane.telemetry.refusals import Refusals
from switchover_dataplane.upstream.redaction import NOTHING, Redaction

log = logging.getLogger("switchover.trace")

_CLIENT_GONE: Final = 499
"""nginx's status for a client that did not wait."""
_ABOUT_THE_REQUEST: Final = ("caller-fault", "content-filter")


@dataclass(slots=True)
class Settings:
    """What the process is started with.

    `log_all` writes a line for each request, for plain successes too; `memory` is how many bytes of request bodies may
    be held for replay in all.
    """

    log_all: bool = False
    memory: int = 1 << 30


class Proxy:
    """Serves requests by the current table; `refusals` gets those that the gateway answers itself."""

    def __init__(
        self, state: State, runtime: UpstreamRuntime, metrics: Metrics, settings: Settings, refusals: Refusals
    ) -> None:
        self._state = state
        self._runtime = runtime
        self._metrics = metrics
        self._settings = settings
        self._memory = MemoryBudget(settings.memory, time.monotonic)
        self._refusals = refusals

    def handle(self, request: Request, port: int) -> Coroutine[Any, Any, OwnAnswer | None]:
        """Serve one request that came in at `port`: try its targets, hand on the answer, write down what happened."""
        serving = self._state.current
        if serving is not None and serving.router.asks_for_model:
            return self._serve_by_model(serving, request, port)
        return self._serve(request, port, "")

    async def _serve_by_model(self, serving: Serving, request: Request, port: int) -> OwnAnswer | None:
        """Serve a request whose rule may depend on the name of its model."""
        held = self._memory.open(request.remote)
        try:
            plan = request.head.plan
            model = ""
            if not isinstance(plan, HeadPlan) or plan.serving is not serving or plan.by_model:
                head = self._head(serving, request, "")
                if self._is_for_one_model(serving, port, head):
                    request, model = await named_model.of_request(request, head.path, serving.largest_body, held)
            return await self._serve(request, port, model)
        except Unserved as refused:
            self._metrics.unrouted(refused.response.status)
            return self._unrouted(request, refused)
        finally:
            held.close()

    def _is_for_one_model(self, serving: Serving, port: int, head: match.Head) -> bool:
        """Tell whether the rule for a request depends on its model.

        Raises:
            Unserved: whatever its model is, nobody is let in with this head; so its body is not read.
        """
        rules = match.candidates(serving.router, port, head)
        first = next(rules, None)
        if first is None or not match.is_for_one_model(first.match):
            return False
        if not any(models.admits(serving, each, head.headers) for each in (first, *rules)):
            self._admitted(serving, first, head)
        return True

    async def _serve(self, request: Request, port: int, model: str) -> OwnAnswer | None:
        try:
            routed, record = self._begun(request, port, model)
        except Unserved as refused:
            self._metrics.unrouted(refused.response.status)
            return self._unrouted(request, refused)
        self._metrics.in_flight += 1
        held = self._memory.open(request.remote)
        exchange: Exchange | None = None
        budget, upstream = self._runtime.budget, routed.upstream.name
        budget.begin(upstream)
        try:
            call = call_at_hand(request, routed, record.request_id, held)
            if call is None:
                request.connection.request_id = record.request_id
                call = await call_that_comes(request, routed, record.request_id, held)
            first, targets = routed.first, routed.upstream
            if first is not None and first.is_for_vectors:
                # What may answer is found among all: the place of a disabled model is not for vectors of another one.
                targets = without(of_one_model(routed.every, routed.serving.routes, call.body.model), routed.out)
            identity = RequestIdentity(
                call, name=routed.caller, fields=request.headers, query=routed.query, address=request.remote
            )
            routes, policy, limits = routed.serving.routes, routed.policy, routed.limits
            translates = routed.translates
            exchange = Exchange(call, identity, targets, policy, limits, routes, self._runtime, record, translates)
            ended = await exchange.run()
            answer = self._answer(routed, record, exchange, ended)
            if isinstance(answer, OwnAnswer):
                return error_form.in_form(exchange.path, answer)
            redacts = routed.redaction(record)
            response_headers = self._answer_headers(request, routed, record, answer, exchange, redacts)
            if answer.is_whole and not (ended.success and answer.opened is not None):
                reply.whole(request, answer, response_headers, redacts)
            else:
                await self._hand_on(request, routed, record, exchange, ended, answer, response_headers, redacts)
            return None
        except asyncio.CancelledError:
            self._gone(request, record)
            raise
        except ConnectionError:
            if record.outcome != "interrupted":
                self._gone(request, record)
            raise
        except Unserved as refused:
            asked = routed.head.path if routed.is_prepared else routed.path
            return error_form.in_form(asked, self._unserved(record, refused.response))
        finally:
            if exchange is not None:
                exchange.close()
            held.close()
            budget.end(upstream)
            self._metrics.in_flight -= 1
            self._finish(record, routed)

    # ── Where it goes ───────────────────────────────────────────────────────────────────────────────────────────────

    def _begun(self, request: Request, port: int, model: str) -> tuple[Routed, trace.Record]:
        """Find out where a request goes, and begin its record.

        Raises:
            Unserved: with the answer, where it goes nowhere.
        """
        started = time.monotonic()
        serving, plan = self._state.current, request.head.plan
        if not isinstance(plan, HeadPlan) or plan.serving is not serving or plan.model != model:
            plan = self._plan(serving, request, port, model)
        request_id = plan.request_id or request_ids.new_id()
        routed = self._routed(plan, request_id)
        rule = plan.found.rule
        record = trace.Record(request_id, rule.route, rule.name, started)
        record.caller = plan.caller
        return routed, record

    def _plan(self, serving: Serving | None, request: Request, port: int, model: str) -> HeadPlan:
        """Find the rule for requests with this head, for this model where the rule depends on it.

        Raises:
            Unserved: with the answer, where there is none.
        """
        if serving is None:
            raise Unserved(own_answers.error(own_errors.NOT_READY, "the gateway has no configuration yet"))
        head = self._head(serving, request, model)
        found = match.find(serving.router, port, head)
        by_model = serving.router.asks_for_model and match.depends_on_model(serving.router, port, head)
        if found is None and by_model and not model:
            found = models.rule_by_model(serving, port, head)
        if found is None:
            raise unserved.no_route()
        admission = self._admitted(serving, found, head) if found.rule.access or found.listener.closed else None
        redirect = filters.redirect(found, head, serving.scheme(port), port)
        if redirect is not None:
            answer = OwnAnswer(redirect.status, CIMultiDict({"location": redirect.location}), code="redirect")
            raise Unserved(answer, found.rule.route)
        plan = HeadPlan(
            serving,
            found,
            head.path,
            head.query,
            admission,
            headers.request_id(request.headers, lambda: ""),
            model,
            by_model,
        )
        if not serving.router.asks_for_length:
            request.head.plan = plan  # else it holds for this length alone
        return plan

    def _head(self, serving: Serving, request: Request, model: str) -> match.Head:
        """Return what rules are found by, with the name of the model if there is one.

        Raises:
            Unserved: the path cannot be read in one way only.
        """
        try:
            path, query = match.normalise(request.head.target)
        except BadTarget as error:
            text = f"the request's path cannot be served: {error}"
            raise Unserved(own_answers.error(own_errors.BAD_PATH, text)) from None
        fields = request.headers
        if serving.router.asks_for_length:
            fields = _with_length(request)
        if model:
            fields = named_model.with_name(fields, model)
        return match.Head(fields.get("host", ""), request.method, path, query, fields)

    def _routed(self, plan: HeadPlan, request_id: str) -> Routed:
        """Choose the backend of a request.

        Raises:
            Unserved: with the answer, where there is none that can be used.
        """
        backend = backends.choose_backend(plan.found, random.random())  # noqa: S311 - load balancing, not a secret
        if backend is None or backend.problem:
            reason = backend.problem if backend else "the rule that matches has no backend"
            raise Unserved(own_answers.no_backend(request_id, reason), plan.found.rule.route, request_id)
        return plan.to(backend)

    def _admitted(self, serving: Serving, found: MatchedRule, head: match.Head) -> callers.Admission:
        """Find out who asks, before anything else of the rule has an effect.

        Raises:
            Unserved: with the answer, where nobody is let in or the request has no key of a caller.
        """
        closed = callers.Denial("closed") if found.listener.closed else None
        verdict = closed or callers.admit(serving.access[found.rule.access], head.headers)
        if isinstance(verdict, callers.Denial):
            self._metrics.deny(found.rule.route, verdict.why)
            raise Unserved(error_form.denied(head.path, verdict.why), found.rule.route)
        return verdict

    def _unrouted(self, request: Request, refused: Unserved) -> OwnAnswer:
        """Return the answer to a request that goes nowhere, with its identifier, and write it down; a redirect is one
        that went well.
        """
        answer = error_form.in_form(request.head.target, refused.response)
        request_id = refused.request_id or request_ids.id_of(request.headers)
        answer.headers["x-request-id"] = request_id
        if answer.status >= 400 or self._settings.log_all:
            self._refusals.tell(request_id, answer.status, answer.code, answer.why, refused.route)
        return answer

    def _unserved(self, record: trace.Record, answer: OwnAnswer) -> OwnAnswer:
        """Return the answer to a request that no target is asked, with its identifier, and write it down."""
        record.outcome, record.status = "refused" if answer.status >= 400 else "served", answer.status
        answer.headers["x-request-id"] = record.request_id
        if answer.status >= 400:
            self._refusals.tell(record.request_id, answer.status, answer.code, answer.why, record.route, record.caller)
        return answer

    def _gone(self, request: Request, record: trace.Record) -> None:
        """Write down that nobody waits any more: the client left, or its body took too long and it was told so."""
        why = request.connection.turned_away
        if record.status == tunnel.SWITCHED and why is None:
            return  # the client ends a tunnel as well as its target
        if why is None:
            record.outcome, record.status = "client-gone", _CLIENT_GONE
        else:
            record.outcome, record.status = "refused", why.status
            self._refusals.tell(record.request_id, why.status, why.code, why.message, record.route, record.caller)

    # ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, routed: Routed, record: trace.Record, exchange: Exchange, ended: Ended) -> Answer | OwnAnswer:
        """Return what the client gets, ours where no target gave anything to hand on."""
        record.outcome = _ending(record, ended)
        record.status = ended.status
        answer = ended.answer
        if answer is not None and not ended.success:
            answer = self._as_error(routed.policy, ended.outcome, answer)
        if answer is None:
            wait = exchange.earliest_return()
            if ended.outcome is None and routed.out:
                response = no_answer.all_disabled(record.request_id)
            else:
                response = no_answer.no_answer(ended.outcome, trace.summary(record), record.request_id, wait)
            self._add_summary(response.headers, record)
            return response
        if answer.status == 429:
            answer = self._softened(routed, exchange, ended, answer)
        record.status = answer.status
        return answer

    async def _hand_on(  # noqa: PLR0917 - an answer, and whose it is
        self,
        request: Request,
        routed: Routed,
        record: trace.Record,
        exchange: Exchange,
        ended: Ended,
        answer: Answer,
        response_headers: "CIMultiDict[str]",
        redacts: Redaction,
    ) -> None:
        """Hand on what is still to come.

        Raises:
            ConnectionResetError: the answer broke off, or the client left.
        """
        try:
            if answer.opened is not None and ended.success:
                api, redaction = answer.opened.api, lambda: routed.redaction(record)
                relay = Relay(request, exchange, routed.policy, record, redaction, api)
                await relay.run(answer, response_headers)
                exchange.ended_whole()
                return
            count = (record.answering or record.attempts[-1]).count
            if answer.status == tunnel.SWITCHED and ended.success:
                await tunnel.run(request, answer, response_headers, count, routed.policy.lone_stream_idle_timeout)
                exchange.ended_whole()
                return
            if answer.status >= 400 or not ended.success:
                await reply.stream(request, answer, response_headers, count, redacts)
            else:
                await _passed_on(request, exchange, answer, response_headers, count)
        except reply.Interrupted as error:
            last = record.attempts[-1]
            record.outcome, last.detail = "interrupted", last.detail or str(error)
            raise ConnectionResetError("the answer broke off") from error

    def _as_error(self, policy: Policy, outcome: Outcome | None, answer: Answer) -> Answer | None:
        """Return the answer, or what a client gets in place of a success that was none; None if there is nothing."""
        if not isinstance(outcome, Broken) or not _is_no_answer(outcome, policy):
            return answer
        self._runtime.put_away(answer)
        return error_response(outcome, answer)

    def _softened(self, routed: Routed, exchange: Exchange, ended: Ended, answer: Answer) -> Answer:
        """Return the answer, as a 503 where the client would take a brief rate limit for the end."""
        softened = try_later(api_of(exchange.path), routed.policy, ended.outcome, answer, exchange.earliest_return())
        if softened is None:
            return answer
        self._runtime.put_away(answer)
        return softened

    def _answer_headers(  # noqa: PLR0917 - an answer, and whose it is
        self,
        request: Request,
        routed: Routed,
        record: trace.Record,
        answer: Answer,
        exchange: Exchange,
        redacts: Redaction,
    ) -> "CIMultiDict[str]":
        ai = routed.upstream.ai
        result = headers.from_model(answer.headers) if ai else headers.to_client(answer.headers)
        redacts.headers(result)
        edits = routed.answer_edits
        if edits:
            has_operators = header_values.has_operators(edits)
            facts = of_answer(request, routed, record, answer.status, result) if has_operators else NO_FACTS
            filters.response(edits, result, routed.serving.table.secrets, facts)
        if answer.status in (429, 503) and "retry-after" not in result:
            wait = exchange.earliest_return()
            if wait is not None:
                result["retry-after"] = str(max(1, math.ceil(wait)))
        self._add_summary(result, record)
        return result

    def _add_summary(self, response_headers: "CIMultiDict[str]", record: trace.Record) -> None:
        response_headers[trace.ATTEMPTS_HEADER] = str(len(record.attempts))
        answering = record.answering
        if answering is not None:
            response_headers[trace.SERVED_BY_HEADER] = trace.served_by(answering)
        response_headers["x-request-id"] = record.request_id

    def _finish(self, record: trace.Record, routed: Routed) -> None:
        record.duration_ms = (time.monotonic() - record.started) * 1000
        self._metrics.observe(record)
        if self._settings.log_all or record.worth_telling:
            self._tell(record, routed)

    def _tell(self, record: trace.Record, routed: Routed) -> None:
        """Write a request down. What a client can cause without a model that answers is written while it is little."""
        level = logging.WARNING if record.outcome == "exhausted" else logging.INFO
        if not log.isEnabledFor(level):
            return
        if len(record.attempts) < 2:
            if record.outcome == "refused" and not record.attempts:
                return  # its answer is our own, and was written down with its reason
            is_cheap = record.outcome == "client-gone" or not record.attempts
            if is_cheap and not self._refusals.admits(record.status, record.outcome, record.route):
                return
        passed_by = (*(routed.passed_by if routed.out else ()), *record.passed_by)
        logs.write(log, level, trace.message(record, passed_by), trace_line.line(record, passed_by))


async def _passed_on(
    request: Request,
    exchange: Exchange,
    answer: Answer,
    response_headers: "CIMultiDict[str]",
    count: Callable[[int], None],
) -> None:
    """Hand on what is large and good as it comes, and not looked at."""
    try:
        await reply.stream(request, answer, response_headers, count, NOTHING)
    except reply.Interrupted as error:
        exchange.broke(Broken("truncated", str(error), ErrorClass.INTERRUPTED))
        raise
    exchange.ended_whole()


def _with_length(request: Request) -> "CIMultiDict[str]":
    """Return the fields of a request with its Content-Length, which stands beside the head."""
    fields = CIMultiDict(request.headers)
    if request.content_length is not None:
        fields["content-length"] = str(request.content_length)
    return fields


def _is_no_answer(outcome: Broken, policy: Policy) -> bool:
    """Tell whether a success that was none must not reach the client as one: nothing of it was sent yet."""
    return not policy.hands_on_unchanged if outcome.how == "error-event" else policy.demands_form


def _ending(record: trace.Record, ended: Ended) -> trace.Ending:
    """Name how a request ended, by the outcome that the client gets."""
    if ended.success:
        return "rescued" if len(record.attempts) > 1 else "served"
    reason = record.answering.error_class if record.answering is not None else None
    return "refused" if reason in _ABOUT_THE_REQUEST else "exhausted"
