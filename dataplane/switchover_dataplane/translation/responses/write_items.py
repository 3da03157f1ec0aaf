"""Turns → the items of a Responses request.

Source: OpenAI API reference, "Create a model response" (input items).
"""

from collections.abc import Iterable, Sequence

from switchover_dataplane.translation import call_ids, data_urls
from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    Block,
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
from switchover_dataplane.translation.openai_targets import is_openai, named_text
from switchover_dataplane.translation.tool_forms import custom_arguments, flat_name

_STARTS_ANEW = "the model starts anew instead of going on with the last message"


class Items:
    """Writes the items of one request. `has_proof`: encrypted reasoning is among them."""

    def __init__(self, asker: Asker, losses: list[Loss]) -> None:
        self.written: list[Json] = []
        self.has_proof = False
        self._is_openai = is_openai(asker)
        self._losses = losses
        self._custom: set[str] = set()

    def add(self, request: Request) -> None:
        """Write all turns."""
        for turn in request.turns:
            if turn.role == "assistant":
                self._assistant(turn)
            else:
                self._user(turn)
        last = self.written[-1] if self.written else {}
        if last.get("role") == "assistant":
            self._losses.append(grave(request.turns[-1].path or "input", {}, _STARTS_ANEW))

    def _user(self, turn: Turn) -> None:
        for block in turn.blocks:
            if isinstance(block, ToolResult):
                self._result(block, turn.path)
        rest = [block for block in turn.blocks if not isinstance(block, ToolResult)]
        parts = self._parts(rest, turn.path)
        if parts:
            role = "system" if turn.role == "developer" and not self._is_openai else turn.role
            self.written.append({"type": "message", "role": role, "content": _content(parts)})
        if turn.name:
            self._losses.append(hint(turn.path, turn.name, "the target's API has no names of participants"))

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parts(self, blocks: Iterable[Block], path: str) -> list[Json]:
        parts: list[Json] = []
        for block in blocks:
            match block:
                case Text(text) | Refusal(text):
                    parts.append(_text(text))
                case Media():
                    part = _media(block)
                    if part is None:
                        self._losses.append(grave(path, {}, f"the target takes no {block.kind} of this kind"))
                    else:
                        parts.append(part)
                case _:
                    self._losses.append(grave(path, {}, "a user's message has no such part there"))
        return parts

    def _result(self, result: ToolResult, path: str) -> None:
        parts = self._parts(result.parts, path)
        if result.is_error:
            parts.insert(0, _text("Error:" if parts else "Error: the tool failed"))
        kind = "custom_tool_call_output" if result.call_id in self._custom else "function_call_output"
        output = _content(parts) if parts else ""
        self.written.append({"type": kind, "call_id": _id(result.call_id), "output": output})

    # ── Assistant ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _assistant(self, turn: Turn) -> None:
        said: list[Json] = []
        for block in turn.blocks:
            match block:
                case Text(text):
                    said.append({"type": "output_text", "text": text})
                case Refusal(text):
                    said.append({"type": "refusal", "refusal": text})
                case ToolCall():
                    said = self._say(said)
                    self.written.append(self._call(block, turn.path))
                case Thinking():
                    said = self._say(said)
                    self._thinking(block, turn.path)
                case _:
                    self._losses.append(grave(turn.path, {}, "a message of the assistant is text there"))
        self._say(said)

    def _say(self, said: list[Json]) -> list[Json]:
        """Write what the assistant said so far as one message; return an empty list for what follows."""
        if said:
            self.written.append({"type": "message", "role": "assistant", "content": _content(said)})
        return []

    def _call(self, call: ToolCall, path: str) -> Json:
        if call.signature:
            self._losses.append(hint(path, call.signature, "the signature of a call goes back to its own maker alone"))
        call_id = _id(call.id)
        if not self._is_openai:
            arguments = custom_arguments(call.arguments) if call.is_custom else call.arguments
            name = flat_name(call.namespace, call.name)
            return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        named: dict[str, Json] = {"call_id": call_id, "name": call.name}
        if call.namespace:
            named["namespace"] = call.namespace
        if call.is_custom:
            self._custom.add(call.id)
            return {"type": "custom_tool_call", **named, "input": call.arguments}
        return {"type": "function_call", **named, "arguments": call.arguments}

    def _thinking(self, thinking: Thinking, path: str) -> None:
        if thinking.maker != "openai" or not thinking.signature or not self._is_openai:
            self._losses.append(hint(path, {}, "reasoning goes back to its own maker alone"))
            return
        self.has_proof = True
        item: dict[str, Json] = {"type": "reasoning"}
        if thinking.id:
            item["id"] = thinking.id
        item["summary"] = [{"type": "summary_text", "text": thinking.text}] if thinking.text else []
        item["encrypted_content"] = thinking.signature
        self.written.append(item)


def _id(given: str) -> str:
    return call_ids.fitting(call_ids.RESPONSES, given)


def _text(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _media(media: Media) -> Json:
    """Write an image or a document; the API has no audio and no video."""
    url = data_urls.written(media.media_type, media.data) if media.data else media.url
    is_link = bool(media.data) or url.startswith(("http://", "https://"))
    if media.kind == "image" and is_link:
        return {"type": "input_image", "image_url": url, "detail": media.detail or "auto"}
    if media.kind != "document":
        return None
    text = media.text or (data_urls.as_text(media.media_type, media.data) if media.data else "")
    if text:
        return _text(named_text(media, text))
    if media.data:
        return {"type": "input_file", "filename": media.name or "document.pdf", "file_data": url}
    return {"type": "input_file", "file_url": url} if is_link else None


def _content(parts: Sequence[Json]) -> Json:
    """Return the content of parts; a text alone is written as such."""
    if len(parts) == 1 and "text" in parts[0]:
        return parts[0]["text"]
    return list(parts)


__all__ = ["Items"]
