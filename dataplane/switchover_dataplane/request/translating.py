"""The body of a request → what each target of another API is asked, and what of it that API cannot carry.

The body is read once for all targets, and not before the first of them needs it.
"""

import json
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request import plain_turns
from switchover_dataplane.request.continuation import Continuation, asked_to_go_on
from switchover_dataplane.request.known_forms import Conversation, Form, Key, KnownForms, conversation_of, form_of
from switchover_dataplane.translation.format import Asker, Format
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.neutral import BadRequest, Request, Text, Turn
from switchover_dataplane.upstream.targets import Route

MOST_VALUES: Final = 500_000
"""Values of a body that is translated; each needs far more memory than its bytes."""

MOST_NAMED: Final = 32
"""Lost fields of a request that are named."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder()
_known: Final = KnownForms()
_NO_REQUEST: Final = Request()


class WrittenBody:
    """How a target is asked: `content` is the body, `stream` tells whether an event stream is asked for.

    `grave` are losses that may change the answer, `names` the fields of all losses. `request` is the neutral request as
    answers need it; its turns may be missing.
    """

    __slots__ = ("content", "grave", "names", "request", "stream")

    def __init__(self, content: bytes, losses: tuple[Loss, ...], request: Request) -> None:
        self.content = content
        self.grave = tuple([loss for loss in losses if not loss.is_hint]) if losses else ()
        self.names = tuple(dict.fromkeys([loss.path for loss in losses]))[:MOST_NAMED] if losses else ()
        self.request = request
        self.stream = request.stream


class Translating:
    """A request of the format `client` for targets of other formats. `path` is the request's after its rewrites.

    `known` has what was written for targets, by their ids.
    """

    __slots__ = ("_body", "_client", "_conversation", "_path", "_read", "known")

    def __init__(self, client: Format, path: str, body: JsonBody | Continuation) -> None:
        self._client = client
        self._path = path
        self._body = body
        self.known: dict[str, WrittenBody] = {}
        self._conversation = conversation_of(body) if isinstance(body, JsonBody) else None
        self._read: Request | BadRequest | None = None

    def request(self, route: Route) -> Request:
        """Return the request in the neutral form.

        Raises:
            BadRequest: it is none of its API.
        """
        if self._read is None:
            self._read = self._neutral(route)
        if isinstance(self._read, BadRequest):
            raise BadRequest(self._read.path, str(self._read))
        return self._read

    def written(self, route: Route, target: Format, asker: Asker) -> WrittenBody:
        """Return how a target is asked. A body that is no request of its API is a grave loss as a whole."""
        conversation = self._conversation
        if conversation is None:
            return self._write_anew(route, target, asker)
        whose = f"{self._client.name} {self._path} {target.name} {asker.provider} {asker.model.name}"
        key: Key = (whose, conversation.before, conversation.after, conversation.shape)
        form = _known.get(key)
        if form is None and _known.is_wanted(key):
            form = self._learned(conversation, route, target, asker)
            _known.add(key, form)
        if form is None:
            return self._write_anew(route, target, asker)
        return WrittenBody(form.filled(conversation.texts), form.losses, form.request)

    def _learned(self, conversation: Conversation, route: Route, target: Format, asker: Asker) -> Form | None:
        """Return the form of a request, None if it has none."""
        try:
            body = self._decoded(route)
            plain_turns.put_in(conversation.name, body, conversation.marks)
            request = self._client.read_request(body, self._path)
            content, losses = _written(request, target, asker)
        except (BadRequest, RecursionError):
            return None
        return form_of(request, content, losses)

    def _write_anew(self, route: Route, target: Format, asker: Asker) -> WrittenBody:
        try:
            request = self.request(route)
        except BadRequest as bad:
            return WrittenBody(b"", (Loss(bad.path, "not understood", str(bad)),), _NO_REQUEST)
        try:
            content, losses = _written(request, target, asker)
        except RecursionError:
            why = "it is nested too deeply to be translated"
            return WrittenBody(b"", (Loss("body", "object", why),), _NO_REQUEST)
        return WrittenBody(content, losses, request)

    def _neutral(self, route: Route) -> Request | BadRequest:
        try:
            request = self._client.read_request(self._decoded(route), self._path)
        except BadRequest as bad:
            return BadRequest(bad.path, str(bad))
        text = self._body.text if isinstance(self._body, Continuation) else None
        return request if text is None else _going_on(request, text)

    def _decoded(self, route: Route) -> dict[str, Any]:
        own = self._body.own if isinstance(self._body, Continuation) else self._body
        return _decoded(own.for_target(route, ""))


def _written(request: Request, target: Format, asker: Asker) -> tuple[bytes, tuple[Loss, ...]]:
    """Write a request for a target; return also what is lost of it on the way there.

    Raises:
        RecursionError: it is nested too deeply.
    """
    written = target.write_request(request, asker)
    return encoded(written.body), tuple(dict.fromkeys((*request.losses, *written.losses)))


def _going_on(request: Request, text: str) -> Request:
    """Return the request for the rest of an answer of which `text` was sent."""
    sent = Turn("assistant", (Text(text),))
    asked = Turn("user", (Text(asked_to_go_on(text)),))
    return replace(request, turns=(*request.turns, sent, asked))


def _decoded(content: bytes) -> dict[str, Any]:
    """Decode a body that is known to be a JSON object.

    Raises:
        BadRequest: it has too many values, or is nested too deeply.
    """
    if content.count(b'":') + content.count(b"{") + content.count(b"[") > MOST_VALUES:
        raise BadRequest("body", f"more than {MOST_VALUES} values, which are not translated")
    try:
        try:
            value = _decoder.decode(content)
        except ValueError:
            value = json.loads(content)
    except RecursionError:
        raise BadRequest("body", "nested too deeply to be translated") from None
    except ValueError:
        raise BadRequest("body", "no JSON object in UTF-8") from None
    if not isinstance(value, dict):
        raise BadRequest("body", "no JSON object")
    return value


def encoded(value: object) -> bytes:
    """Encode a body; half a surrogate pair becomes a replacement character, as no server takes it."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return lenient_json.without_halves(value)
