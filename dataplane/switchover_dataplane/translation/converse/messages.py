"""The turns of a neutral request → `messages` and `system` of Converse.

Roles take turns, a user begins, results of tools come first, and no text is empty. Source: Amazon Bedrock User Guide,
"Using the Converse API"; botocore's model of bedrock-runtime (Message, ContentBlock).
"""

from collections.abc import Sequence
from typing import Final

from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.call_ids import CONVERSE, fitting
from switchover_dataplane.translation.conversation import Message, Placed
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.media import MediaWriter
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import (
    CacheMark,
    Json,
    Media,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from switchover_dataplane.translation.tool_forms import flat_name

Content = dict[str, Json]

_HOUR_SINCE: Final = (4, 5)
"""Amazon Bedrock User Guide, "Prompt caching": the first Claude whose cache may last an hour."""
_NOTHING: Final = "(no output)"
BEGINNING: Final = "(The conversation begins.)"
_ATTACHED: Final = "(See the document.)"


def cache_point(mark: CacheMark, model: Model) -> Content:
    """Write the point up to which a prompt is cached. The default, five minutes, is not written."""
    if mark.ttl == "1h" and model.family == "claude" and model.version >= _HOUR_SINCE:
        return {"cachePoint": {"type": "default", "ttl": "1h"}}
    return {"cachePoint": {"type": "default"}}


class MessageWriter:
    """Writes the conversation of one request."""

    def __init__(self, model: Model, losses: list[Loss]) -> None:
        self._model = model
        self._losses = losses
        self._media = MediaWriter(model, losses)
        # Other models refuse a cache point, and an answer is the same without it.
        self._caches = model.family == "claude" or "nova" in model.name.lower()

    def system(self, texts: Sequence[Text]) -> list[Content]:
        """Write the prompts that stand before the conversation."""
        written: list[Content] = []
        for text in texts:
            self._add_text(written, text)
        return written

    def messages(self, given: Sequence[Message]) -> list[Content]:
        """Write the conversation; what cannot be carried may leave neighbours that are equal."""
        messages: list[Content] = []
        for message in given:
            content = self._content(message)
            if content and messages and messages[-1]["role"] == message.speaker:
                messages[-1]["content"] += content
            elif content:
                messages.append({"role": message.speaker, "content": content})
        for written in messages:
            written["content"] = _in_order(written["content"])
        if messages and messages[0]["role"] == "assistant":
            messages.insert(0, {"role": "user", "content": [{"text": BEGINNING}]})
            self._losses.append(hint(given[0].blocks[0].path, {}, "a user must begin, so a line was put before it"))
        if messages and messages[-1]["role"] == "assistant" and "text" in messages[-1]["content"][-1]:
            last = messages[-1]["content"][-1]
            last["text"] = last["text"].rstrip()
        return messages

    def _content(self, message: Message) -> list[Content]:
        content: list[Content] = []
        for placed in message.blocks:
            match placed.block:
                case Text() as text:
                    self._add_text(content, text)
                case Refusal(text=words_of_it):
                    self._add_text(content, Text(words_of_it))
                case Media() as media:
                    self._add_media(content, media, placed.path, message.speaker)
                case Thinking() as thinking:
                    self._add_thinking(content, thinking, placed.path, message.speaker)
                case ToolCall() as call:
                    content.append({"toolUse": self._tool_use(call, placed)})
                    self._add_mark(content, call.cache)
                case ToolResult() as result:
                    content.append({"toolResult": self._tool_result(result, placed)})
                    self._add_mark(content, result.cache or _mark_within(result))
        return content

    def _add_text(self, content: list[Content], text: Text) -> None:
        if text.text and not text.text.isspace():
            content.append({"text": text.text})
        if content:
            self._add_mark(content, text.cache)

    def _add_mark(self, content: list[Content], mark: CacheMark | None) -> None:
        if mark is not None and self._caches and "cachePoint" not in content[-1]:
            content.append(cache_point(mark, self._model))

    def _add_media(self, content: list[Content], media: Media, path: str, speaker: str) -> None:
        if speaker != "user":
            self._losses.append(grave(path, {}, f"Bedrock takes no {media.kind} of an assistant"))
            return
        block = self._media.block(media, path)
        if block is not None:
            content.append(block)
            self._add_mark(content, media.cache)

    def _add_thinking(self, content: list[Content], block: Thinking, path: str, speaker: str) -> None:
        is_own = self._model.family == "claude" and block.maker == "claude" and bool(block.signature)
        if speaker != "assistant" or not is_own:
            self._losses.append(hint(path, block.text, "reasoning is valid at its own maker alone"))
        elif block.is_redacted:
            content.append({"reasoningContent": {"redactedContent": words.redacted_of(block.signature)}})
        else:
            text = {"text": block.text, "signature": block.signature}
            content.append({"reasoningContent": {"reasoningText": text}})

    def _tool_use(self, call: ToolCall, placed: Placed) -> Content:
        if call.signature:
            self._losses.append(
                hint(placed.path, call.signature, "the signature of a call is valid at its maker alone")
            )
        given: Content = {"input": call.arguments} if call.is_custom else json_schemas.as_object(call.arguments)
        if not call.is_custom and not call.arguments.lstrip().startswith("{") and call.arguments.strip():
            self._losses.append(hint(placed.path, call.arguments, "the arguments of a call are an object"))
        return {
            "toolUseId": fitting(CONVERSE, call.id),
            "name": flat_name(call.namespace, call.name),
            "input": given,
        }

    def _tool_result(self, result: ToolResult, placed: Placed) -> Content:
        content: list[Content] = []
        for part in result.parts:
            if isinstance(part, Media):
                block = self._result_media(part, placed.path)
                if block is not None:
                    content.append(block)
            elif part.text and not part.text.isspace():
                content.append({"text": part.text})
        return {
            "toolUseId": fitting(CONVERSE, result.call_id),
            "content": content or [{"text": _NOTHING}],
            "status": "error" if result.is_error else "success",
        }

    def _result_media(self, media: Media, path: str) -> Content | None:
        if media.kind == "audio":
            self._losses.append(grave(path, {}, "Bedrock takes no audio in a result"))
            return None
        return self._media.block(media, path)


def _mark_within(result: ToolResult) -> CacheMark | None:
    """Return the mark of a part of a result, which has no place in it: it goes after the result."""
    return next((part.cache for part in reversed(result.parts) if part.cache is not None), None)


def _in_order(content: Sequence[Content]) -> list[Content]:
    """Put results of tools first, each with its cache point, and give documents the text that they need beside them."""
    results: list[Content] = []
    others: list[Content] = []
    place = others
    for block in content:
        if "cachePoint" not in block:
            place = results if "toolResult" in block else others
        place.append(block)
    if any("document" in block for block in others) and not any("text" in block for block in others):
        others.append({"text": _ATTACHED})
    return results + others
