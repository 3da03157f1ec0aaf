"""A request as it goes to whichever target: after routing, filters and header rules."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from multidict import CIMultiDict

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.continuation import Continuation


@dataclass(slots=True)
class Call:
    """What is asked of whichever target: the request after routing, filters and header rules.

    `body` is a `JsonBody` for models (worded anew for each target) or a `Continuation` of an answer that broke off,
    bytes that can be sent again, an iterator that can be sent once, or None. `token` is the caller's own
    Authorization, for targets that pass it through.
    """

    method: str
    path: str
    query: str
    headers: "CIMultiDict[str]"
    body: JsonBody | Continuation | bytes | AsyncIterator[bytes] | None
    ai: bool
    token: str
