"""The body of an error → the provider's own words and its code, as they stand, to be shown to a client.

`error_body.py` reads the same fields to classify the error, in lower case and as one text.
"""

from typing import Final, NamedTuple

from switchover_dataplane.classify.error_body import error_of, leaves
from switchover_dataplane.classify.error_fields import MORE_THAN_A_NAME, role_of
from switchover_dataplane.formats import lenient_json

MOST_TEXT: Final = 4 * 1024
"""Characters of a message that are shown."""

_LONGEST_CODE: Final = 128
_MESSAGES: Final = ("message", "msg", "errormessage", "errormsg", "detail")
_DEPTH: Final = 8


class OwnWords(NamedTuple):
    """What a provider says of an error: its message and its code, "" where it has none."""

    message: str
    code: str


def own_words(body: bytes) -> OwnWords:
    """Return the first message of an error and its first code that is a word; a plain text is a message as a whole."""
    text = body.removeprefix(lenient_json.BYTE_ORDER_MARK)
    try:
        document = lenient_json.decode(text)
    except (ValueError, RecursionError):
        return OwnWords("" if text.lstrip()[:1] in (b"{", b"[", b"<") else _shown(text.decode("utf-8", "replace")), "")
    message = code = ""
    for name, value in leaves(error_of(document) or document, _DEPTH, "message"):
        role = role_of(name[:MORE_THAN_A_NAME])
        if role.is_message and not message and (role.plain in _MESSAGES or " " in value.strip()):
            message = value
        elif role.is_code and not code and not value.isdigit() and "/" not in value:
            code = value
    return OwnWords(_shown(message), code[:_LONGEST_CODE])


def _shown(text: str) -> str:
    return lenient_json.joined(text.strip()[:MOST_TEXT])
