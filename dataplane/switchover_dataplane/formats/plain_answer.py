"""A whole answer in the most common form of its API → whether it is good, by one strict decoder.

Nearly every good answer has this form: text, a regular end, no error. `whole_answer.py` checks all others, and accepts
every answer that this module accepts; a test checks that. The strict decoder costs a tenth of the full check.
"""

from typing import Annotated, Final, Literal

import msgspec

from switchover_dataplane.formats.api import Api

_MOST: Final = 32 * 1024
"""Maximum bytes of a text that is decoded here: a text of this size cannot hold too many values."""

_Words = Annotated[str, msgspec.Meta(min_length=1)]


class _Message(msgspec.Struct, gc=False):
    content: _Words


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: Literal["stop", "length"]
    text: str | None = None
    error: None = None


class _Completion(msgspec.Struct, gc=False):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1, max_length=128)]
    error: None = None


class _Text(msgspec.Struct, gc=False):
    type: Literal["text"]
    text: _Words


class _Messages(msgspec.Struct, gc=False):
    type: Literal["message"]
    content: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=128)]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence"]
    error: None = None


_chat: Final = msgspec.json.Decoder(_Completion)
_messages: Final = msgspec.json.Decoder(_Messages)


def is_plainly_good(api: Api, text: bytes) -> bool:
    """Whether a text is a good answer of an API in its most common form; False means that it needs the full check."""
    if len(text) > _MOST:
        return False
    try:
        if api is Api.CHAT:
            _chat.decode(text)
        elif api is Api.MESSAGES:
            _messages.decode(text)
        else:
            return False
    except (ValueError, RecursionError):
        return False
    return True
