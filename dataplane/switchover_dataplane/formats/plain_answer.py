"""A whole answer in the most common form of its API → whether it is good, by one strict decoder.

Nearly every good answer has this form: text, a regular end, no error. `whole_answer.py` checks all others, and accepts
every answer that this module accepts; a test checks that. The strict decoder costs a tenth of the full check.
"""

from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.plain_forms import CHAT, MESSAGES

_MOST: Final = 32 * 1024
"""Maximum bytes of a text that is decoded here: a text of this size cannot hold too many values."""

_CHAT: Final = Api.CHAT
_MESSAGES: Final = Api.MESSAGES


def is_plainly_good(api: Api, text: bytes) -> bool:
    """Whether a text is a good answer of an API in its most common form; False means that it needs the full check."""
    if len(text) > _MOST:
        return False
    try:
        if api is _CHAT:
            CHAT.decode(text)
        elif api is _MESSAGES:
            MESSAGES.decode(text)
        else:
            return False
    except (ValueError, RecursionError):
        return False
    return True
