"""A whole answer with a success status → whether it is a good answer, as providers and proxies hide errors there.

An answer that fails this check is never sent on; `Broken` says what is wrong. If the API is known, the answer must have
its form (`whole_answer.py`), whatever its Content-Type says. If not, an answer of unknown form is good.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from switchover_dataplane.classify.refusal import failed_stream, failed_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats import lenient_json, outline
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.media_types import media_type
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.formats.whole_answer import fault_of

_PAGES: Final = (b"<!doctype html", b"<html", b"<head", b"<body")
_PAGES_STAND_IN: Final = frozenset(("", "text/plain", "application/json"))
_UNLABELLED: Final = frozenset(("text/plain", "application/octet-stream"))

_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


_choices_decoder: Final = msgspec.json.Decoder(list[_Choice])
_FINISHED_WITH_AN_ERROR: Final = re.compile(rb'"finish_reason"\s*:\s*"error"')


class _Answer(NamedTuple):
    kind: str
    status: int
    headers: Mapping[str, str]
    text: bytes
    now: float


def check_success(  # noqa: PLR0917 - an answer's parts, in the order in which they come
    kind: str, expected: Expected, status: int, headers: Mapping[str, str], body: bytes, now: float
) -> Outcome:
    """Check a whole answer: it has the form of its API or, if the API is not known, it is no HTML page and no error.

    `kind` is the provider kind (`classify.refusal`), `body` the whole body without a content coding, `now` the Unix
    time in seconds, for dates in the answer.
    """
    if expected.api is not None and is_plainly_good(expected.api, body):
        return Committed(status, headers)
    text = body.removeprefix(lenient_json.BYTE_ORDER_MARK).strip()
    answer = _Answer(kind, status, headers, text, now)
    if expected.api is not None:
        return _in_form(answer, expected)
    if status == 204 or 300 <= status < 400:
        return Committed(status, headers)
    label = media_type(headers)
    if not text:
        return _EMPTY
    if label == "text/html" or (label in _PAGES_STAND_IN and _is_page(text)):
        return _PAGE
    looks_like_json = text[:1] in (b"{", b"[")
    if label == "application/json" or label.endswith("+json") or (not label and looks_like_json):
        return _check_json(answer)
    if label in _UNLABELLED and looks_like_json:
        # A plain text may begin like JSON and be good.
        return _error(answer) or Committed(status, headers)
    return Committed(status, headers)


_EMPTY: Final = Broken("empty", "a success without a body", ErrorClass.SERVER_ERROR, scope="unknown")
_PAGE: Final = Broken("malformed", "an HTML page", ErrorClass.SERVER_ERROR, scope="unknown")
_NO_JSON: Final = Broken("malformed", "the body is no valid JSON", ErrorClass.SERVER_ERROR, scope="unknown")


def _is_page(text: bytes) -> bool:
    return text.startswith(b"<") and text[:14].lower().startswith(_PAGES)


def _in_form(answer: _Answer, expected: Expected) -> Broken | Committed:
    """Require the form of the API; for another form the text of the answer decides the error class."""
    text = answer.text
    if not text:
        return _EMPTY
    if _is_page(text):
        return _PAGE
    if text[:1] not in (b"{", b"["):
        # Text of a proxy, which may state the error.
        return Broken("malformed", "a plain text instead of JSON", *failed_stream(answer.kind, text, answer.now))
    try:
        fault = fault_of(expected, text)
    except (ValueError, RecursionError):
        return _NO_JSON
    if fault is None:
        return Committed(answer.status, answer.headers)
    failed = _error(answer)
    return failed or Broken(fault.how, fault.detail, ErrorClass.SERVER_ERROR, scope="unknown")


def _check_json(answer: _Answer) -> Outcome:
    try:
        fields = _fields(answer.text)
    except ValueError:
        return _unusual(answer)
    except RecursionError:
        return _NO_JSON
    if (
        "error" in fields
        or bytes(fields.get("object", b"")) == b'"error"'
        or bytes(fields.get("type", b"")) == b'"error"'
    ):
        failed = _error(answer)
        if failed is not None:
            return failed
    if _has_failed(bytes(fields.get("choices", b""))):
        return Broken("error-event", "an answer whose finish_reason is an error", ErrorClass.SERVER_ERROR)
    return Committed(answer.status, answer.headers)


def _fields(text: bytes) -> dict[str, msgspec.Raw]:
    if lenient_json.has_few_values(text):
        return _decoder.decode(text)
    found = msgspec.structs.asdict(outline.read(text))
    return {name: value for name, value in found.items() if bytes(value)}


def _unusual(answer: _Answer) -> Outcome:
    """Check what is no JSON object, or JSON that only our stricter parser refuses."""
    if not lenient_json.is_json(answer.text):
        return _NO_JSON
    return _error(answer) or Committed(answer.status, answer.headers)


def _error(answer: _Answer) -> Broken | None:
    failed = failed_success(answer.kind, answer.status, answer.headers, answer.text, answer.now)
    if failed is None:
        return None
    return Broken("error-event", "an error under a success status", *failed)


def _has_failed(choices: bytes) -> bool:
    """Whether a choice ended with an error (Mistral API, chat completion, finish_reason)."""
    if b'"error"' not in choices or not _FINISHED_WITH_AN_ERROR.search(choices):
        return False
    if not lenient_json.has_few_values(choices):
        return True
    try:
        return any(choice.finish_reason == "error" for choice in _choices_decoder.decode(choices))
    except ValueError:
        return False
