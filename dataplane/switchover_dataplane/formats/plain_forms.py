"""The most common form of a good answer of each API: text, a regular end, no error. The decoders are strict."""

from typing import Annotated, Final, Literal

import msgspec

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


CHAT: Final = msgspec.json.Decoder(_Completion)
MESSAGES: Final = msgspec.json.Decoder(_Messages)
