"""Requests that the gateway answers itself, before any target is asked."""

from aiohttp import web

from switchover_dataplane import answers, operations
from switchover_dataplane.json_fields import BadBody
from switchover_dataplane.memory_budget import OutOfMemoryBudget
from switchover_dataplane.table import Policy, Upstream


class Unserved(Exception):
    """A request that is not sent, and the answer that it gets."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


def overloaded(error: OutOfMemoryBudget) -> Unserved:
    """Answer a request whose body finds no room."""
    return Unserved(answers.error(503, "overloaded", str(error), wait=1))


def bad_body(error: BadBody) -> Unserved:
    """Answer a request whose body no model is asked with."""
    return Unserved(answers.error(400, "invalid_body", str(error), param=error.param or None))


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
        answer = answers.error(405, "method_not_allowed", f"a model is asked for this with {allowed}")
        answer.headers["allow"] = allowed
        raise Unserved(answer)
    message = "this route is for the operations of models; a FailoverPolicy can allow the rest of the API"
    raise Unserved(answers.error(403, "operation_not_allowed", message))
