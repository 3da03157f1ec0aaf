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
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.adapting import adapting_to, enveloped, fields_for
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.request.translating import Translating, WrittenBody
from switchover_dataplane.request.translation import Enveloped, Translation
from switchover_dataplane.translation.returning import returning_to
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


class AdaptedBody:
    """A body that was made for one target; `stream` tells whether an event stream is asked for."""

    __slots__ = ("content", "stream")

    def __init__(self, content: Content, *, stream: bool) -> None:
        self.content = content
        self.stream = stream


class TargetHead:
    """How one target is asked: everything about it that no body changes.

    `wire` is the head without its framing, cut where the id of the request belongs; `host` and `path` are what it asks
    for. `value_wire` and `events_wire` are those of a body made for the target, None before there was one. `model` is
    put into the body, "" for the caller's own; with `keeps_model` that is so though the target names one. `as_value`
    and `as_events` are what is expected without and with a stream. `needs_object`: the body must be a JSON object, as
    the answer is looked at, or as the body names who writes it.

    A target of another API is asked by a `translation`, and one of the client's API with another envelope by
    `enveloped`; `unable` says why one cannot be asked at all, "" if it can.
    `untranslated` is how a target is asked that has the client's API, too, but not as its first. `returning` makes a
    conversation fit that comes back from other providers. `adapts`: the request is translated or signed. `edits`: a
    body of the client's API may have to be changed for it.
    """

    __slots__ = (
        "adapts",
        "api",
        "as_events",
        "as_value",
        "edits",
        "enveloped",
        "events_wire",
        "host",
        "is_for_vectors",
        "keeps_model",
        "model",
        "needs_object",
        "path",
        "returning",
        "route",
        "translation",
        "unable",
        "untranslated",
        "value_wire",
        "wire",
    )

    def __init__(self, head: "CallHead", route: Route, *, translates: bool = True) -> None:
        adapting = adapting_to(route, head) if translates else None
        self.route = route
        self.translation = adapting if isinstance(adapting, Translation) else None
        self.enveloped = adapting if isinstance(adapting, Enveloped) else None
        self.unable = adapting if isinstance(adapting, str) else ""
        self.untranslated: TargetHead | None = None
        self.host = route.authority or head.headers.get("host", f"{route.destination.host}:{route.destination.port}")
        self.path = route.path(head.path, head.query)
        self.wire = _wire(head, route, self.host, self.path)
        self.value_wire: list[bytes] | None = None
        self.events_wire: list[bytes] | None = None
        asks = head.ai and head.method == "POST"
        self.model = route.model_for(head.path)
        self.keeps_model = bool(route.model) and not self.model
        self.api = _api_of(head, route, self.enveloped) if asks else None
        self.returning = returning_to(route.wire.name, self.api, route.label) if asks else None
        self.edits = self.enveloped is not None or self.returning is not None
        self.adapts = isinstance(adapting, tuple) or route.signer is not None
        self.needs_object = asks and (self.api is not None or route.writes(head.path))
        self.is_for_vectors = asks and route.is_for_vectors(head.path)
        shape = shape_of_generated(self.path) if self.api is Api.GENERATE else None
        self.as_value = Expected(self.api, shape or "value")
        self.as_events = Expected(self.api, shape or "events")
        if self.translation is not None:
            self._translate(head, self.translation)

    def _translate(self, head: "CallHead", translation: Translation) -> None:
        """Expect answers in the client's API, as those of the target become such."""
        self.api = api = translation.client.api
        self.model, self.keeps_model, self.needs_object = "", False, True
        shape = shape_of_generated(f"{head.path}?{head.query}") if api is Api.GENERATE else None
        self.as_value = Expected(api, shape or "value")
        self.as_events = Expected(api, shape or "events")
        if self.route.may_speak(api):
            self.untranslated = TargetHead(head, self.route, translates=False)

    @property
    def is_foreign(self) -> bool:
        """Whether the target is not asked in the client's API, if at all."""
        return self.translation is not None or bool(self.unable)

    async def signed(self, head: "CallHead", request_id: bytes, body: AdaptedBody) -> bytes:
        """Write the head of a request for a body that was made for this target, with what proves who asks.

        Raises:
            NoCredentials: nothing can prove it.
            ValueError: a part of the head would change where it ends.
        """
        signer = self.route.signer
        if signer is None:
            return request_id.join(self._unsigned(head, stream=body.stream))
        path, fields = self._asked(head, stream=body.stream)
        content = body.content if isinstance(body.content, bytes) else b""
        fields.update(await signer.headers(head.method, self.host, path, fields, content))
        wire = serialise(head.method, path, fields)
        return request_id.join(wire.split(_REQUEST_ID))

    def _unsigned(self, head: "CallHead", *, stream: bool) -> list[bytes]:
        """Return the head, cut as `wire`; it is made once for each of both kinds of answer."""
        if self.translation is None and self.enveloped is None:
            return self.wire
        known = self.events_wire if stream else self.value_wire
        if known is None:
            path, fields = self._asked(head, stream=stream)
            known = serialise(head.method, path, fields).split(_REQUEST_ID)
            if stream:
                self.events_wire = known
            else:
                self.value_wire = known
        return known

    def _asked(self, head: "CallHead", *, stream: bool) -> tuple[str, "CIMultiDict[str]"]:
        """Return the path and the fields for a body that was made for this target."""
        adapting = self.translation or self.enveloped
        path = self.path if adapting is None else adapting.path(stream=stream)
        return path, fields_for(head, self.route, self.host, path, is_translated=self.translation is not None)

    def name_of_model(self, asked: str) -> str:
        """Name the model that answers, for traces; `asked` is the one that the request asks for."""
        return asked if self.keeps_model and asked else self.route.label or asked

    def wire_for(self, head: "CallHead", path: str) -> list[bytes]:
        """Return `wire` for another path of the same target."""
        return _wire(head, self.route, self.host, path)


