"""The blocks of a message of a client → neutral blocks, and what of them the neutral form has no place for.

Source: Anthropic API reference, Messages (ContentBlockParam).
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.translation import data_urls, json_schemas
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    BadRequest,
    Block,
    CacheMark,
    Json,
    Media,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

NO_PLACE: Final = "other APIs have no place for it"


class BlockReader:
    """Reads blocks and collects their losses."""

    __slots__ = ("losses",)

    def __init__(self) -> None:
        self.losses: list[Loss] = []

    def content(self, fields: Fields, name: str) -> list[Block]:
        """Read a content: a text, or a list of blocks; results of tools come before the rest.

        Raises:
            BadRequest: it is neither, or a block has a field of a wrong type.
        """
        value = fields.raw(name)
        if isinstance(value, str):
            return [Text(value)]
        if value is None:
            raise fields.wrong(name, "a text or a list of blocks")
        blocks = [block for part in fields.parts(name) for block in self._block(part)]
        return sorted(blocks, key=lambda block: not isinstance(block, ToolResult))

    def texts(self, fields: Fields, name: str) -> tuple[Text, ...]:
        """Read a content that is texts alone: a system prompt."""
        value = fields.raw(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (Text(value),) if value else ()
        return tuple(block for part in fields.parts(name) for block in self._block(part) if isinstance(block, Text))

    def rest(self, fields: Fields) -> None:
        """Name the fields that nobody read as hints."""
        self.losses += [hint(fields.at(name), fields.raw(name), NO_PLACE) for name in fields.rest()]

    def _block(self, fields: Fields) -> Iterator[Block]:
        kind = fields.needed_text("type")
        mark = cache_mark(fields)
        match kind:
            case "text":
                yield self._text(fields, mark)
            case "image" | "document":
                yield from self._media(fields, mark)
            case "search_result":
                yield self._search_result(fields, mark)
            case "tool_use":
                yield self._call(fields, mark)
            case "tool_result":
                yield self._result(fields, mark)
            case "thinking" | "redacted_thinking":
                yield from self._thinking(fields, kind)
            case "fallback":
                # Anthropic's own mark of a change of the model: it says nothing to a model.
                return
            case _:
                self.losses.append(grave(fields.path, {}, f"{NO_PLACE} (a block of the type {kind[:64]})"))
                return
        self.rest(fields)

    def _text(self, fields: Fields, mark: CacheMark | None) -> Text:
        value = fields.raw("text")
        if not isinstance(value, str):
            raise fields.wrong("text", "a text")
        if not fields.raw("citations"):
            return Text(value, mark)
        self.losses.append(hint(fields.at("citations"), fields.raw("citations"), NO_PLACE))
        return Text(value, mark)

    def _call(self, fields: Fields, mark: CacheMark | None) -> ToolCall:
        given = fields.raw("input")
        caller = fields.raw("caller")
        if caller is not None and type_of(caller) != "direct":
            self.losses.append(hint(fields.at("caller"), caller, NO_PLACE))
        arguments = json_schemas.as_text({} if given is None else given)
        return ToolCall(fields.needed_text("id"), fields.needed_text("name"), arguments, cache=mark)

    def _result(self, fields: Fields, mark: CacheMark | None) -> ToolResult:
        parts: list[Text | Media] = []
        for block in self.content(fields, "content") if fields.has("content") else []:
            if isinstance(block, Text | Media):
                parts.append(block)
            else:
                self.losses.append(grave(fields.at("content"), {}, "a result holds texts, images and documents alone"))
        fields.raw("content")
        return ToolResult(fields.needed_text("tool_use_id"), tuple(parts), fields.flag("is_error") is True, cache=mark)

    def _thinking(self, fields: Fields, kind: str) -> Iterator[Thinking]:
        """Read reasoning: without a signature it is that of another maker, which the writer of this format gave."""
        if kind == "redacted_thinking":
            yield Thinking("", "claude", fields.needed_text("data"), is_redacted=True)
            return
        text, signature = fields.text("thinking"), fields.text("signature")
        if signature:
            yield Thinking(text, "claude", signature)
        else:
            self.losses.append(hint(fields.path, {}, "it is reasoning without the signature of its maker"))

    def _search_result(self, fields: Fields, mark: CacheMark | None) -> Text:
        texts = [block.text for block in self.content(fields, "content") if isinstance(block, Text)]
        fields.raw("citations")
        self.losses.append(hint(fields.path, {}, "a search result is given as a text"))
        return Text("\n".join([fields.text("title"), fields.text("source"), "", *texts]), mark)

    def _media(self, fields: Fields, mark: CacheMark | None) -> Iterator[Block]:
        name, context = fields.text("title"), fields.text("context")
        if context:
            self.losses.append(hint(fields.at("context"), context, "it stands as a text before the document"))
            yield Text(context)
        citations = fields.raw("citations")
        if isinstance(citations, dict) and citations.get("enabled"):
            self.losses.append(hint(fields.at("citations"), citations, NO_PLACE))
        source = fields.needed_part("source")
        kind = source.needed_text("type")
        is_image = fields.raw("type") == "image"
        media = Media("image" if is_image else "document", name=name, cache=mark)
        match kind:
            case "base64":
                yield replace(media, media_type=source.text("media_type").lower(), data=_base64(source))
            case "url":
                yield replace(media, url=source.needed_text("url"))
            case "file":
                yield replace(media, file_id=source.needed_text("file_id"))
            case "text" if not is_image:
                yield replace(media, media_type=source.text("media_type") or "text/plain", text=source.text("data"))
            case "content" if not is_image:
                yield from self._inner(source, media)
            case _:
                self.losses.append(grave(source.path, {}, f"{NO_PLACE} (a source of the type {kind[:64]})"))
                return
        self.rest(source)

    def _inner(self, source: Fields, media: Media) -> Iterator[Block]:
        """Read a document of blocks: its texts are one document, and its images follow."""
        blocks = self.content(source, "content")
        text = "\n\n".join(block.text for block in blocks if isinstance(block, Text))
        if text:
            yield replace(media, media_type="text/plain", text=text)
        images = [block for block in blocks if isinstance(block, Media)]
        if images:
            self.losses.append(hint(source.at("content"), images, "the images of the document stand after its text"))
        yield from images


def cache_mark(fields: Fields) -> CacheMark | None:
    """Read `cache_control`."""
    control = fields.part("cache_control")
    return None if control is None else CacheMark(control.text("ttl"))


def _base64(source: Fields) -> str:
    data = source.needed_text("data")
    try:
        return data_urls.plain_base64(data)
    except ValueError:
        raise BadRequest(source.at("data"), "must be base64") from None


def on_last(blocks: list[Block], mark: CacheMark) -> list[Block]:
    """Put a mark on the last block that may have one (`cache_control` of the body)."""
    for place in range(len(blocks) - 1, -1, -1):
        block = blocks[place]
        if isinstance(block, Text | Media | ToolCall | ToolResult):
            return [*blocks[:place], replace(block, cache=mark), *blocks[place + 1 :]]
    return blocks


def is_list(value: Json) -> bool:
    """Whether a value is a list with something in it."""
    return isinstance(value, list) and bool(value)
