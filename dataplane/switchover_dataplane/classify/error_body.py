"""Headers and the start of a body → the codes and texts of an error, in any shape.

A body may be JSON in many shapes, truncated JSON, an HTML page or empty. No function here raises for any of them, and
the time is linear in the bytes: of many codes and texts only the first are read. What a field may hold, its name says
(`error_fields.py`). `refusal.py` classifies what was read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from switchover_dataplane.classify.error_fields import MORE_THAN_A_NAME, role_of
from switchover_dataplane.formats import lenient_json, outline
from switchover_dataplane.formats.error_shape import STATUSES, failed_status, looks_like_error, plain_name

MOST_TEXTS: Final = 64
"""Maximum number of messages, and of codes, that are read of one error."""

MOST_TEXT: Final = 16 * 1024
"""Maximum number of characters of messages that are read of one error."""

TYPE_HEADER: Final = "x-amzn-errortype"
"""The one header that names an error (Amazon Bedrock: API error codes)."""

_MOST_LEAVES: Final = 4_096
_LONGEST_CODE: Final = 256
_MOST_WAITS: Final = 16
_LONGEST_WAIT: Final = 64
_MOST_CHOICES: Final = 128

_MARKED_KEYS = frozenset({"flagged_input"})
_FIELDS_OF_LISTS: Final = frozenset({"loc"})
_DEPTH = 8
_PAIR = re.compile(r'"([A-Za-z_@]{2,24})"\s*:\s*"((?:[^"\\]|\\.){1,2000})')
_BETWEEN_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.\-/]+")
_AN_EXCEPTION: Final = re.compile(r"\w{1,64}(?:[Ee]rror|Exception)")
_NUMBER_PAIR: Final = re.compile(r'"([A-Za-z_-]{2,32})"\s*:\s*([0-9.]{1,20})\s*[,}\]]')
_ECHO = re.compile(r'"(?:input|ctx|loc|body|value)"\s*:')


@dataclass(slots=True)
class ErrorDetails:
    """The codes and messages of an error in lower case, and the document that they come from.

    `names` are the codes as words ("rate limit exceeded"). `text` is all messages joined. `waits` are the fields whose
    names say that they hold a wait: (name, value). `param` is the request field that the error names, "" if none.
    `has_error_in_outline`: a document with too many values to be made has the shape of an error.
    """

    codes: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    waits: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    param: str = ""
    has_error_in_outline: bool = False
    document: Any = None
    _room: int = MOST_TEXT
    _leaves: int = _MOST_LEAVES

    @property
    def is_error(self) -> bool:
        """Whether the document has the shape of an error, which matters under a success status."""
        return self.has_error_in_outline or looks_like_error(self.document)

    @property
    def status(self) -> int:
        """The HTTP status in the document, 0 if none."""
        return _stated_status(self.document, is_error=self.is_error)

    @property
    def is_full(self) -> bool:
        """Whether a limit is reached, so that nothing more is read."""
        return self._room <= 0 or self._leaves <= 0 or len(self.messages) >= MOST_TEXTS

    def count_leaf(self) -> None:
        """Count a text or number of the document."""
        self._leaves -= 1

    def add_code(self, name: str) -> None:
        """Add a code; a code of several words is a message (xAI)."""
        if " " in name.strip():
            self.add_message(name)
        elif len(self.codes) < MOST_TEXTS:
            self.codes.add(_exception(name))
            self.names.append(_as_words(name))

    def add_message(self, message: str) -> None:
        """Add a message, cut to the characters that are left."""
        if self.is_full:
            return
        if _AN_EXCEPTION.fullmatch(message):
            self.names.append(_as_words(message))
        message = message[: self._room]
        self._room -= len(message)
        self.messages.append(message.strip().lower())

    def add_wait(self, name: str, value: str) -> None:
        """Add the value of a field that may be a wait."""
        if len(self.waits) < _MOST_WAITS and len(value) <= _LONGEST_WAIT:
            self.waits.append((name, value.strip().lower()))


def read(headers: Mapping[str, str], body: bytes) -> ErrorDetails:
    """Collect the codes and texts of an error from its headers and its body, in any provider's shape."""
    details = ErrorDetails()
    name = headers.get(TYPE_HEADER, "")
    if name:
        details.add_code(name)
    body = body.removeprefix(lenient_json.BYTE_ORDER_MARK)
    try:
        details.document = lenient_json.decode(body)
    except (ValueError, RecursionError):
        _read_fragment(details, _error_in_outline(details, body))
        return details
    _read_document(details, details.document, "message" if isinstance(details.document, str) else "")
    for error in _errors_of_choices(details.document):
        _read_document(details, {"error": error})
    details.text = "\n".join(details.messages)
    return details


