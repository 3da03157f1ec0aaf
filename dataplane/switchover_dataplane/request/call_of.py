"""A client's request and where it goes → what every target is asked: its head, and the body that can be sent again."""

from typing import Final

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.request import read_body, unserved, wording
from switchover_dataplane.request.call import Call, RawBody, RequestBody
from switchover_dataplane.request.memory_budget import Hold, OutOfMemoryBudget
from switchover_dataplane.request.passing_body import passing
from switchover_dataplane.request.plan import BodyRules, Routed
from switchover_dataplane.request.read_body import LARGE, BodyTooLarge
from switchover_dataplane.request.unserved import Unserved

_HELD_AT_LEAST: Final = 64 * 1024
"""A body of up to so many bytes is read whole, also where the policy asks for no more."""

_WITH_A_BODY: Final = ("POST", "PUT", "PATCH")


def call_at_hand(request: Request, routed: Routed, request_id: str, held: Hold) -> Call | None:
    """Return a request of which nothing has to be waited for, as it goes to every target; None for any other.

    Its body is counted in `held`, which the caller closes.

    Raises:
        Unserved: models are not asked for this, or not in this way; the body cannot be read, or there is no room.
    """
    routed.prepare(request)
    rules, length = routed.body, request.content_length
    body: RequestBody
    if not request.has_body and not (routed.upstream.ai and request.method in _WITH_A_BODY):
        body = RawBody(None)
    elif not routed.policy.holds_body and (length is None or length > _HELD_AT_LEAST):
        body = RawBody(passing(request))
    elif request.whole is None or rules.codings or len(request.whole) > LARGE:
        return None
    else:
        try:
            content = read_body.whole(request.whole, routed.policy.max_request_body, held, copied=rules.needs_object)
            body = _worded(content, rules, held)
        except (BadBody, BodyTooLarge, OutOfMemoryBudget) as error:
            raise _unserved(error) from None
    return Call(routed.head, body, request_id.encode())


async def call_that_comes(request: Request, routed: Routed, request_id: str, held: Hold) -> Call:
    """Read the body of a request that is none `at_hand` as it comes, or in more than one turn, and return the request.

    Raises:
        Unserved: as `call_at_hand`.
    """
    # Another request with the same head, of another client, may be prepared while this body comes.
    rules, head = routed.body, routed.head
    if rules.codings:
        unserved.check_codings(rules.codings)
    try:
        content = await read_body.read(
            request,
            routed.policy.max_request_body,
            held,
            is_json=rules.is_json,
            copied=rules.needs_object,
            applied=rules.codings,
        )
        body = _worded(content, rules, held)
    except (BadBody, BodyTooLarge, OutOfMemoryBudget) as error:
        raise _unserved(error) from None
    return Call(head, body, request_id.encode())


def _worded(content: bytes, rules: BodyRules, held: Hold) -> RequestBody:
    """Word a body for models.

    Raises:
        BadBody: it has to be JSON that can be read in one way only, and is not.
        OutOfMemoryBudget: there is no room for copies of it.
    """
    if not rules.is_json:
        return RawBody(content)
    body = wording.worded(content, rules.edits, needs_object=rules.needs_object)
    if not isinstance(body, JsonBody):
        return RawBody(body)
    if not rules.needs_object:
        held.add_copy()  # a JSON body is worded anew for each model, and as large each time
    return body


def _unserved(error: BadBody | BodyTooLarge | OutOfMemoryBudget) -> Unserved:
    if isinstance(error, BadBody):
        return unserved.bad_body(error)
    if isinstance(error, BodyTooLarge):
        return Unserved(own_answers.error(own_errors.REQUEST_TOO_LARGE, str(error)))
    return unserved.overloaded(error)
