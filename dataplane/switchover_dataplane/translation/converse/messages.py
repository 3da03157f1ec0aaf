"""The turns of a neutral request → `messages` and `system` of Converse.

Roles take turns, a user begins, results of tools come first, and no text is empty. Source: Amazon Bedrock User Guide,
"Using the Converse API"; botocore's model of bedrock-runtime (Message, ContentBlock).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from switchover_dataplane.translation.call_ids import CONVERSE, fitting
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.media import MediaWriter
from switchover_dataplane.translation.converse.tool_names import ToolKey
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import (
    CacheMark,
    Json,
    Media,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

Content = dict[str, Json]

_NO_PREFILL_SINCE: Final = (4, 6)
"""Claude docs, "API errors": from then on a conversation must end with a user message."""
_HOUR_SINCE: Final = (4, 5)
"""Amazon Bedrock User Guide, "Prompt caching": the first Claude whose cache may last an hour."""
_NOTHING: Final = "(no output)"
_BEGINNING: Final = "(The conversation begins.)"
_ATTACHED: Final = "(See the document.)"


def cache_point(mark: CacheMark, model: Model) -> Content:
    """Write the point up to which a prompt is cached. The default, five minutes, is not written."""
    if mark.ttl == "1h" and model.family == "claude" and model.version >= _HOUR_SINCE:
        return {"cachePoint": {"type": "default", "ttl": "1h"}}
    return {"cachePoint": {"type": "default"}}


class MessageWriter:
    """Writes the conversation of one request."""

    def __init__(self, model: Model, names: Mapping[ToolKey, str], losses: list[Loss]) -> None:
        self._model = model
        self._names = names
        self._losses = losses
        self._media = MediaWriter(model, losses)
        # Other models refuse a cache point, and an answer is the same without it.
        self._caches = model.family == "claude" or "nova" in model.name.lower()

    def system(self, request: Request) -> list[Content]:
        """Write the prompts that stand before the conversation, and those within it, which have no place there."""
        written: list[Content] = []
        for text in request.system:
            self._add_text(written, text)
        has_begun = False
        for turn in request.turns:
            if turn.role not in ("system", "developer"):
                has_begun = True
                continue
            if has_begun:
                self._losses.append(hint(turn.path, {}, "instructions go before the conversation"))
            for block in turn.blocks:
                if isinstance(block, Text):
                    self._add_text(written, block)
                else:
                    self._losses.append(grave(turn.path, {}, "instructions are text"))
        return written

    def messages(self, request: Request) -> list[Content]:
        """Write the turns of user and assistant."""
        messages: list[Content] = []
        for turn in request.turns:
            if turn.role in ("system", "developer"):
                continue
            if turn.name:
                self._losses.append(hint(turn.path, turn.name, "Bedrock has no names of participants"))
            content = self._content(turn)
            if not content:
                continue
            if messages and messages[-1]["role"] == turn.role:
                messages[-1]["content"] += content
            else:
                messages.append({"role": turn.role, "content": content})
        for message in messages:
            message["content"] = _in_order(message["content"])
        if messages and messages[0]["role"] == "assistant":
            messages.insert(0, {"role": "user", "content": [{"text": _BEGINNING}]})
            self._losses.append(hint(request.turns[0].path, {}, "a user must begin, so a line was put before it"))
        self._end(messages, request)
        return messages

    def _end(self, messages: list[Content], request: Request) -> None:
        """Look after an answer that the model is to continue."""
        if not messages or messages[-1]["role"] != "assistant":
            return
        last = messages[-1]["content"][-1]
        if self._model.family == "claude" and self._model.version >= _NO_PREFILL_SINCE:
            self._losses.append(grave(request.turns[-1].path, {}, "this model does not continue an answer"))
        if "text" in last:
            last["text"] = last["text"].rstrip()

    def _content(self, turn: Turn) -> list[Content]:
        content: list[Content] = []
        for block in turn.blocks:
            match block:
                case Text():
                    self._add_text(content, block)
                case Refusal(text):
                    self._add_text(content, Text(text))
                case Media():
                    self._add_media(content, block, turn)
                case Thinking():
                    self._add_thinking(content, block, turn)
                case ToolCall():
                    content.append({"toolUse": self._tool_use(block, turn)})
                    self._add_mark(content, block.cache)
                case ToolResult():
                    content.append({"toolResult": self._tool_result(block, turn)})
                    self._add_mark(content, block.cache or _mark_within(block))
        return content

    def _add_text(self, content: list[Content], text: Text) -> None:
        if text.text and not text.text.isspace():
            content.append({"text": text.text})
        if content:
            self._add_mark(content, text.cache)

    def _add_mark(self, content: list[Content], mark: CacheMark | None) -> None:
        if mark is not None and self._caches and "cachePoint" not in content[-1]:
            content.append(cache_point(mark, self._model))

    def _add_media(self, content: list[Content], media: Media, turn: Turn) -> None:
        if turn.role != "user":
            self._losses.append(grave(turn.path, {}, f"Bedrock takes no {media.kind} of an assistant"))
            return
        block = self._media.block(media, turn.path)
        if block is not None:
            content.append(block)
            self._add_mark(content, media.cache)

    def _add_thinking(self, content: list[Content], block: Thinking, turn: Turn) -> None:
        if turn.role != "assistant" or self._model.family != "claude" or block.maker != "claude" or not block.signature:
            self._losses.append(hint(turn.path, block.text, "reasoning is valid at its own maker alone"))
        elif block.is_redacted:
            content.append({"reasoningContent": {"redactedContent": words.redacted_of(block.signature)}})
        else:
            text = {"text": block.text, "signature": block.signature}
            content.append({"reasoningContent": {"reasoningText": text}})

    def _tool_use(self, call: ToolCall, turn: Turn) -> Content:
        name = self._names[call.namespace, call.name]
        return {"toolUseId": fitting(CONVERSE, call.id), "name": name, "input": self._input(call, turn)}

    def _input(self, call: ToolCall, turn: Turn) -> Content:
        """Return the arguments as an object; any other value stands in a field of one."""
        if call.is_custom:
            return {"input": call.arguments}
        try:
            value = msgspec.json.decode(call.arguments or "{}")
        except (ValueError, RecursionError):
            value = call.arguments
        if isinstance(value, dict):
            return value
        self._losses.append(hint(turn.path, value, "the arguments of a call are an object"))
        return {"input": value}

    def _tool_result(self, result: ToolResult, turn: Turn) -> Content:
        content: list[Content] = []
        for part in result.parts:
            if isinstance(part, Media):
                block = self._result_media(part, turn)
                if block is not None:
                    content.append(block)
            elif part.text and not part.text.isspace():
                content.append({"text": part.text})
        return {
            "toolUseId": fitting(CONVERSE, result.call_id),
            "content": content or [{"text": _NOTHING}],
            "status": "error" if result.is_error else "success",
        }

    def _result_media(self, media: Media, turn: Turn) -> Content | None:
        if media.kind == "audio":
            self._losses.append(grave(turn.path, {}, "Bedrock takes no audio in a result"))
            return None
        return self._media.block(media, turn.path)


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
