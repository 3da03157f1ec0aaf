"""A request and the target that gets it → what the target's answer has to be."""

import re
from typing import Final

import msgspec

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected, Shape
from switchover_dataplane.formats.json_body import JsonBody, is_literal
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.upstream.targets import Route

_STREAMS: Final = re.compile(r":streamGenerateContent(?:\Z|\?)")
_AS_EVENTS: Final = re.compile(r"[?&]alt=sse(?:&|\Z)")

_list_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


def expected_of(route: Route, call: Call, *, in_a_form: bool) -> Expected:
    """Tell what a target's answer to a call has to be; without `in_a_form` nothing is demanded of its form."""
    body = call.body if isinstance(call.body, JsonBody | Continuation) else None
    api = route.api(call.path) if in_a_form and call.ai and call.method == "POST" else None
    if api is Api.GENERATE:
        return Expected(api, _shape_of_generated(route.path(call.path, call.query)))
    if body is None:
        return Expected(api)
    shape: Shape = "events" if body.stream else "value"
    if api is Api.RESPONSES:
        return Expected(api, shape, later=is_literal(body.fields.get("background"), b"true"))
    if api is Api.EMBEDDINGS:
        return Expected(api, inputs=_inputs(body.fields.get("input")))
    if api is Api.CHAT and is_literal(body.fields.get("deferred"), b"true"):
        # It is answered by the id under which the answer can be fetched (xAI, Deferred Chat Completions).
        api = None
    return Expected(api, shape)


def _shape_of_generated(path: str) -> Shape:
    """Gemini API reference, streamGenerateContent: without `alt=sse` it is one JSON array."""
    if not _STREAMS.search(path):
        return "value"
    return "events" if _AS_EVENTS.search(path) else "array"


def _inputs(given: msgspec.Raw | None) -> int:
    """Count the texts of an embeddings request (OpenAI API reference, `input`): a list of numbers is one text."""
    if given is None:
        return 0
    first = bytes(memoryview(given)[:1])
    if first != b"[":
        return 1 if first == b'"' else 0
    text = bytes(given)
    if not lenient_json.has_few_values(text):
        return 0
    try:
        inputs = _list_decoder.decode(text)
    except ValueError:
        return 0
    return 1 if inputs and bytes(memoryview(inputs[0])[:1]).isdigit() else len(inputs)
