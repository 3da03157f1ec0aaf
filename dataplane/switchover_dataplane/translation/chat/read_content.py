"""The messages of a Chat Completions request → turns.

Sources: OpenAI API reference, "Create chat completion" (messages, and the older `function` role); Mistral API reference
(content in parts of text, thinking, document_url); the fields in which other servers send reasoning.
"""

from collections.abc import Iterator
from typing import Final, Literal

from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    BadRequest,
    Block,
    Json,
    Media,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from switchover_dataplane.translation.openai_fields import audio_of, cache_of, content, link

_REASONING: Final = ("reasoning_content", "reasoning")
_UNKNOWN_PART: Final = "no other API has parts of this kind"


class Conversation:
    """Reads messages one after the other, and knows the calls that wait for a result."""

    def __init__(self, losses: list[Loss]) -> None:
        self._losses = losses
        self._called: set[str] = set()
        self._named: set[str] = set()

    def turn(self, message: Fields) -> Turn:
        """Read a message.

        Raises:
            BadRequest: it is none.
        """
        role = message.text("role")
        name = message.text("name")
        match role:
            case "system" | "developer" | "user":
                return Turn(role, tuple(self._content(message)), message.path, name)
            case "assistant":
                return Turn(role, tuple(self._assistant(message)), message.path, name)
            case "tool":
                return Turn("user", (self._result(message),), message.path)
            case "function":
                return Turn("user", (self._older_result(message),), message.path)
            case _:
                raise message.wrong("role", "system, developer, user, assistant or tool")

    # ── Content ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _content(self, message: Fields, *, is_needed: bool = True) -> Iterator[Text | Media | Thinking | Refusal]:
        value = message.raw("content")
        if isinstance(value, str):
            yield Text(value, cache_of(message))
        elif isinstance(value, list):
            for part in message.parts("content"):
                block = self._part(part)
                if block is not None:
                    yield block
        elif value is not None or is_needed:
            raise message.wrong("content", "a text or a list of parts")

    def _part(self, part: Fields) -> Text | Media | Thinking | Refusal | None:
        kind = part.needed_text("type")
        match kind:
            case "text" if isinstance(part.raw("text"), str):
                return Text(part.text("text"), cache_of(part))
            case "text":
                raise part.wrong("text", "a text")
            case "refusal":
                return Refusal(part.text("refusal"))
            case "image_url":
                return _linked(part, "image_url", "image")
            case "video_url":
                return _linked(part, "video_url", "video")
            case "document_url":
                media = Media("document", name=part.text("document_name"), cache=cache_of(part))
                return link(part, "document_url", media, part.text("document_url"))
            case "input_audio":
                return audio_of(part)
            case "file":
                return _file(part)
            case "thinking":
                signature = part.raw("signature")
                text = thinking_text(part.raw("thinking"))
                return Thinking(text, "other", signature if isinstance(signature, str) else "")
            case _:
                self._losses.append(grave(part.path, {}, _UNKNOWN_PART))
                return None

    # ── Assistant ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _assistant(self, message: Fields) -> Iterator[Block]:
        reasoning = next((message.raw(name) for name in _REASONING if isinstance(message.raw(name), str)), "")
        reasoning = reasoning or details_text(message.raw("reasoning_details"))
        if reasoning:
            yield Thinking(reasoning, "other")
        yield from (block for block in self._content(message, is_needed=False) if block != Text(""))
        refusal = message.text("refusal")
        if refusal:
            yield Refusal(refusal)
        if message.has("audio"):
            self._losses.append(grave(message.at("audio"), {}, "an earlier answer in audio is known to its provider"))
        if message.raw("prefix") is True:
            self._losses.append(hint(message.at("prefix"), True, "no other API has this field"))
        for call in message.parts("tool_calls"):
            yield self._call(call)
        older = message.part("function_call")
        if older is not None:
            name = older.needed_text("name")
            self._named.add(name)
            yield ToolCall("", name, arguments_of(older, "arguments"))

    def _call(self, call: Fields) -> ToolCall:
        call_id = call.text("id")
        self._called.add(call_id)
        signature = signature_of(call.raw("extra_content"))
        if call.has("custom"):
            custom = call.needed_part("custom")
            return ToolCall(call_id, custom.needed_text("name"), custom.text("input"), is_custom=True)
        function = call.needed_part("function")
        name = function.needed_text("name")
        self._named.add(name)
        return ToolCall(call_id, name, arguments_of(function, "arguments"), signature=signature)

    # ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _result(self, message: Fields) -> ToolResult:
        if not isinstance(message.raw("tool_call_id"), str):
            raise message.wrong("tool_call_id", "the id of a call")
        call_id = message.text("tool_call_id")
        if call_id not in self._called:
            raise BadRequest(message.at("tool_call_id"), "must be the id of a call in a message before")
        return ToolResult(call_id, self._result_parts(message), name=message.text("name"))

    def _older_result(self, message: Fields) -> ToolResult:
        name = message.needed_text("name")
        if name not in self._named:
            raise BadRequest(message.at("name"), "must be the name of a function that a message before calls")
        return ToolResult("", self._result_parts(message), name=name)

    def _result_parts(self, message: Fields) -> tuple[Text | Media, ...]:
        parts: list[Text | Media] = []
        for block in self._content(message, is_needed=False):
            if isinstance(block, Text | Media):
                parts.append(block)
            else:
                self._losses.append(grave(message.at("content"), {}, _UNKNOWN_PART))
        return tuple(parts)


def _linked(part: Fields, name: str, kind: Literal["image", "video"]) -> Media:
    """Read a part with a URL: an object, or the URL itself (Mistral)."""
    if isinstance(part.raw(name), str):
        return link(part, name, Media(kind, cache=cache_of(part)), part.text(name))
    inner = part.needed_part(name)
    return link(inner, "url", Media(kind, detail=inner.text("detail"), cache=cache_of(part)), inner.text("url"))


def _file(part: Fields) -> Media:
    if part.has("file_id"):  # Mistral API, file chunk
        return Media("document", file_id=part.needed_text("file_id"))
    file = part.needed_part("file")
    name = file.text("filename")
    if file.has("file_data"):
        media = Media("document", name=name, cache=cache_of(part))
        return content(file, "file_data", media, file.needed_text("file_data"))
    return Media("document", file_id=file.needed_text("file_id"), name=name, cache=cache_of(part))


def arguments_of(fields: Fields, name: str) -> str:
    """Read the arguments of a call; a call without any has an empty object."""
    return fields.text(name) or "{}"


def thinking_text(thinking: Json) -> str:
    """Return the text of Mistral's reasoning, which is a text or a list of parts."""
    if isinstance(thinking, str):
        return thinking
    pieces = thinking if isinstance(thinking, list) else ()
    texts = (piece.get("text") for piece in pieces if isinstance(piece, dict))
    return "".join(text for text in texts if isinstance(text, str))


def details_text(details: Json) -> str:
    """Return the text of OpenRouter's `reasoning_details`."""
    items = details if isinstance(details, list) else ()
    texts = (item.get("text") or item.get("summary") for item in items if isinstance(item, dict))
    return "".join(text for text in texts if isinstance(text, str))


def signature_of(extra: Json) -> str:
    """Return Gemini's thought signature of a call (Gemini API docs, "OpenAI compatibility")."""
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else ""


__all__ = ["Conversation", "arguments_of", "details_text", "signature_of", "thinking_text"]
