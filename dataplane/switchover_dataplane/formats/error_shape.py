"""A decoded JSON document → whether it is an error, in any server's form.

The errors of APIs share no form but some features: a field with the name of an error, a code or status of a failure, or
a message in place of an answer. A good answer has none of them.
"""

import re
from typing import Final

_ERROR_NAME: Final = re.compile(
    r"(?:err|errors?|faults?|exceptions?)"
    r"(?:codes?|no|num|msgs?|messages?|texts?|strings?|info|descriptions?|details?|types?|reasons?|response)?"
)
_FAILED_WORD: Final = re.compile(r"(?:[a-z0-9]+[ _-])*[a-z0-9]*(?:error|exception|fail|failed|failure)")
_FAILED_EVENTS: Final = frozenset(("response.failed", "response.error"))
"""The only dotted event names of a failed answer; other ones may be about a tool that the provider runs."""

_KINDS: Final = frozenset(("type", "object", "event", "status", "state", "result"))
STATUSES: Final = frozenset(("status", "statuscode", "httpstatus", "httpcode", "httpstatuscode"))
"""Names of fields that may hold an HTTP status."""

_CODES: Final = frozenset(("code", "ret", "retcode", "resultcode", "statuscode", "bizcode", "subcode"))
_MESSAGES: Final = frozenset(("message", "msg", "detail", "details", "statusmsg", "reason", "title", "retmsg"))
_SUCCESSES: Final = frozenset(("success", "succeeded", "ok", "issuccess"))
_WRAPPERS: Final = frozenset(("baseresp", "header", "responsemetadata", "status", "response", "meta", "result"))
_ANSWERS: Final = (
    *("choices", "candidates", "content", "output", "outputs", "data", "embedding", "embeddings", "predictions"),
    *("completion", "generatedtext", "generations", "response", "text", "images", "results", "transcript"),
    *("delta", "contentblock"),
)
_GOOD_CODES: Final = frozenset(("", "0", "200", "201", "ok", "success", "succeeded", "none", "null", "completed"))
_FRAME_FIELDS: Final = frozenset(("role", "name", "type", "index", "refusal"))

_DEPTH: Final = 2
_LONGEST_WORD: Final = 64
"""Characters of a name or a word that are read."""


def looks_like_error(document: object) -> bool:
    """Whether a JSON value is an error: an object, or a list that begins with one (Gemini API), and no answer.

    A choice with an error and without content is an error (OpenRouter: Errors). A text or a number never is one.
    """
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict) or _has_content(first.get("choices")):
        return False
    return _is_named_one(first, _DEPTH) or _has_failed_choice(first.get("choices")) or _is_a_message(first)


def _is_named_one(document: dict[str, object], depth: int) -> bool:
    """Whether a field states an error, whatever the other fields are."""
    for name, value in document.items():
        plain = plain_name(name)
        if _ERROR_NAME.fullmatch(plain) and _means_failure(value):
            return True
        if plain in _SUCCESSES and (value is False or value == "false"):
            return True
        if plain in STATUSES and failed_status(value):
            return True
        if plain in _KINDS and isinstance(value, str) and _is_failed_word(value.strip().lower()):
            return True
        if depth and plain in _WRAPPERS and isinstance(value, dict) and _is_wrapped_one(plain, value, depth - 1):
            return True
    return False


def _is_wrapped_one(name: str, inner: dict[str, object], depth: int) -> bool:
    return _is_named_one(inner, depth) or (name != "response" and _has_bad_code(inner))


def _is_a_message(document: dict[str, object]) -> bool:
    """Whether there is a message and no field of an answer or an event."""
    fields = {plain_name(name): value for name, value in document.items()}
    if any(fields.get(name) for name in _ANSWERS):
        return False
    messages = [
        value for name, value in fields.items() if name in _MESSAGES and isinstance(value, (str, list)) and value
    ]
    if not messages or all(str(value).strip().lower() in _GOOD_CODES for value in messages):
        return False
    if _has_bad_code(document):
        return True
    return not any(isinstance(fields.get(kind), str) and fields[kind] for kind in _KINDS)


def _has_failed_choice(choices: object) -> bool:
    each = choices if isinstance(choices, list) else ()
    return any(isinstance(choice, dict) and _means_failure(choice.get("error")) for choice in each)


def _has_content(choices: object) -> bool:
    """Whether a choice holds any content."""
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        if choice.get("text"):
            return True
        for part in (choice.get("message"), choice.get("delta")):
            if isinstance(part, dict) and any(part[name] for name in part if name not in _FRAME_FIELDS):
                return True
    return False


def _has_bad_code(document: dict[str, object]) -> bool:
    return any(plain_name(name) in _CODES and _means_failure(value) for name, value in document.items())


def _means_failure(value: object) -> bool:
    """Whether the value of a code or error field is set and does not mean success."""
    if isinstance(value, str):
        return value.strip().lower() not in _GOOD_CODES and value.strip().lower() != "false"
    if isinstance(value, int) and not isinstance(value, bool):
        return value != 0 and not 200 <= value < 300
    return bool(value)


def failed_status(value: object) -> int:
    """Return a value as the HTTP status of a failure, from a number or digits; 0 if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else 0


def _is_failed_word(word: str) -> bool:
    word = word[:_LONGEST_WORD].rsplit("#", 1)[-1]
    return word in _FAILED_EVENTS if "." in word else _FAILED_WORD.fullmatch(word) is not None


def plain_name(name: str) -> str:
    """Return a field's name in lower case without "_" and "-", "" if it is too long."""
    return name.lower().replace("_", "").replace("-", "") if len(name) <= _LONGEST_WORD else ""
