"""A whole answer in the plainest form of its API → that it is good, without looking any further.

Nearly every good answer has this form: text, an ordinary end, no error. All others are judged by `whole_answer.py`,
which finds every answer good that is good here; a test holds that. One strict decoder costs a tenth of a judgement.
"""

from typing import Annotated, Any, Final, Literal

import msgspec

from switchover_dataplane.formats.api import Api

_MOST: Final = 32 * 1024
"""Bytes of the longest text that is decoded here: one that cannot hold more values than are made."""

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


_FORMS: Final[dict[Api, "msgspec.json.Decoder[Any]"]] = {
    Api.CHAT: msgspec.json.Decoder(_Completion),
    Api.MESSAGES: msgspec.json.Decoder(_Messages),
}


def is_plainly_good(api: Api, text: bytes) -> bool:
    """Tell whether a text is a good answer of an API at first sight; False says nothing."""
    decoder = _FORMS.get(api)
    if decoder is None or len(text) > _MOST:
        return False
    try:
        decoder.decode(text)
    except (ValueError, RecursionError):
        return False
    return True
