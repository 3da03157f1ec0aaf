"""Requests that the gateway answers itself, before any target is asked."""

from switchover_dataplane.formats import operations, own_answers, own_errors
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.request.memory_budget import OutOfMemoryBudget
from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.upstream import codings


class Unserved(Exception):
    """A request that is not sent, and the answer that it gets; `route` and `request_id` are "" where not known."""

    def __init__(self, response: OwnAnswer, route: str = "", request_id: str = "") -> None:
        super().__init__(response.status)
        self.response = response
        self.route = route
        self.request_id = request_id


def no_route() -> Unserved:
    """Answer a request that no rule is for."""
    return Unserved(own_answers.error(own_errors.NO_ROUTE, "no route of the gateway matches this request"))


def overloaded(error: OutOfMemoryBudget) -> Unserved:
    """Answer a request whose body finds no room."""
    return Unserved(own_answers.error(own_errors.OVERLOADED, str(error), wait=1))


def bad_body(error: BadBody) -> Unserved:
    """Answer a request whose body no model is asked with."""
    answer = own_answers.error(own_errors.INVALID_BODY, str(error), param=error.param or None)
    answer.why = "the body is none that models are asked with"  # what the client reads may quote a name of its own
    return Unserved(answer)


def check_protocol(headers: Fields) -> None:
    """Check that a request for models does not begin another protocol: they are asked by HTTP alone.

    Clients that try WebSocket first (Codex) go on by HTTP at once after a 426, and after nothing else (RFC 9110,
    section 15.5.22). Another protocol is passed over (section 7.8).

    Raises:
        Unserved: it asks for WebSocket.
    """
    asked = (name.partition("/")[0].strip() for value in headers.getall("upgrade", ()) for name in value.split(","))
    if any(name.lower() == "websocket" for name in asked):
        answer = own_answers.error(
            own_errors.UPGRADE_REQUIRED, "models are asked by HTTP/1.1 here, and not by WebSocket"
        )
        answer.headers["upgrade"] = "HTTP/1.1"
        answer.headers["connection"] = "upgrade, close"
        raise Unserved(answer)


def check_codings(applied: tuple[str, ...]) -> None:
    """Check that a body's codings can be undone (RFC 9110, section 15.5.16).

    Raises:
        Unserved: one of them is not known, or they are too many.
    """
    if not codings.can_undo(applied):
        text = f"the request body's content-encoding is not served; these are: {codings.KNOWN}"
        answer = own_answers.error(own_errors.UNSUPPORTED_CONTENT_ENCODING, text)
        answer.headers["accept-encoding"] = codings.KNOWN
        raise Unserved(answer)


def check_operation(method: str, path: str, upstream: Upstream, policy: Policy) -> None:
    """Check that what the targets would be asked for is what a route to models is for (`operations.py`).

    `path` is the one after the route's rewrites, in whose place a target may have its own.

    Raises:
        Unserved: it is not.
    """
    targets = (target for pool in upstream.priorities for target in pool)
    paths = {target.full_path.partition("?")[0] or path for target in targets}
    refused = operations.refusal(method, paths, every=policy.operations == "All")
    if refused is None:
        return
    if refused.status == 405:
        allowed = ", ".join(refused.methods)
        answer = own_answers.error(own_errors.METHOD_NOT_ALLOWED, f"a model is asked for this with {allowed}")
        answer.headers["allow"] = allowed
        raise Unserved(answer)
    message = "this route is for the operations of models; a FailoverPolicy can allow the rest of the API"
    raise Unserved(own_answers.error(own_errors.OPERATION_NOT_ALLOWED, message))
