"""What one table decides about all requests with one head: found once, and kept at the head for those that follow.

A client sends the same head again and again. Which rule matches, who asks, and what the rule changes follow from the
head alone; a backend is chosen for each request where there are several.
"""

from collections.abc import Sequence

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import operations
from switchover_dataplane.request import header_facts, models, unserved, wording
from switchover_dataplane.request.call import REQUEST_ID, CallHead, TargetHead
from switchover_dataplane.request.limits import limits_of
from switchover_dataplane.request.unserved import Unserved
from switchover_dataplane.routing import callers, credential_names, filters, header_values, headers, match
from switchover_dataplane.routing.caller_query import without_credentials
from switchover_dataplane.routing.callers import Admission
from switchover_dataplane.routing.match import MatchedRule
from switchover_dataplane.served_table import Serving
from switchover_dataplane.table.disabled import disabled, without
from switchover_dataplane.table.rules import Backend, BodyEdit
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream import codings
from switchover_dataplane.upstream.redaction import Redaction


class HeadPlan:
    """The rule that serves a head under `serving`, and who asks.

    `request_id` is the caller's own, "" if each request gets a new one. `caller` is the caller's name, "" where keys
    are not checked. With `by_model` the rule depends on the model of the request, and the plan is for `model` alone.
    """

    __slots__ = (
        "admission",
        "by_model",
        "caller",
        "found",
        "model",
        "path",
        "query",
        "request_id",
        "routed",
        "serving",
    )

    def __init__(  # noqa: PLR0917 - what was found, in the order in which it was
        self,
        serving: Serving,
        found: MatchedRule,
        path: str,
        query: str,
        admission: Admission | None,
        request_id: str,
        model: str,
        by_model: bool,
    ) -> None:
        self.serving = serving
        self.found = found
        self.path = path
        self.query = query
        self.admission = admission
        self.caller = admission.caller.name if admission is not None else ""
        self.request_id = request_id
        self.model = model
        self.by_model = by_model
        self.routed: dict[int, Routed] = {}

    def to(self, backend: Backend) -> "Routed":
        """Return where requests go for which this backend was chosen."""
        known = self.routed.get(id(backend))
        if known is None:
            known = self.routed[id(backend)] = Routed(self, backend)
        return known


class BodyRules:
    """How the body of requests is read. `codings` are those that it came in."""

    __slots__ = ("codings", "edits", "is_json", "needs_object")

    def __init__(
        self, applied: tuple[str, ...], edits: Sequence[BodyEdit], *, is_json: bool, needs_object: bool
    ) -> None:
        self.codings = applied
        self.edits = edits
        self.is_json = is_json
        self.needs_object = needs_object


class Routed:
    """Where requests of a head go, under which policy, and what is changed on the way.

    The rest of the plan is here, too, and not the plan itself, which keeps this: without a cycle both end with the last
    request that needs them. `upstream` has the targets that get requests, `every` the disabled ones as well, and `out`
    says why these are. `limits` are those of each attempt. `prepare` makes `head`: how targets are asked, `first`: how
    the first target is asked if it is a model, and `body`: how the body is read. `translates`: a target is not asked
    in the client's API. `answer_edits` change the headers of answers. `is_of_another_model`: the rule serves requests
    for a model that this one does not name, and can do nothing for it but tell which models there are.
    """

    __slots__ = (
        "_redactions",
        "admission",
        "answer_edits",
        "backend",
        "body",
        "caller",
        "every",
        "filters",
        "first",
        "found",
        "head",
        "is_of_another_model",
        "is_prepared",
        "limits",
        "out",
        "path",
        "policy",
        "query",
        "serving",
        "translates",
        "upstream",
    )

    head: CallHead
    first: TargetHead | None
    body: BodyRules

    def __init__(self, plan: HeadPlan, backend: Backend) -> None:
        table = plan.serving.table
        self.serving = plan.serving
        self.found = plan.found
        self.path = plan.path
        self.query = plan.query
        self.admission = plan.admission
        self.caller = plan.caller
        self.backend = backend
        self.policy = table.policies[backend.policy]
        self.every = table.upstreams[backend.upstream]
        self.out = disabled(self.every, self.policy)
        self.upstream = without(self.every, self.out)
        self.limits = limits_of(self.policy)
        self.filters = (plan.found.rule.filters, backend.filters)
        self.answer_edits = header_values.answer_edits(self.filters)
        self.is_of_another_model = plan.by_model and not plan.model and match.is_for_one_model(plan.found.match)
        self.is_prepared = False
        self.translates = False
        self._redactions: dict[str, Redaction] = {}

    def redaction(self, record: trace.Record) -> Redaction:
        """Return what replaces the credentials that were sent to the targets of a request."""
        attempts = record.attempts
        redactions = self.serving.redactions
        if len(attempts) != 1:
            return redactions.of([attempt.target for attempt in attempts], self.filters)
        target = attempts[0].target
        known = self._redactions.get(target)
        if known is None:
            known = self._redactions[target] = redactions.of([target], self.filters)
        return known

    @property
    def passed_by(self) -> tuple[str, ...]:
        """What is passed by because it is disabled, and why: an upstream, or models and targets of one."""
        if self.every.disabled:
            return (f"{self.every.name} disabled ({self.every.disabled})",)
        routes = self.serving.routes
        return tuple(f"{routes[target].name} disabled ({reason})" for target, reason in self.out.items())

    def prepare(self, request: Request) -> None:
        """Make what does not change between requests, unless it is there.

        A plain backend gets the address of each client, so for it everything is made for each request. So it is where a
        route writes the time or the client's address into a header.

        Raises:
            Unserved: models are not asked for this, or not in this way.
        """
        if self.is_prepared:
            return
        ai = self.upstream.ai
        edits_of_headers = header_values.request_edits(self.filters)
        self.head = _head(request, self, has_operators=header_values.has_operators(edits_of_headers))
        self.first = _first_model(self)
        self.translates = self.first is not None and _translates(self)
        applied = codings.named(request.headers) if ai else ()
        needs_object = self.translates or (self.first is not None and self.first.needs_object)
        is_json = needs_object or (ai and wording.is_json(request.headers.get("content-type", "")))
        edits = [part.body for part in self.filters if part.body is not None]
        self.body = BodyRules(applied, edits, is_json=is_json, needs_object=needs_object)
        self.is_prepared = ai and not header_values.differs(edits_of_headers)


