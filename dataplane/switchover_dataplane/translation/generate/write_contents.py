"""The neutral conversation → `systemInstruction` and `contents`.

Sources: Gemini API reference, Content and Part; Gemini API docs, "Function calling", "Thought signatures", "Image
understanding" and "Document understanding" (media types).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from switchover_dataplane.translation import data_urls, json_schemas, tool_forms
from switchover_dataplane.translation.conversation import Message, Placed
from switchover_dataplane.translation.generate.parts import is_googles, is_video
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Media, Text, Thinking, ToolCall, ToolResult

_ANY_SIGNATURE: Final = "skip_thought_signature_validator"
"""The signature of a call that was made elsewhere (Gemini API docs, "Thought signatures")."""

_IMAGES: Final = frozenset(("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"))
_PDF: Final = "application/pdf"
_ROLES: Final = {"user": "user", "assistant": "model"}


def is_gemini_3(model: Model) -> bool:
    """Whether a model is Gemini 3 or newer: it wants signatures, takes media in results and a schema beside tools."""
    return model.family == "gemini" and model.thinking == "effort"


class ContentWriter:
    """Writes messages for one model, and collects what cannot be carried."""

    __slots__ = ("_has_ids", "_is_signed", "_model", "losses")

    def __init__(self, model: Model) -> None:
        self.losses: list[Loss] = []
        self._has_ids = False
        self._is_signed = False
        self._model = model

    def contents(self, messages: Sequence[Message]) -> list[dict[str, Json]]:
        """Write messages, of which those without a part that can be carried are left out."""
        written: list[dict[str, Json]] = []
        for message in messages:
            if message.speaker == "assistant":
                names = [_name(placed.block) for placed in message.blocks if isinstance(placed.block, ToolCall)]
                # Names tell which result is whose, but for calls of one name.
                self._has_ids = len(set(names)) < len(names)
            parts = self._parts(message)
            if parts:
                written.append({"role": _ROLES[message.speaker], "parts": parts})
        return written

    def _parts(self, message: Message) -> list[dict[str, Json]]:
        self._is_signed = False
        parts: list[dict[str, Json]] = []
        after: list[dict[str, Json]] = []
        for placed in message.blocks:
            block = placed.block
            if isinstance(block, ToolResult):
                part, media = self._result(block, placed.path)
                parts.append(part)
                after += media
            elif isinstance(block, Thinking) and not block.text and self._is_own(block) and _is_text(parts):
                parts[-1] = {**parts[-1], "thoughtSignature": block.signature}
            else:
                parts += self._part(placed)
        results = sum("functionResponse" in part for part in parts)
        return [*parts[:results], *after, *parts[results:]]

    def _part(self, placed: Placed) -> Iterator[dict[str, Json]]:
        block, path = placed
        match block:
            case Text(text):
                yield {"text": text}
            case Media():
                yield from self._media(block, path)
            case ToolCall():
                yield self._call(block)
            case Thinking():
                yield from self._thinking(block, path)
            case _:
                pass

    def _is_own(self, thinking: Thinking) -> bool:
        return thinking.maker == "gemini" and bool(thinking.signature) and self._model.family == "gemini"

    def _thinking(self, thinking: Thinking, path: str) -> Iterator[dict[str, Json]]:
        if thinking.maker != "gemini" or self._model.family != "gemini":
            self.losses.append(hint(path, thinking.text, "reasoning of another maker is not sent"))
            return
        signed = {"thoughtSignature": thinking.signature} if thinking.signature else {}
        if thinking.text:
            yield {"text": thinking.text, "thought": True, **signed}
        elif signed:
            yield {"text": "", **signed}

    def _call(self, call: ToolCall) -> dict[str, Json]:
        arguments = tool_forms.custom_arguments(call.arguments) if call.is_custom else call.arguments
        made: dict[str, Json] = {"name": _name(call), "args": json_schemas.as_object(arguments)}
        if self._has_ids:
            made["id"] = call.id
        part: dict[str, Json] = {"functionCall": made}
        if call.signature:
            part["thoughtSignature"] = call.signature
        elif not self._is_signed and is_gemini_3(self._model):
            part["thoughtSignature"] = _ANY_SIGNATURE
        self._is_signed = True
        return part

    def _result(self, result: ToolResult, path: str) -> tuple[dict[str, Json], list[dict[str, Json]]]:
        """Return a result, and the media of it that stand after all results where the model takes none within."""
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        media = [part for each in result.parts if isinstance(each, Media) for part in self._media(each, path)]
        made: dict[str, Json] = {"name": tool_forms.flat_name("", result.name or result.call_id or "tool")}
        made["response"] = {"error": text} if result.is_error else _response(text)
        if self._has_ids:
            made["id"] = result.call_id
        if media and is_gemini_3(self._model):
            made["parts"] = media
            media = []
        elif media:
            self.losses.append(hint(path, media, "images of a result stand after it"))
        return {"functionResponse": made}, media

    def _media(self, media: Media, path: str) -> Iterator[dict[str, Json]]:
        if media.detail not in ("", "auto"):
            self.losses.append(hint(path, media.detail, "Gemini is told no detail of an image"))
        uri = media.url or media.file_id
        if uri and (is_googles(uri) or is_video(uri)):
            yield {"fileData": {"fileUri": uri, **({"mimeType": media.media_type} if media.media_type else {})}}
        elif media.url:
            self.losses.append(grave(path, media.url, f"{media.kind} by URL cannot be carried"))
        elif media.file_id:
            self.losses.append(grave(path, media.file_id, "a file is known to the provider alone that holds it"))
        elif media.text:
            yield {"text": f"{media.name}\n\n{media.text}" if media.name else media.text}
        elif _is_taken(media):
            yield {"inlineData": {"mimeType": media.media_type, "data": media.data}}
        else:
            text = data_urls.as_text(media.media_type, media.data) if media.kind == "document" else None
            if text:
                yield {"text": f"{media.name}\n\n{text}" if media.name else text}
            else:
                self.losses.append(grave(path, {}, f"Gemini takes no {media.kind} of its type"))


def _is_taken(media: Media) -> bool:
    match media.kind:
        case "image":
            return media.media_type in _IMAGES
        case "document":
            return media.media_type == _PDF
        case kind:
            return media.media_type.startswith(f"{kind}/")


def _name(call: object) -> str:
    return tool_forms.flat_name(call.namespace, call.name) if isinstance(call, ToolCall) else ""


def _is_text(parts: Sequence[dict[str, Json]]) -> bool:
    """Whether the last part is a text of the answer that has no signature yet."""
    return bool(parts) and set(parts[-1]) == {"text"}


def _response(text: str) -> dict[str, Json]:
    """Return a result as an object: one that is an object in JSON is that object."""
    if text.lstrip().startswith("{"):
        response = json_schemas.as_object(text)
        if set(response) != {"input"} and not set(response) <= {"output", "error"}:
            return response
    return {"output": text}


__all__ = ["ContentWriter", "is_gemini_3"]
