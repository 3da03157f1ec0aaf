"""The neutral conversation → `system` and `messages`.

Sources: Anthropic API reference, Messages (ContentBlockParam); Claude docs, "Vision" (types of images), "PDF support",
"Prompt caching" (four marks), "Extended thinking" (reasoning goes back unchanged).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.translation import call_ids, data_urls, json_schemas, tool_forms
from switchover_dataplane.translation.conversation import Message, Placed
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import (
    CacheMark,
    Json,
    Media,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_MOST_MARKS: Final = 4
_IMAGES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_PDF: Final = "application/pdf"
_TTLS: Final = frozenset(("5m", "1h"))


class TurnWriter:
    """Writes blocks for one model, and collects what cannot be carried."""

    __slots__ = ("_model", "losses")

    def __init__(self, model: Model) -> None:
        self.losses: list[Loss] = []
        self._model = model

    def messages(self, messages: Sequence[Message]) -> list[dict[str, Json]]:
        """Write messages, of which those without a block that can be carried are left out."""
        written: list[dict[str, Json]] = []
        for message in messages:
            content = [block for placed in message.blocks for block in self._block(placed, message.speaker)]
            if content:
                written.append({"role": message.speaker, "content": content})
        if written and written[-1]["role"] == "assistant":
            _without_space(written[-1]["content"])
            if not written[-1]["content"]:
                written.pop()
        return written

    def system(self, texts: Sequence[Text]) -> list[dict[str, Json]]:
        """Write the system prompt."""
        return [marked({"type": "text", "text": text.text}, text.cache) for text in texts]

    def _block(self, placed: Placed, speaker: str) -> Iterator[dict[str, Json]]:
        block, path = placed
        match block:
            case Text(text, cache):
                yield marked({"type": "text", "text": text}, cache)
            case Media() if speaker == "user":
                yield from self._media(block, path)
            case Media():
                self.losses.append(grave(path, {}, f"Claude takes no {block.kind} in an answer"))
            case ToolCall():
                yield self._call(block, path)
            case ToolResult():
                yield self._result(block, path)
            case Thinking():
                yield from self._thinking(block, path)

    def _call(self, call: ToolCall, path: str) -> dict[str, Json]:
        if call.signature:
            self.losses.append(hint(path, call.signature, "another maker's signature of a call is not sent"))
        arguments = tool_forms.custom_arguments(call.arguments) if call.is_custom else call.arguments
        written = {
            "type": "tool_use",
            "id": call_ids.fitting(call_ids.MESSAGES, call.id),
            "name": tool_forms.flat_name(call.namespace, call.name),
            "input": json_schemas.as_object(arguments),
        }
        return marked(written, call.cache)

    def _result(self, result: ToolResult, path: str) -> dict[str, Json]:
        content: list[dict[str, Json]] = []
        for part in result.parts:
            if isinstance(part, Media):
                content += self._media(part, path)
            elif part.text.strip():
                content.append(marked({"type": "text", "text": part.text}, part.cache))
        written: dict[str, Json] = {
            "type": "tool_result",
            "tool_use_id": call_ids.fitting(call_ids.MESSAGES, result.call_id),
        }
        if content:
            is_text = len(content) == 1 and set(content[0]) == {"type", "text"}
            written["content"] = content[0]["text"] if is_text else content
        elif result.is_error:
            # Claude refuses an error without words.
            written["content"] = "error"
        if result.is_error:
            written["is_error"] = True
        return marked(written, result.cache)

    def _thinking(self, thinking: Thinking, path: str) -> Iterator[dict[str, Json]]:
        if thinking.maker != "claude" or not thinking.signature or self._model.family != "claude":
            self.losses.append(hint(path, thinking.text, "reasoning of another maker is not sent"))
        elif thinking.is_redacted:
            yield {"type": "redacted_thinking", "data": thinking.signature}
        else:
            yield {"type": "thinking", "thinking": thinking.text, "signature": thinking.signature}

    def _media(self, media: Media, path: str) -> Iterator[dict[str, Json]]:
        source = self._source(media, path)
        if source is None:
            return
        written: dict[str, Json] = {"type": media.kind, "source": source}
        if media.kind == "document" and media.name:
            written["title"] = media.name
        if media.detail not in ("", "auto"):
            self.losses.append(hint(path, media.detail, "Claude is told no detail of an image"))
        yield marked(written, media.cache)

    def _source(self, media: Media, path: str) -> dict[str, Json] | None:
        """Return the source of an image or a document; None if there is none that Claude takes."""
        if media.kind not in ("image", "document"):
            self.losses.append(grave(path, {}, f"Claude takes no {media.kind}"))
        elif media.file_id:
            self.losses.append(grave(path, media.file_id, "a file is known to the provider alone that holds it"))
        elif media.url:
            if media.url[:8].lower().startswith(("https://", "http://")):
                return {"type": "url", "url": media.url}
            self.losses.append(grave(path, media.url, "Claude fetches from https alone"))
        elif media.text and media.kind == "document":
            return {"type": "text", "media_type": "text/plain", "data": media.text}
        elif media.kind == "image" and media.media_type in _IMAGES:
            return {"type": "base64", "media_type": media.media_type, "data": media.data}
        elif media.kind == "document" and media.media_type == _PDF:
            return {"type": "base64", "media_type": _PDF, "data": media.data}
        else:
            text = data_urls.as_text(media.media_type, media.data) if media.kind == "document" else None
            if text:
                return {"type": "text", "media_type": "text/plain", "data": text}
            self.losses.append(grave(path, {}, f"Claude takes no {media.kind} of its type"))
        return None


def marked(block: dict[str, Json], mark: CacheMark | None) -> dict[str, Json]:
    """Return a block or a tool with its mark of the cache."""
    if mark is None:
        return block
    control = {"type": "ephemeral", **({"ttl": mark.ttl} if mark.ttl in _TTLS else {})}
    return {**block, "cache_control": control}


def _without_space(content: list[dict[str, Json]]) -> None:
    """Cut the white space at the end of the last answer, which Claude refuses (Claude docs, "Prefill")."""
    last = content[-1]
    if last.get("type") == "text":
        last["text"] = last["text"].rstrip()
        if not last["text"]:
            content.pop()


def _with_marks(body: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield the tools and blocks of a body that have a mark of the cache, in the order in which they are cached."""
    yield from (tool for tool in body.get("tools", ()) if "cache_control" in tool)
    yield from (block for block in body.get("system", ()) if "cache_control" in block)
    for message in body["messages"]:
        for block in message["content"]:
            inner = block.get("content") if block["type"] == "tool_result" else None
            yield from (part for part in (inner if isinstance(inner, list) else ()) if "cache_control" in part)
            if "cache_control" in block:
                yield block


def limit_marks(body: Mapping[str, Json]) -> list[Loss]:
    """Leave the last marks, which cover the most, where there are more than Claude takes."""
    blocks = list(_with_marks(body))
    for block in blocks[:-_MOST_MARKS]:
        del block["cache_control"]
    if len(blocks) <= _MOST_MARKS:
        return []
    return [hint("cache_control", blocks, f"Claude takes {_MOST_MARKS} marks of the cache, so the last ones stay")]


__all__ = ["TurnWriter", "limit_marks", "marked"]
