"""A request and the target that gets it → what the target's answer has to be."""

from typing import Final

import msgspec

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.json_body import is_literal
from switchover_dataplane.request.call import RequestBody, TargetHead

_list_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
# A constant of the module is found faster than a member of an enumeration.
_CHAT: Final = Api.CHAT
_RESPONSES: Final = Api.RESPONSES
_EMBEDDINGS: Final = Api.EMBEDDINGS
_NO_FORM: Final = (Expected(), Expected(shape="events"))


def expected_of(head: TargetHead, body: RequestBody, *, in_a_form: bool) -> Expected:
    """Tell what a target's answer to a call has to be; without `in_a_form` nothing is demanded of its form."""
    if not in_a_form:
        return _NO_FORM[body.stream]
    api = head.api
    if api is _CHAT:
        if is_literal(body.fields.get("deferred"), b"true"):
            # It is answered by the id under which the answer can be fetched (xAI, Deferred Chat Completions).
            return _NO_FORM[body.stream]
    elif api is _RESPONSES:
        if is_literal(body.fields.get("background"), b"true"):
            return Expected(api, "events" if body.stream else "value", later=True)
    elif api is _EMBEDDINGS:
        return Expected(api, inputs=_inputs(body.fields.get("input")))
    return head.as_events if body.stream else head.as_value


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
