"""The parts of a client's contents → neutral blocks, and what of them the neutral form has no place for.

Source: Gemini API reference, Content and Part.
"""

from collections.abc import Iterator
from typing import Final, Literal

from switchover_dataplane.translation import data_urls, json_schemas
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    BadRequest,
    Block,
    Media,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

NO_PLACE: Final = "other APIs have no place for it"
_KINDS: Final = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_OF_GOOGLE: Final = ("gs://", "https://generativelanguage.googleapis.com/")
_VIDEOS: Final = ("https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/")


def is_googles(uri: str) -> bool:
    """Whether a URI names a file that Google's own services alone can read."""
    return uri.startswith(_OF_GOOGLE)


def is_video(uri: str) -> bool:
    """Whether a URI names a video of YouTube, which Gemini watches."""
    return uri.startswith(_VIDEOS)


class PartReader:
    """Reads parts and collects their losses."""

    __slots__ = ("losses",)

    def __init__(self) -> None:
        self.losses: list[Loss] = []

    def blocks(self, content: Fields) -> list[Block]:
        """Read the parts of a content; results of functions come before the rest.

        Raises:
            BadRequest: a field has a wrong type.
        """
        blocks = [block for part in content.parts("parts") for block in self._part(part)]
        return sorted(blocks, key=lambda block: not isinstance(block, ToolResult))

    def rest(self, fields: Fields) -> None:
        """Name the fields that nobody read as hints."""
        self.losses += [hint(fields.at(name), fields.raw(name), NO_PLACE) for name in fields.rest()]

    def _part(self, part: Fields) -> Iterator[Block]:
        kind = next((name for name in _KINDS if part.has(name)), "")
        if not kind:
            if part.rest():
                self.losses.append(grave(part.path, {}, f"{NO_PLACE} ({', '.join(part.rest())[:64]})"))
            return
        signature, is_thought = part.text("thoughtSignature"), part.flag("thought") is True
        match kind:
            case "text":
                yield from _texts(part.text("text"), signature, is_thought=is_thought)
            case "inlineData":
                blob = part.needed_part("inlineData")
                yield self._inline(blob)
            case "fileData":
                yield self._file(part.needed_part("fileData"))
            case "functionCall":
                yield self._call(part.needed_part("functionCall"), signature)
            case _:
                yield self._result(part.needed_part("functionResponse"))
        self.rest(part)

    def _inline(self, blob: Fields) -> Media:
        media_type = blob.text("mimeType").lower()
        data = blob.needed_text("data")
        try:
            data = data_urls.plain_base64(data)
        except ValueError:
            raise BadRequest(blob.at("data"), "must be base64") from None
        name = blob.text("displayName")
        self.rest(blob)
        return Media(_kind_of(media_type), media_type=media_type, data=data, name=name)

    def _file(self, file: Fields) -> Media:
        uri, media_type = file.needed_text("fileUri"), file.text("mimeType").lower()
        name = file.text("displayName")
        self.rest(file)
        if is_googles(uri):
            return Media(_kind_of(media_type), media_type=media_type, file_id=uri, name=name)
        kind = "video" if is_video(uri) else _kind_of(media_type)
        return Media(kind, media_type=media_type, url=uri, name=name)

    def _call(self, call: Fields, signature: str) -> ToolCall:
        given = call.object("args")
        arguments = json_schemas.as_text({} if given is None else given)
        made = ToolCall(call.text("id"), call.needed_text("name"), arguments, signature=signature)
        self.rest(call)
        return made

    def _result(self, result: Fields) -> ToolResult:
        """Read a result: `output` and `error` are the words of the API for it, any other object is one itself."""
        response = result.object("response") or {}
        is_error = set(response) == {"error"}
        value = response["error"] if is_error else response["output"] if set(response) == {"output"} else response
        text = value if isinstance(value, str) else json_schemas.as_text(value)
        parts: list[Text | Media] = [Text(text)] if text else []
        for part in result.parts("parts"):
            parts += [block for block in self._part(part) if isinstance(block, Media)]
        made = ToolResult(result.text("id"), tuple(parts), is_error, result.needed_text("name"))
        self.rest(result)
        return made


def _texts(text: str, signature: str, *, is_thought: bool) -> Iterator[Block]:
    """Read a text; a signature beside an answer is reasoning without words."""
    if is_thought:
        yield Thinking(text, "gemini", signature)
        return
    if text:
        yield Text(text)
    if signature:
        yield Thinking("", "gemini", signature)


def _kind_of(media_type: str) -> Literal["image", "document", "audio", "video"]:
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"
