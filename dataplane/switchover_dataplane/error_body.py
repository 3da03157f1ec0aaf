"""Headers and the start of a body → the codes and words that they hold about an error, whatever shape they have.

Bodies are whatever a server sends: JSON in a dozen shapes, JSON that was cut short, pages, nothing. Nothing in here
raises on any of them; what the words mean is `classify.py`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

_CODE_KEYS = frozenset({"code", "type", "status", "reason", "error_code", "error_type", "__type", "@type"})
_TEXT_KEYS = frozenset({"message", "Message", "detail", "msg", "error", "raw", "quotaId"})
_MARKED_KEYS = frozenset({"flagged_input"})
_DEPTH = 8
_SHOWN = 16 * 1024
_QUOTED = re.compile(r'"([A-Za-z0-9_.-]{3,64})"')


@dataclass(slots=True)
class Said:
    """What an answer says about an error: its codes and texts in lower case, and the document they come from.

    `status` is the HTTP status that the body states of itself, 0 for none; `is_error` tells whether the document has
    the shape of an error, which matters under a success status.
    """

    codes: set[str] = field(default_factory=set)
    text: str = ""
    status: int = 0
    is_error: bool = False
    document: Any = None


def read(headers: Mapping[str, str], body: bytes) -> Said:
    """Collect the codes and texts of an error from its headers and its body, in whichever provider's shape."""
    said = Said()
    name = headers.get("x-amzn-errortype", "")
    if name:
        said.codes.add(_exception(name))
    try:
        said.document = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        _read_fragment(said, body)
        return said
    error = _error_of(said.document)
    said.is_error = error is not None
    said.status = _stated_status(error)
    texts: list[str] = []
    for key, value in _leaves(said.document, _DEPTH):
        if key in _CODE_KEYS:
            said.codes.add(_exception(value))
        if key in _TEXT_KEYS:
            texts.append(value)
        if key in _MARKED_KEYS:
            said.codes.add(key)
    said.text = "\n".join(texts).lower()
    return said


def _read_fragment(said: Said, body: bytes) -> None:
    """Take what a cut JSON text still shows; of a page or plain text only the words count."""
    text = bytes(body[:_SHOWN]).decode("utf-8", "replace")
    said.text = text.lower()
    if text.lstrip()[:1] in ("{", "["):
        said.codes.update(word.lower() for word in _QUOTED.findall(text))


def _exception(name: str) -> str:
    """Return a code in lower case; Amazon's come as `namespace#Name:url` (Amazon Bedrock: API error codes)."""
    return name.split(":", 1)[0].rsplit("#", 1)[-1].strip().lower()


def _error_of(document: object) -> object:
    """Return the error of a document that has the shape of one, None of any other."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    if document.get("error") is not None and "choices" not in document:
        return document["error"]
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
    """Walk the texts and numbers of a document with the key that each stands under; lists keep their key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if depth:
                yield from _leaves(inner, depth - 1, name)
    elif isinstance(value, list):
        for inner in value:
            if depth:
                yield from _leaves(inner, depth - 1, key)
    elif isinstance(value, str | int):
        yield key, str(value)
