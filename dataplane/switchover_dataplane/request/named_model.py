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
from switchover_dataplane.routing.headers import MODEL_NAME, Fields
from switchover_dataplane.upstream import codings

_IN_PATH: Final = re.compile(r".*/(?:models|tunedModels)/(?P<name>[^/:]+):[A-Za-z]+", re.DOTALL)


async def of_request(request: Request, path: str, limit: int, held: Hold) -> tuple[Request, str]:
    """Return a request that can be served, and the name of its model; "" where it has none that can be read.

    `path` is the normal form of its own. A body is read up to `limit` bytes, which are counted in `held`; the caller
    closes it when the request has ended.

    Raises:
        Unserved: the body is larger, or there is no room for it.
        ConnectionResetError: the client left.
    """
    in_path = _IN_PATH.fullmatch(path)
    if in_path is not None:
        return request, unquote(in_path["name"])
    applied = codings.named(request.headers)
    if not request.has_body or not codings.can_undo(applied):
        return request, ""
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
