"""A request as it goes to whichever target: after routing, filters and header rules.

What follows from the head of a request alone is a `CallHead`, and how one target is asked for it a `TargetHead`. Both
are made once for requests whose heads are the same. A `Call` is one request of them.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected, shape_of_generated
from switchover_dataplane.upstream.request_head import serialise
from switchover_dataplane.upstream.targets import Route

REQUEST_ID: Final = secrets.token_hex(16)
"""Stands in a `CallHead` wherever the id of the request belongs; nobody outside can know it."""

_REQUEST_ID: Final = REQUEST_ID.encode()
_NO_FIELDS: Final[Mapping[str, msgspec.Raw]] = {}

Content = bytes | AsyncIterator[bytes] | None
"""A body to be sent: bytes can be sent again, an iterator once; None for no body."""


class RequestBody(Protocol):
    """The body of a request, worded for each target. `continues`: it asks for the rest of an answer that broke off.

    `model`, `stream` and `fields` are those of a JSON body; a body of another kind has none.
    """

    model: str
    stream: bool
    continues: bool

    @property
    def fields(self) -> Mapping[str, msgspec.Raw]: ...  # noqa: D102

    def for_target(self, route: Route, model: str) -> Content: ...  # noqa: D102


class RawBody:
    """A body that goes to every target as it came."""

    __slots__ = ("content",)

    model = ""
    stream = False
    continues = False

    def __init__(self, content: Content) -> None:
        self.content = content

    @property
    def fields(self) -> Mapping[str, msgspec.Raw]:
        """None, as nothing of it is read."""
        return _NO_FIELDS

    def for_target(self, _route: Route, _model: str) -> Content:
        """Return the body."""
        return self.content


class TargetHead:
    """How one target is asked: everything about it that no body changes.

    `wire` is the head without its framing, cut where the id of the request belongs; `host` and `path` are what it asks
    for. `model` is put into the body, "" for the caller's own; with `keeps_model` that is so though the target names
    one. `as_value` and `as_events` are what is expected without and with a stream. `needs_object`: the body must be a
    JSON object, as the answer is looked at, or as the body names who writes it.
    """

    __slots__ = (
        "api",
        "as_events",
        "as_value",
        "host",
        "is_for_vectors",
        "keeps_model",
        "model",
        "needs_object",
        "path",
        "route",
        "wire",
    )

    def __init__(self, head: "CallHead", route: Route) -> None:
        self.route = route
        self.host = route.authority or head.headers.get("host", f"{route.destination.host}:{route.destination.port}")
        self.path = route.path(head.path, head.query)
        self.wire = _wire(head, route, self.host, self.path)
        asks = head.ai and head.method == "POST"
        self.model = route.model_for(head.path)
        self.keeps_model = bool(route.model) and not self.model
        self.api = route.api(head.path) if asks else None
        self.needs_object = asks and (self.api is not None or route.writes(head.path))
        self.is_for_vectors = asks and route.is_for_vectors(head.path)
        shape = shape_of_generated(self.path) if self.api is Api.GENERATE else None
        self.as_value = Expected(self.api, shape or "value")
        self.as_events = Expected(self.api, shape or "events")

    def name_of_model(self, asked: str) -> str:
        """Name the model that answers, for traces; `asked` is the one that the request asks for."""
        return asked if self.keeps_model and asked else self.route.label or asked

    def wire_for(self, head: "CallHead", path: str) -> list[bytes]:
        """Return `wire` for another path of the same target."""
        return _wire(head, self.route, self.host, path)


def _wire(head: "CallHead", route: Route, host: str, path: str) -> list[bytes]:
    headers = head.headers.copy()
    headers["host"] = host
    if head.ai:
        route.address(headers, path)
    credential = route.credential or (route.passed_through(head.token) if head.token else None)
    if credential is not None:
        headers[credential[0]] = credential[1]
    return serialise(head.method, path, headers).split(_REQUEST_ID)


class CallHead:
    """What is asked of whichever target, but for the body.

    `headers` have `REQUEST_ID` in the place of the request's id. `token` is the caller's own Authorization, for targets
    that pass it through.
    """

    __slots__ = ("_targets", "ai", "headers", "method", "path", "query", "token")

    def __init__(  # noqa: PLR0917 - a request's head, in the order in which it is written
        self, method: str, path: str, query: str, headers: "CIMultiDict[str]", ai: bool, token: str
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.ai = ai
        self.token = token
        self._targets: dict[str, TargetHead] = {}

    def to(self, route: Route) -> TargetHead:
        """Return how a target is asked.

        Raises:
            ValueError: a part of the head would change where it ends.
        """
        known = self._targets.get(route.target.id)
        if known is None:
            known = self._targets[route.target.id] = TargetHead(self, route)
        return known


class Call:
    """One request: its head, its body, and its id."""

    __slots__ = ("body", "head", "request_id")

    def __init__(self, head: CallHead, body: RequestBody, request_id: bytes) -> None:
        self.head = head
        self.body = body
        self.request_id = request_id
