"""The turns of a conversation of texts alone: who says each, and its texts. Any other part makes it none.

Sources: the "Create" pages of OpenAI's API reference (messages, input), Anthropic API reference (MessageParam), Gemini
API reference (Content).
"""

from typing import Annotated, Any, Final, Literal

import msgspec

_Words = Annotated[str, msgspec.Meta(min_length=1)]


class _Piece(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text", "input_text", "output_text"]
    text: _Words


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant"]
    content: _Words | Annotated[list[_Piece], msgspec.Meta(min_length=1, max_length=64)]


class _Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    text: _Words


class _Content(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    parts: Annotated[list[_Part], msgspec.Meta(min_length=1, max_length=64)]
    role: Literal["user", "model"] = "user"


_FEW: Final = msgspec.Meta(min_length=1, max_length=256)
_turns: Final = msgspec.json.Decoder(Annotated[list[_Turn], _FEW])
_contents: Final = msgspec.json.Decoder(Annotated[list[_Content], _FEW])

Shape = tuple[str | tuple[str, ...], ...]
"""Who says each turn; where the turn has a list of texts, also the type of each."""


def read(name: str, turns: msgspec.Raw) -> tuple[Shape, list[str]] | None:
    """Return the shape of a conversation and its texts in their order; None for a conversation of another kind.

    `name` is the field of the body that holds it. A text is not taken that is blank, or has white space at an end.
    """
    texts: list[str] = []
    try:
        if name == "contents":
            shape = tuple([_content(each, texts) for each in _contents.decode(turns)])
        else:
            shape = tuple([_turn(each, texts) for each in _turns.decode(turns)])
    except (ValueError, RecursionError):
        return None
    for text in texts:
        if text[0].isspace() or text[-1].isspace():
            return None
    return shape, texts


def _turn(turn: _Turn, texts: list[str]) -> str | tuple[str, ...]:
    content = turn.content
    if isinstance(content, str):
        texts.append(content)
        return turn.role
    texts.extend([piece.text for piece in content])
    return (turn.role, *[piece.type for piece in content])


def _content(content: _Content, texts: list[str]) -> str | tuple[str, ...]:
    texts.extend([part.text for part in content.parts])
    return (content.role, *["text" for _ in content.parts])


def put_in(name: str, body: dict[str, Any], texts: list[str]) -> None:
    """Put other texts into the turns of a decoded body, in their order."""
    left = iter(texts)
    for turn in body[name]:
        if "parts" not in turn and isinstance(turn["content"], str):
            turn["content"] = next(left)
            continue
        for piece in turn["parts" if "parts" in turn else "content"]:
            piece["text"] = next(left)
