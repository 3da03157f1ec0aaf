"""Headers and the start of a body → the codes and words that they hold about an error, whatever shape they have.

Bodies are whatever a server sends: JSON in a dozen shapes, JSON that was cut short, pages, nothing. Nothing in here
raises on any of them, and reading takes time that grows with their bytes alone: an error has a few codes and texts, so
that of more only the first are taken. What the words mean is `classify.py`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from switchover_dataplane import lenient_json
from switchover_dataplane.error_shape import looks_like_error

__all__ = ["MOST_TEXT", "MOST_TEXTS", "Said", "looks_like_error", "read"]

MOST_TEXTS: Final = 64
"""Messages, and codes, that are taken of one error."""

MOST_TEXT: Final = 16 * 1024
"""Characters of messages that are taken of one error."""

_MOST_LEAVES: Final = 4_096
_LONGEST_CODE: Final = 256

_CODE_KEYS = frozenset({"code", "type", "status", "reason", "error_code", "error_type", "__type", "@type"})
_TEXT_KEYS = frozenset({"message", "Message", "detail", "msg", "error", "errors", "raw", "quotaId"})
_MARKED_KEYS = frozenset({"flagged_input"})
_CONTAINERS = frozenset(
    {"error", "errors", "innererror", "details", "detail", "message", "metadata", "response", "violations", "raw"}
)
_DEPTH = 8
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PAIR = re.compile(r'"([A-Za-z_@]{2,16})"\s*:\s*"((?:[^"\\]|\\.){1,2000})')
_ECHO = re.compile(r'"(?:input|ctx|loc|body|value)"\s*:')


@dataclass(slots=True)
class Said:
    """What an answer says about an error: its codes and messages in lower case, and the document they come from.

    `text` is all messages in one. `status` is the HTTP status that the body states of itself, 0 for none; `is_error`
    tells whether the document has the shape of an error, which matters under a success status.
    """

    codes: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    text: str = ""
    status: int = 0
    is_error: bool = False
    document: Any = None
    _room: int = MOST_TEXT
    _leaves: int = _MOST_LEAVES

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken."""
        return self._room <= 0 or self._leaves <= 0 or len(self.messages) >= MOST_TEXTS

    def count_leaf(self) -> None:
        """Count a text or number that was looked at, whether it was taken or not."""
        self._leaves -= 1

    def add_code(self, name: str) -> None:
        """Take a code."""
        if len(self.codes) < MOST_TEXTS:
            self.codes.add(_exception(name))

    def add_message(self, message: str) -> None:
        """Take a message, as much of it as there is room for."""
        message = message[: self._room]
        self._room -= len(message)
        self.messages.append(message.strip().lower())


class _Outline(msgspec.Struct, gc=False):
    """What tells that a document is an error, of one with too many values to make them."""

    error: msgspec.Raw = msgspec.Raw(b"")
    object: msgspec.Raw = msgspec.Raw(b"")
    type: msgspec.Raw = msgspec.Raw(b"")
    choices: msgspec.Raw = msgspec.Raw(b"")


_outline_decoder: Final = msgspec.json.Decoder(_Outline)
_FALSE: Final = frozenset((b"", b"null", b"false", b"0", b'""', b"{}", b"[]"))


def read(headers: Mapping[str, str], body: bytes) -> Said:
    """Collect the codes and texts of an error from its headers and its body, in whichever provider's shape."""
    said = Said()
    name = headers.get("x-amzn-errortype", "")
    if name:
        said.add_code(name)
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        said.document = lenient_json.decode(body)
    except (ValueError, RecursionError):
        _read_fragment(said, _error_in_outline(said, body))
        return said
    said.is_error = looks_like_error(said.document)
    said.status = _stated_status(_error_of(said.document))
    _read_document(said, said.document, "message" if isinstance(said.document, str) else "")
    said.text = "\n".join(said.messages)
    return said


def _read_document(said: Said, document: object, key: str = "") -> None:
    """Take codes and messages; a message may be a JSON text of another server's (Vertex AI, OpenRouter)."""
    for name, value in _leaves(document, _DEPTH, key):
        if said.is_full:
            return
        said.count_leaf()
        if name in _CODE_KEYS:
            said.add_code(value)
        if name in _MARKED_KEYS:
            said.codes.add(name)
        if name not in _TEXT_KEYS:
            continue
        said.add_message(value)
        if value.lstrip()[:1] in ("{", "["):
            try:
                inner = lenient_json.decode(value.encode("utf-8", "surrogatepass"))
            except (ValueError, RecursionError):
                continue
            if not isinstance(inner, str):
                _read_document(said, inner)


def _error_in_outline(said: Said, body: bytes) -> bytes:
    """Tell of a document with too many values whether it is an error; return where its words stand."""
    if lenient_json.has_few_values(body):
        return body
    try:
        outline = _outline_decoder.decode(body)
    except (ValueError, RecursionError):
        return body
    error = bytes(outline.error)
    named = b'"error"' in (bytes(outline.object), bytes(outline.type))
    said.is_error = (error not in _FALSE or named) and bytes(outline.choices) in _FALSE
    return error if error not in _FALSE else body


def _read_fragment(said: Said, body: bytes) -> None:
    """Take what a cut JSON text still shows; of a page or plain text only the words count."""
    text = bytes(body[:MOST_TEXT]).decode("utf-8", "replace")
    if text.lstrip()[:1] not in ("{", "["):
        said.text, said.messages = text.lower(), [text.strip().lower()]
        return
    # What the caller sent, and servers repeat, says nothing.
    text = _ECHO.split(text, maxsplit=1)[0]
    for key, value in _PAIR.findall(text):
        if key in _CODE_KEYS:
            said.add_code(value)
        if key in _TEXT_KEYS and not said.is_full:
            said.add_message(value)
    said.text = text.lower()


def _exception(name: str) -> str:
    """Return a code in lower case; Amazon's come as `namespace#Name:url` (Amazon Bedrock: API error codes)."""
    return name[:_LONGEST_CODE].split(":", 1)[0].rsplit("#", 1)[-1].strip().lower()


def _error_of(document: object) -> object:
    """Return the error of a document that has the shape of one, None of any other."""
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


def _stated_status(error: object) -> int:
    """Return the status that an error object states as its code (OpenRouter, vLLM, Gemini), 0 for none."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else 0


def _leaves(value: object, depth: int, key: str = "") -> Iterator[tuple[str, str]]:
    """Walk the texts and numbers of a document with the key that each stands under; lists keep their key.

    Only what may hold an error's own words is entered: servers repeat a caller's request in other places, and nobody
    may talk a key or a model out of service by what they ask.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            if depth and (name in _CONTAINERS or not isinstance(inner, dict | list)):
                yield from _leaves(inner, depth - 1, name)
    elif isinstance(value, list):
        for inner in value:
            if depth:
                yield from _leaves(inner, depth - 1, key)
    elif isinstance(value, str | int):
        yield key, str(value)
