"""Turns → the messages of a Chat Completions request.

Sources: OpenAI API reference, "Create chat completion"; Mistral API reference (content chunks, prefix) and its errors
("Unexpected role 'user' after role 'tool'").
"""

from collections.abc import Iterable, Sequence
from typing import Final

from switchover_dataplane.translation import call_ids, data_urls
from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
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
from switchover_dataplane.translation.openai_targets import is_openai, named_text, takes_custom_tools
from switchover_dataplane.translation.tool_forms import custom_arguments, flat_name

_AUDIO: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
_FOLLOWS: Final = "(The rest of this result follows in the next message of the user.)"
_MOVED: Final = "a result is text there, so this part follows in a message of the user"
_STARTS_ANEW: Final = "the model starts anew instead of going on with the last message"
_SYSTEM_LAST: Final = "a user or a tool speaks last there, so the prompt is said as the user's"


class Messages:
    """Writes the messages of one request; `written` is what came of them so far."""

    def __init__(self, asker: Asker, losses: list[Loss]) -> None:
        self.written: list[dict[str, Json]] = []
        self._is_mistral = asker.provider == "mistral"
        self._is_openai = is_openai(asker)
        self._takes_custom_tools = takes_custom_tools(asker)
        self._family = asker.model.family
        self._losses = losses
        self._moved: list[Json] = []

    def add(self, request: Request) -> None:
        """Write the system prompts and all turns."""
        if request.system:
            self._say("system", [self._text(text.text) for text in request.system])
        others: list[Turn] = []
        for turn in request.turns:
            if turn.role == "assistant":
                self._others(others)
                others.clear()
                self._assistant(turn)
            else:
                others.append(turn)
        self._others(others)
        self._end(request)

    def _others(self, turns: Sequence[Turn]) -> None:
        """Write what stands between two turns of the assistant: results first, as nothing may stand before them."""
        for turn in turns:
            for block in turn.blocks:
                if isinstance(block, ToolResult):
                    self._result(block, turn.path)
        for turn in turns:
            self._other(turn)
        self._move()

    def _other(self, turn: Turn) -> None:
        rest = [block for block in turn.blocks if not isinstance(block, ToolResult)]
        parts = self._parts(rest, turn.path)
        if not parts:
            return
        if turn.role == "user":
            parts, self._moved = self._moved + parts, []
        else:
            self._move()
            self._texts_only(turn)
        developer = "developer" if self._is_openai else "system"
        self._say(developer if turn.role == "developer" else turn.role, parts, turn.name)

    def _texts_only(self, turn: Turn) -> None:
        if any(isinstance(block, Media) for block in turn.blocks):
            self._losses.append(grave(turn.path, {}, "a system message is text there"))

    def _say(self, role: str, parts: list[Json], name: str = "") -> None:
        """Add a message; Mistral takes no message of a user right after a result."""
        if role == "user" and self._is_mistral and self.written and self.written[-1]["role"] == "tool":
            self.written.append({"role": "assistant", "content": "OK"})
        message: dict[str, Json] = {"role": role, "content": _content(parts)}
        if name and self._is_mistral:
            self._losses.append(hint("name", name, "the target's API has no names of participants"))
        elif name:
            message["name"] = name
        self.written.append(message)

    def _move(self) -> None:
        """Say what a result could not hold, after the results of all calls."""
        if self._moved:
            parts, self._moved = self._moved, []
            self._say("user", parts)

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parts(self, blocks: Iterable[Json], path: str) -> list[Json]:
        parts: list[Json] = []
        for block in blocks:
            match block:
                case Text(text) | Refusal(text):
                    parts.append(self._text(text))
                case Media():
                    part = self._media(block)
                    if part is None:
                        self._losses.append(grave(path, {}, f"the target takes no {_named(block)}"))
                    else:
                        parts.append(part)
                case _:
                    self._losses.append(grave(path, {}, "a user's message has no such part there"))
        return parts

    def _text(self, text: str) -> Json:
        return {"type": "text", "text": text}

    def _media(self, media: Media) -> Json:
        match media.kind:
            case "image":
                return self._image(media)
            case "document":
                return self._document(media)
            case "audio":
                return self._audio(media)
            case _:
                return None

    def _image(self, media: Media) -> Json:
        url = data_urls.written(media.media_type or "image/png", media.data) if media.data else media.url
        if not url or not (media.data or url.startswith(("http://", "https://"))):
            return None
        image = {"url": url, "detail": media.detail} if media.detail else {"url": url}
        return {"type": "image_url", "image_url": image}

    def _document(self, media: Media) -> Json:
        text = media.text or (data_urls.as_text(media.media_type, media.data) if media.data else "")
        if text:
            return self._text(named_text(media, text))
        url = data_urls.written(media.media_type, media.data) if media.data else media.url
        if self._is_mistral:
            named = {"document_name": media.name} if media.name else {}
            return {"type": "document_url", "document_url": url, **named} if url else None
        if not media.data:
            return None
        return {"type": "file", "file": {"filename": media.name or "document.pdf", "file_data": url}}

    def _audio(self, media: Media) -> Json:
        if self._is_mistral:
            audio = media.data or media.url
            return {"type": "input_audio", "input_audio": audio} if audio else None
        form = _AUDIO.get(media.media_type.partition(";")[0])
        if not media.data or form is None:
            return None
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": form}}

    # ── Assistant ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _assistant(self, turn: Turn) -> None:
        texts: list[Json] = []
        refusal = ""
        calls: list[Json] = []
        for block in turn.blocks:
            match block:
                case Text(text):
                    texts.append(self._text(text))
                case Refusal(text) if self._is_openai:
                    refusal += text
                case Refusal(text):
                    texts.append(self._text(text))
                case ToolCall():
                    calls.append(self._call(block, turn.path))
                case Thinking():
                    self._losses.append(hint(turn.path, {}, "reasoning goes back to its own maker alone"))
                case _:
                    self._losses.append(grave(turn.path, {}, "a message of the assistant is text there"))
        if not texts and not calls and not refusal:
            return
        message: dict[str, Json] = {"role": "assistant", "content": _content(texts) if texts else None}
        if refusal:
            message["refusal"] = refusal
        if turn.name and not self._is_mistral:
            message["name"] = turn.name
        if calls:
            message["tool_calls"] = calls
        self.written.append(message)

    def _call(self, call: ToolCall, path: str) -> Json:
        call_id = self._id(call.id)
        name = flat_name(call.namespace, call.name)
        if call.is_custom and self._takes_custom_tools:
            return {"id": call_id, "type": "custom", "custom": {"name": name, "input": call.arguments}}
        arguments = custom_arguments(call.arguments) if call.is_custom else call.arguments
        written: dict[str, Json] = {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        if call.signature and self._family == "gemini":
            written["extra_content"] = {"google": {"thought_signature": call.signature}}
        elif call.signature:
            self._losses.append(hint(path, call.signature, "the signature of a call goes back to its own maker alone"))
        return written

    def _id(self, given: str) -> str:
        return call_ids.fitting(call_ids.MISTRAL if self._is_mistral else call_ids.CHAT, given)

    # ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _result(self, result: ToolResult, path: str) -> None:
        texts: list[Json] = [self._text(part.text) for part in result.parts if isinstance(part, Text)]
        media = [part for part in result.parts if isinstance(part, Media)]
        moved = self._parts(media, path)
        if moved:
            self._losses.append(hint(path, {}, _MOVED))
            self._moved.extend(moved)
            texts.append(self._text(_FOLLOWS))
        if result.is_error:
            texts.insert(0, self._text("Error:" if texts else "Error: the tool failed"))
        message: dict[str, Json] = {
            "role": "tool",
            "tool_call_id": self._id(result.call_id),
            "content": "\n".join(text["text"] for text in texts),
        }
        if self._is_mistral and result.name:
            message["name"] = flat_name("", result.name)
        self.written.append(message)

    # ── End ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, request: Request) -> None:
        """Let a last message of the assistant be gone on with, where the API has a way."""
        last = self.written[-1] if self.written else None
        if last is not None and last["role"] == "system" and self._is_mistral:
            last["role"] = "user"
            self._losses.append(hint(request.turns[-1].path if request.turns else "system", {}, _SYSTEM_LAST))
        if last is None or last["role"] != "assistant" or "tool_calls" in last:
            return
        if self._is_mistral:
            last["prefix"] = True
        else:
            self._losses.append(grave(request.turns[-1].path or "messages", {}, _STARTS_ANEW))


def _named(media: Media) -> str:
    """Name what a target does not take."""
    if media.file_id:
        return f"{media.kind} by the id of a file, which its own provider alone knows"
    if media.url:
        return f"{media.kind} at such a URL"
    return f"{media.kind} of this type"


def _content(parts: Sequence[Json]) -> Json:
    """Return the content of parts: a text alone is written as such, which every server takes."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return list(parts)


__all__ = ["Messages"]
