"""A client's request and where it goes → what every target is asked: its head, and the body that can be sent again."""

from typing import Final

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import own_answers
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.request import read_body, unserved, wording
from switchover_dataplane.request.call import Call, RawBody, RequestBody
from switchover_dataplane.request.memory_budget import Hold, OutOfMemoryBudget
from switchover_dataplane.request.passing_body import passing
from switchover_dataplane.request.plan import Routed
from switchover_dataplane.request.read_body import BodyTooLarge
from switchover_dataplane.request.unserved import Unserved

_HELD_AT_LEAST: Final = 64 * 1024
"""A body of up to so many bytes is read whole, also where the policy asks for no more."""

_WITH_A_BODY: Final = ("POST", "PUT", "PATCH")


async def call_of(request: Request, routed: Routed, request_id: str, held: Hold) -> Call:
    """Read a request as it goes to every target; its body is counted in `held`, which the caller closes.

    The head is checked before any of the body is read.

    Raises:
        Unserved: models are not asked for this, or not in this way; the body cannot be read, or there is no room.
    """
    routed.prepare(request)
    body = await _body(request, routed, held)
    return Call(routed.head, body, request_id.encode())


async def _body(request: Request, routed: Routed, held: Hold) -> RequestBody:
    """Read the body as far as it may be sent again, and word it for models.

    Raises:
        Unserved: there is no room for it, it cannot be read, or no model is asked with it.
    """
    policy, rules, length = routed.policy, routed.body, request.content_length
    if not request.has_body and not (routed.upstream.ai and request.method in _WITH_A_BODY):
        return RawBody(None)
    if not policy.holds_body and (length is None or length > _HELD_AT_LEAST):
        return RawBody(passing(request))
    if rules.codings:
        unserved.check_codings(rules.codings)
    try:
        limit = policy.max_request_body
        # A JSON body is worded anew for each model, and as large each time.
        copied = rules.needs_object
        content = await read_body.read(
            request, limit, held, is_json=rules.is_json, copied=copied, applied=rules.codings
        )
        if not rules.is_json:
            return RawBody(content)
        body = wording.worded(content, rules.edits, needs_object=rules.needs_object)
        if not isinstance(body, JsonBody):
            return RawBody(body)
        if not copied:
            held.add_copy()
        return body
    except BadBody as error:
        raise unserved.bad_body(error) from None
    except BodyTooLarge as error:
        raise Unserved(own_answers.error(413, "request_too_large", str(error))) from None
    except OutOfMemoryBudget as error:
        raise unserved.overloaded(error) from None
