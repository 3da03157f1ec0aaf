"""A request → the name of its model, where rules choose by it: that of the path, or that of the body.

The rule is not known yet, so a body that has not come as a whole is read first. Source of the convention: Gateway API
Inference Extension, `X-Gateway-Model-Name`.
"""

import re
from typing import Final
from urllib.parse import unquote

from multidict import CIMultiDict

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.request import read_body, unserved
from switchover_dataplane.request.memory_budget import Hold, OutOfMemoryBudget
from switchover_dataplane.request.read_body import BodyTooLarge
from switchover_dataplane.request.unserved import Unserved
from switchover_dataplane.routing import match
from switchover_dataplane.routing.headers import MODEL_NAME, Fields
from switchover_dataplane.routing.match import BadTarget
from switchover_dataplane.served_table import Serving
from switchover_dataplane.upstream import codings

_IN_PATH: Final = re.compile(r".*/(?:models|tunedModels)/(?P<name>[^/:]+):[A-Za-z]+", re.DOTALL)


async def of_request(serving: Serving, request: Request, port: int, held: Hold) -> tuple[Request, str]:
    """Return a request that can be served, and the name of its model; "" where it has none that can be read, and where
    no rule for it depends on that.

    The bytes that are read are counted in `held`, which the caller closes when the request has ended.

    Raises:
        Unserved: the body is too large to be read before a rule is known, or there is no room for it.
        ConnectionResetError: the client left.
    """
    try:
        path, query = match.normalise(request.head.target)
    except BadTarget:
        return request, ""
    head = match.Head(request.headers.get("host", ""), request.method, path, query, request.headers)
    if not match.depends_on_model(serving.router, port, head):
        return request, ""
    in_path = _IN_PATH.fullmatch(path)
    if in_path is not None:
        return request, unquote(in_path["name"])
    applied = codings.named(request.headers)
    if not request.has_body or not codings.can_undo(applied):
        return request, ""
    limit = serving.largest_body
    try:
        if request.whole is None:
            request = await _whole(request, limit, held)
        return request, await _model(request, limit, held, applied)
    except BodyTooLarge as error:
        raise Unserved(own_answers.error(own_errors.REQUEST_TOO_LARGE, str(error))) from None
    except OutOfMemoryBudget as error:
        raise unserved.overloaded(error) from None


def with_name(fields: Fields, model: str) -> "CIMultiDict[str]":
    """Return the fields of a request with the name of its model, by which rules are found."""
    named = CIMultiDict(fields)
    named[MODEL_NAME] = model
    return named


async def _whole(request: Request, limit: int, held: Hold) -> Request:
    """Read a body as it comes, and return the request with all of it."""
    content = await read_body.read(request, limit, held, is_json=False)
    return Request(request.head, request.remote, request.connection, request.content_length, content, None)


async def _model(request: Request, limit: int, held: Hold, applied: tuple[str, ...]) -> str:
    """Read the name of the model in a body that is there as a whole."""
    content = request.whole or b""
    try:
        if applied:
            again = Request(request.head, request.remote, request.connection, len(content), content, None)
            content = await read_body.read(again, limit, held, is_json=True, applied=applied)
        return JsonBody.parse(content).model
    except BadBody:
        return ""
