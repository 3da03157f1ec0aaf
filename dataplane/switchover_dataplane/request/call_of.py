"""A client's request and where it goes → what every target is asked: its head, and the body that can be sent again."""

from typing import Final

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import operations, own_answers
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.request import read_body, unserved, wording
from switchover_dataplane.request.call import REQUEST_ID, Call, CallHead, RawBody, RequestBody, TargetHead
from switchover_dataplane.request.embeddings import of_one_model
from switchover_dataplane.request.memory_budget import Hold, OutOfMemoryBudget
from switchover_dataplane.request.read_body import BodyTooLarge
from switchover_dataplane.request.routed import Routed
from switchover_dataplane.request.unserved import Unserved
from switchover_dataplane.routing import callers, credential_names, filters, headers
from switchover_dataplane.routing.caller_query import without_credentials
from switchover_dataplane.upstream import codings

_HELD_AT_LEAST: Final = 64 * 1024
"""A body of up to so many bytes is read whole, also where the policy asks for no more."""

_WITH_A_BODY: Final = ("POST", "PUT", "PATCH")


async def call_of(request: Request, routed: Routed, held: Hold) -> Call:
    """Word a request as it goes to every target; its body is counted in `held`, which the caller closes.

    The head is judged before anything of the body is read. `routed.upstream` loses the targets that the request must
    not move to, where it is for vectors.

    Raises:
        Unserved: models are not asked for this, or not in this way; the body cannot be read, or there is no room.
    """
    head = _head(request, routed)
    first = _first_model(head, routed)
    body = await _body(request, routed, held, needs_object=first is not None and first.needs_object)
    _hold_copy(body, held)
    if first is not None and first.is_for_vectors:
        routed.upstream = of_one_model(routed.upstream, routed.serving.routes, body.model)
    return Call(head, body, routed.request_id.encode())


def _head(request: Request, routed: Routed) -> CallHead:
    """Word the head of the request as it goes to every target.

    Raises:
        Unserved: models are not asked for this, or not in this way.
    """
    secrets = routed.serving.table.secrets
    given: headers.Fields = request.headers
    if routed.admission is not None:
        given = callers.without_keys(given, routed.admission)
    ai = routed.upstream.ai
    fields = headers.to_upstream(
        given,
        request_id=REQUEST_ID,
        peer=request.remote,
        scheme=routed.serving.scheme(routed.found.port),
        ai=ai,
    )
    if routed.admission is not None:
        callers.name_caller(fields, routed.admission, secrets)
    token = given.get("authorization", "")
    fields, path, query = filters.request(
        routed.found, routed.filters, fields, routed.path, routed.query, secrets, given
    )
    if ai and query and query == routed.query and any(map(credential_names.is_field, fields)):
        query = without_credentials(query)  # such a field is the route's own: none of the caller's is among them
    if ai and "upgrade" in given:
        unserved.check_protocol(given)
    if ai and not operations.is_usual(request.method, path):
        unserved.check_operation(request.method, path, routed.upstream, routed.policy)
    return CallHead(request.method, path, query, fields, ai, token)


async def _body(request: Request, routed: Routed, held: Hold, *, needs_object: bool) -> RequestBody:
    """Read the body as far as it may be sent again, and word it for models.

    Raises:
        Unserved: there is no room for it, it cannot be read, or no model is asked with it.
    """
    ai, policy, length = routed.upstream.ai, routed.policy, request.content_length
    if not request.has_body and not (ai and request.method in _WITH_A_BODY):
        return RawBody(None)
    if not policy.holds_body and (length is None or length > _HELD_AT_LEAST):
        return RawBody(read_body.passing(request))
    is_json = needs_object or (ai and wording.is_json(request.headers.get("content-type", "")))
    applied = codings.named(request.headers) if ai else ()
    unserved.check_codings(applied)
    try:
        content = await read_body.read(request, policy.max_request_body, held, is_json=is_json, applied=applied)
        edits = [part.body for part in routed.filters if part.body is not None]
        worded = wording.worded(content, edits, needs_object=needs_object) if is_json else content
        return worded if isinstance(worded, JsonBody) else RawBody(worded)
    except BadBody as error:
        raise unserved.bad_body(error) from None
    except BodyTooLarge as error:
        raise Unserved(own_answers.error(413, "request_too_large", str(error))) from None
    except OutOfMemoryBudget as error:
        raise unserved.overloaded(error) from None


def _first_model(head: CallHead, routed: Routed) -> TargetHead | None:
    """Return how the first model is asked: for the same as the others of its upstream. None where none is asked."""
    if not head.ai or head.method != "POST":
        return None
    targets = (target for pool in routed.upstream.priorities for target in pool)
    first = next(targets, None)
    return None if first is None else head.to(routed.serving.routes[first.id])


def _hold_copy(body: RequestBody, held: Hold) -> None:
    """Count the copy of a body that is made to word it for a model: it is as large as the body."""
    if not isinstance(body, JsonBody):
        return
    try:
        held.add_copy()
    except OutOfMemoryBudget as error:
        raise unserved.overloaded(error) from None