def _api_of(head: "CallHead", route: Route, enveloped: Enveloped | None) -> Api | None:
    return route.api(head.path) if enveloped is None else enveloped.api


def _wire(head: "CallHead", route: Route, host: str, path: str) -> list[bytes]:
    fields = fields_for(head, route, host, path, is_translated=False)
    return serialise(head.method, path, fields).split(_REQUEST_ID)


class CallHead:
    """What is asked of whichever target, but for the body.

    `headers` have `REQUEST_ID` in the place of the request's id. `token` is the caller's own Authorization, for targets
    that pass it through. `protocol` is another one than HTTP that the client asks for, "" for none.
    """

    __slots__ = ("_targets", "ai", "headers", "method", "path", "protocol", "query", "token")

    def __init__(  # noqa: PLR0917 - a request's head, in the order in which it is written
        self, method: str, path: str, query: str, headers: "CIMultiDict[str]", ai: bool, token: str, protocol: str
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.ai = ai
        self.token = token
        self.protocol = protocol
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
    """One request: its head, its body, and its id.

    `untranslated` has the targets that are asked in the client's own API though it is not their first, by their ids,
    None while there is none.
    """

    __slots__ = ("_translating", "body", "head", "request_id", "untranslated")

    def __init__(self, head: CallHead, body: RequestBody, request_id: bytes) -> None:
        self.head = head
        self.body = body
        self.request_id = request_id
        self.untranslated: dict[str, TargetHead] | None = None
        self._translating: Translating | None = None

    def going_on(self, body: Continuation) -> "Call":
        """Return the request for the rest of its answer."""
        call = Call(self.head, body, self.request_id)
        call.untranslated = self.untranslated
        return call

    def to(self, route: Route) -> TargetHead:
        """Return how a target is asked for this request."""
        if self.untranslated is None:
            return self.head.to(route)
        return self.untranslated.get(route.target.id) or self.head.to(route)

    def written(self, head: TargetHead, translation: Translation) -> WrittenBody:
        """Return how a target of another API is asked."""
        translating, target = self._translating, head.route.target.id
        if translating is None:
            assert isinstance(self.body, (JsonBody, Continuation))  # noqa: S101 - `needs_object` holds for it
            translating = self._translating = Translating(translation.client, self.head.path, self.body)
        known = translating.known.get(target)
        if known is None:
            known = translating.written(head.route, translation.target, translation.asker)
            translating.known[target] = known
        return known

    def adapted(self, head: TargetHead) -> AdaptedBody:
        """Return the body for a target that does not get the client's own bytes."""
        if head.translation is not None:
            written = self.written(head, head.translation)
            return AdaptedBody(written.content, stream=written.stream)
        return AdaptedBody(self.content(head), stream=self.body.stream)

    def content(self, head: TargetHead) -> Content:
        """Return the body for a target that is asked in the client's own API."""
        content = self.body.for_target(head.route, head.model)
        if head.enveloped is not None and isinstance(content, bytes):
            content = enveloped(content, head.enveloped.envelope)
        if head.returning is not None and isinstance(content, bytes):
            return head.returning(content)
        return content