def _read_document(details: ErrorDetails, document: object, key: str = "") -> None:
    """Add codes, messages and waits; a message may be the JSON text of another server (Vertex AI, OpenRouter)."""
    for name, value in leaves(document, _DEPTH, key):
        if details.is_full:
            return
        details.count_leaf()
        role = role_of(name[:MORE_THAN_A_NAME])
        if role.is_code:
            details.add_code(value)
        elif role.is_wait:
            details.add_wait(role.plain, value)
        if name in _MARKED_KEYS:
            details.codes.add(name)
        if role.names_a_field:
            details.param = details.param or value[:_LONGEST_CODE].lower()
        if not role.is_message or (role.plain == "reason" and " " not in value):
            continue
        details.add_message(value)
        if value.lstrip()[:1] in ("{", "["):
            try:
                inner = lenient_json.decode(value.encode("utf-8", "surrogatepass"))
            except (ValueError, RecursionError):
                continue
            if not isinstance(inner, str):
                _read_document(details, inner)


def _errors_of_choices(document: object) -> Iterator[object]:
    """Yield the errors in the choices of an answer (OpenRouter: Errors)."""
    choices = document.get("choices") if isinstance(document, dict) else None
    for choice in choices[:_MOST_CHOICES] if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            yield choice["error"]


def _error_in_outline(details: ErrorDetails, body: bytes) -> bytes:
    """Set `has_error_in_outline` for a document with too many values; return the part that holds its texts."""
    if lenient_json.has_few_values(body):
        return body
    try:
        found = outline.read(body)
    except (ValueError, RecursionError):
        return body
    has_error = not outline.is_false(found.error)
    is_named = b'"error"' in (bytes(found.object), bytes(found.type))
    details.has_error_in_outline = (has_error or is_named) and outline.is_false(found.choices)
    return bytes(found.error) if has_error else body


def _read_fragment(details: ErrorDetails, body: bytes) -> None:
    """Add what truncated JSON still shows; of a page or plain text only the text is used."""
    text = bytes(body[:MOST_TEXT]).decode("utf-8", "replace")
    if text.lstrip()[:1] not in ("{", "["):
        details.text, details.messages = text.lower(), [text.strip().lower()]
        return
    # Servers repeat the caller's input; it must not classify the error.
    text = _ECHO.split(text, maxsplit=1)[0]
    for key, value in _PAIR.findall(text):
        role = role_of(key)
        if role.is_code:
            details.add_code(value)
        elif role.is_wait:
            details.add_wait(role.plain, value)
        if role.is_message:
            details.add_message(value)
    for key, number in _NUMBER_PAIR.findall(text):
        role = role_of(key)
        if role.is_wait:
            details.add_wait(role.plain, number)
    details.text = text.lower()
    if not details.messages:
        details.add_message(text)


def _exception(name: str) -> str:
    """Return a code in lower case; Amazon sends `namespace#Name:url` (Amazon Bedrock: API error codes)."""
    return name[:_LONGEST_CODE].split(":", 1)[0].rsplit("#", 1)[-1].strip().lower()


def _as_words(name: str) -> str:
    """Return a code as words in lower case, "" for a number or a Google type URL."""
    if name[:1] in ("@", "") or name.isdigit() or "googleapis" in name:
        return ""
    short = name[:_LONGEST_CODE].split(":", 1)[0].rsplit("#", 1)[-1]
    return _BETWEEN_WORDS.sub(" ", short).strip().lower()


def error_of(document: object) -> object:
    """Return the error object of a document, None if the document has no shape of an error."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    response = document.get("response")
    for holder in (document, response if isinstance(response, dict) else {}):
        if holder.get("error"):
            return holder["error"]
    if document.get("object") == "error" or document.get("type") == "error":
        return document
    return None


def _stated_status(document: object, *, is_error: bool) -> int:
    """Return the HTTP status that an error holds as its code or status, 0 if none."""
    holders = [error_of(document), *_errors_of_choices(document), *([document] if is_error else ())]
    stated = (
        failed_status(value)
        for holder in holders
        if isinstance(holder, dict)
        for name, value in holder.items()
        if name == "code" or plain_name(name) in STATUSES
    )
    return next((status for status in stated if status), 0)


def leaves(value: object, depth: int, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts and numbers of a document, each with its key; items of a list have the key of the list.

    Only fields that hold the error's own text are entered. Servers repeat the request in other fields, and the text of
    a request must not take a key or a model out of service.
    """
    if isinstance(value, dict):
        for name, inner in value.items() if depth else ():
            if isinstance(inner, _NESTED):
                if name in _FIELDS_OF_LISTS or role_of(name[:MORE_THAN_A_NAME]).is_container:
                    yield from leaves(inner, depth - 1, name)
            elif isinstance(inner, _TEXT_OR_NUMBER) and not isinstance(inner, bool):
                yield name, str(inner)
    elif isinstance(value, list):
        for inner in value:
            if depth:
                yield from leaves(inner, depth - 1, key)
    elif isinstance(value, _TEXT_OR_NUMBER) and not isinstance(value, bool):
        yield key, str(value)


_NESTED: Final = (dict, list)
_TEXT_OR_NUMBER: Final = (str, int, float)
