"""A whole answer under a success status → whether it is one, as providers and the proxies before them put errors there.

What it is not handed to anybody: `Broken` says what is wrong with it. Where the API is known, an answer has its form
(`whole_answer.py`) and anything else is a failure, whatever its label says. Where it is not, an answer in a form that
nobody knows is good.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from switchover_dataplane.classify.refusal import failed_stream, failed_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.formats.whole_answer import fault_of

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PAGES: Final = (b"<!doctype html", b"<html", b"<head", b"<body")
_PAGES_STAND_IN: Final = frozenset(("", "text/plain", "application/json"))
_UNLABELLED: Final = frozenset(("text/plain", "application/octet-stream"))

_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Outline(msgspec.Struct, gc=False):
    """The fields that are judged, of an answer with too many to look at each."""

    error: msgspec.Raw = msgspec.Raw(b"")
    object: msgspec.Raw = msgspec.Raw(b"")
    type: msgspec.Raw = msgspec.Raw(b"")
    choices: msgspec.Raw = msgspec.Raw(b"")


_outline_decoder: Final = msgspec.json.Decoder(_Outline)


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


_choices_decoder: Final = msgspec.json.Decoder(list[_Choice])
_FINISHED_WITH_AN_ERROR: Final = re.compile(rb'"finish_reason"\s*:\s*"error"')


def media_type(headers: Mapping[str, str]) -> str:
    """Return the type of an answer's content in lower case, "" if it has none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class _Given(NamedTuple):
    kind: str
    status: int
    headers: Mapping[str, str]
    text: bytes
    now: float


def judged(  # noqa: PLR0917 - an answer's parts, in the order in which they come
    kind: str, expected: Expected, status: int, headers: Mapping[str, str], body: bytes, now: float
) -> Outcome:
    """Tell whether a whole answer is good: in the form of its API or, where that is not known, no page and no error.

    `kind` is the provider's (`classify.refusal`), `body` all of the body, without a coding; `now` is the time of day in
    seconds since 1970, which dates in the answer are compared with.
    """
    if expected.api is not None and is_plainly_good(expected.api, body):
        return Committed(status, headers)
    text = body.removeprefix(_BYTE_ORDER_MARK).strip()
    given = _Given(kind, status, headers, text, now)
    if expected.api is not None:
        return _in_form(given, expected)
    if status == 204 or 300 <= status < 400:
        return Committed(status, headers)
    label = media_type(headers)
    if not text:
        return _EMPTY
    if label == "text/html" or (label in _PAGES_STAND_IN and _is_page(text)):
        return _PAGE
    looks_like_json = text[:1] in (b"{", b"[")
    if label == "application/json" or label.endswith("+json") or (not label and looks_like_json):
        return _judged_json(given)
    if label in _UNLABELLED and looks_like_json:
        # A text may begin so, too, and be good.
        return _error(given) or Committed(status, headers)
    return Committed(status, headers)


_EMPTY: Final = Broken("empty", "a success without a body", ErrorClass.SERVER_ERROR, concerns="unknown")
_PAGE: Final = Broken("malformed", "an HTML page", ErrorClass.SERVER_ERROR, concerns="unknown")
_NO_JSON: Final = Broken("malformed", "not the JSON that it should be", ErrorClass.SERVER_ERROR, concerns="unknown")


def _is_page(text: bytes) -> bool:
    return text.startswith(b"<") and text[:14].lower().startswith(_PAGES)


def _in_form(given: _Given, expected: Expected) -> Broken | Committed:
    """Demand the form of an API; what an answer in another one says of itself tells the class of the failure."""
    text = given.text
    if not text:
        return _EMPTY
    if _is_page(text):
        return _PAGE
    if text[:1] not in (b"{", b"["):
        # No model's words: a proxy's, which say what is wrong in their own way.
        return Broken("malformed", "a text in the place of an answer", *failed_stream(given.kind, text, given.now))
    try:
        fault = fault_of(expected, text)
    except (ValueError, RecursionError):
        return _NO_JSON
    if fault is None:
        return Committed(given.status, given.headers)
    said = _error(given)
    return said or Broken(fault.how, fault.detail, ErrorClass.SERVER_ERROR, concerns="unknown")


def _judged_json(given: _Given) -> Outcome:
    try:
        fields = _fields(given.text)
    except ValueError:
        return _unusual(given)
    except RecursionError:
        return _NO_JSON
    if (
        "error" in fields
        or bytes(fields.get("object", b"")) == b'"error"'
        or bytes(fields.get("type", b"")) == b'"error"'
    ):
        failed = _error(given)
        if failed is not None:
            return failed
    if _has_failed(bytes(fields.get("choices", b""))):
        return Broken("error-event", "an answer whose finish_reason is an error", ErrorClass.SERVER_ERROR)
    return Committed(given.status, given.headers)


def _fields(text: bytes) -> dict[str, msgspec.Raw]:
    if lenient_json.has_few_values(text):
        return _decoder.decode(text)
    outline = msgspec.structs.asdict(_outline_decoder.decode(text))
    return {name: value for name, value in outline.items() if bytes(value)}


def _unusual(given: _Given) -> Outcome:
    """Judge what is no JSON object, or one that stricter parsers than those of SDKs refuse."""
    if not lenient_json.is_json(given.text):
        return _NO_JSON
    return _error(given) or Committed(given.status, given.headers)


def _error(given: _Given) -> Broken | None:
    failed = failed_success(given.kind, given.status, given.headers, given.text, given.now)
    if failed is None:
        return None
    return Broken("error-event", "an error under a success status", *failed)


def _has_failed(choices: bytes) -> bool:
    """Tell whether a choice ended with an error (Mistral API, chat completion, finish_reason)."""
    if b'"error"' not in choices or not _FINISHED_WITH_AN_ERROR.search(choices):
        return False
    if not lenient_json.has_few_values(choices):
        return True
    try:
        return any(choice.finish_reason == "error" for choice in _choices_decoder.decode(choices))
    except ValueError:
        return False