def _head(request: Request, routed: Routed, *, has_operators: bool) -> CallHead:
    """Write the head of a request as it goes to every target.

    Raises:
        Unserved: models are not asked for this, or not in this way.
    """
    ai = routed.upstream.ai
    secrets = routed.serving.table.secrets
    given: headers.Fields = request.headers
    if routed.admission is not None:
        given = callers.without_keys(given, routed.admission)
    scheme = routed.serving.scheme(routed.found.port)
    fields = headers.to_upstream(given, request_id=REQUEST_ID, peer=request.remote, scheme=scheme, ai=ai)
    if routed.admission is not None:
        callers.name_caller(fields, routed.admission, secrets)
    token = given.get("authorization", "")
    facts = header_facts.of_request(request, routed, given, REQUEST_ID) if has_operators else header_values.NO_FACTS
    fields, path, query = filters.request(
        routed.found, routed.filters, fields, routed.path, routed.query, secrets, facts
    )
    if ai and query and query == routed.query and any(map(credential_names.is_field, fields)):
        query = without_credentials(query)  # such a field is the route's own: none of the caller's is among them
    if ai and "upgrade" in given:
        unserved.check_protocol(given)
    if ai and not operations.is_usual(request.method, path):
        _answer_lookup(request, routed, path, query)
        unserved.check_operation(request.method, path, routed.every, routed.policy)
    return CallHead(request.method, path, query, fields, ai, token, "" if ai else _protocol(request))


def _protocol(request: Request) -> str:
    """Return the protocol that a request asks to go on with, "" for none that is served.

    That is WebSocket alone (RFC 6455, section 4.1). HTTP/2 within the same connection would lead past every rule.
    """
    is_plain = request.method == "GET" and request.head.http_1_1 and not request.has_body
    return headers.WEBSOCKET if is_plain and headers.asks_for_websocket(request.headers) else ""


def _answer_lookup(request: Request, routed: Routed, path: str, query: str) -> None:
    """Answer a request that looks models up.

    Raises:
        Unserved: with the answer, or as the rule is none for this request: it was found for its models alone.
    """
    host = request.headers.get("host", "")
    head = match.Head(host, request.method, routed.path, routed.query, request.headers)
    answer = models.answer(routed.serving, routed.found, head, path, query)
    if answer is not None:
        raise Unserved(answer)
    if routed.is_of_another_model:
        raise unserved.no_route()


def _first_model(routed: Routed) -> TargetHead | None:
    """Return how the first model is asked: for the same as the others of its upstream. None where none is asked."""
    head = routed.head
    if not head.ai or head.method != "POST":
        return None
    targets = (target for pool in routed.every.priorities for target in pool)
    first = next(targets, None)
    return None if first is None else head.to(routed.serving.routes[first.id])


def _translates(routed: Routed) -> bool:
    """Tell whether a target is not asked in the client's API."""
    routes = routed.serving.routes
    for pool in routed.every.priorities:
        for target in pool:
            if routed.head.to(routes[target.id]).is_foreign:
                return True
    return False
