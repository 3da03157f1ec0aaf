"""The items of a Responses request → turns.

Source: OpenAI API reference, "Create a model response" (input items).
"""

from collections.abc import Callable, Iterator
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

_RAN: Final = frozenset(("web_search_call", "file_search_call", "code_interpreter_call", "mcp_list_tools"))
"""Items of tools that the provider ran: what came of them stands in the answer that follows."""

_Part = Text | Media | Refusal


class Items:
    """Reads items one after the other.

    `has_more` is to be true where an earlier part of the conversation is kept at the provider, so that a result may
    belong to a call that is not here. Items of the assistant that follow each other are one turn.
    """

    def __init__(self, losses: list[Loss], *, has_more: bool) -> None:
        self.extra_tools: list[Fields] = []
        self._losses = losses
        self._has_more = has_more
        self._called: set[str] = set()
        self._turns: list[Turn] = []
        self._blocks: list[Block] = []
        self._path = ""

    def read(self, fields: Fields) -> tuple[Turn, ...]:
        """Read the input, which is a text or a list of items.

        Raises:
            BadRequest: it is neither, or an item is none.
        """
        value = fields.raw("input")
        if isinstance(value, str):
            return (Turn("user", (Text(value),), "input"),)
        for item in fields.parts("input"):
            self._item(item)
        self._end_turn()
        return tuple(self._turns)

    def _item(self, item: Fields) -> None:
        kind = item.text("type") or ("message" if item.has("role") else "item_reference")
        match kind:
            case "message":
                self._message(item)
            case "function_call" | "custom_tool_call":
                self._say(item, self._call(item, is_custom=kind == "custom_tool_call"))
            case "function_call_output" | "custom_tool_call_output":
                self._end_turn()
                result = self._result(item, is_custom=kind == "custom_tool_call_output")
                self._turns.append(Turn("user", (result,), item.path))
            case "reasoning":
                self._say(item, *_reasoning(item))
            case "additional_tools":
                self.extra_tools.extend(item.parts("tools"))
            case "tool_search_call":
                self._losses.append(hint(item.path, {}, "the tools that were found are offered with the others"))
            case "tool_search_output":
                self._found(item)
            case _ if kind in _RAN:
                self._losses.append(hint(item.path, {}, "the client's own provider ran this tool"))
            case "item_reference":
                self._has_more = True
                self._losses.append(grave(item.path, {}, "the item is kept at the client's own provider"))
            case _:
                # A call of a tool that is OpenAI's own in form: its result has no meaning without it.
                self._has_more = True
                self._losses.append(grave(item.path, {}, "no other API has items of this kind"))

    def _say(self, item: Fields, *blocks: Block) -> None:
        """Add to the turn of the assistant."""
        self._path = self._path or item.path
        self._blocks.extend(blocks)

    def _end_turn(self) -> None:
        if self._blocks:
            self._turns.append(Turn("assistant", tuple(self._blocks), self._path))
        self._blocks, self._path = [], ""

    def _found(self, item: Fields) -> None:
        """Offer the tools that a search found, and say so: the model said last that it searches, and waits."""
        self._end_turn()
        found = list(item.parts("tools"))
        self.extra_tools.extend(found)
        names = ", ".join(tool.text("name") for tool in found if tool.has("name"))
        said = f"These tools were found, and are offered from now on: {names}" if names else "No tools were found."
        self._turns.append(Turn("user", (Text(said),), item.path))

    # ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _message(self, item: Fields) -> None:
        role = item.text("role")
        parts = tuple(self._content(item, "content"))
        if role == "assistant":
            self._say(item, *(part for part in parts if part != Text("")))
            return
        if role not in ("system", "developer", "user"):
            raise item.wrong("role", "system, developer, user or assistant")
        self._end_turn()
        known: Literal["system", "developer", "user"] = role  # type: ignore[assignment]
        self._turns.append(Turn(known, parts, item.path))

    def _content(self, item: Fields, name: str) -> Iterator[_Part]:
        value = item.raw(name)
        if isinstance(value, str):
            yield Text(value)
        elif isinstance(value, list):
            for part in item.parts(name):
                block = self._part(part)
                if block is not None:
                    yield block
        else:
            raise item.wrong(name, "a text or a list of parts")

    def _part(self, part: Fields) -> _Part | None:
        match part.needed_text("type"):
            case "input_text" | "output_text" | "text" | "summary_text":
                if not isinstance(part.raw("text"), str):
                    raise part.wrong("text", "a text")
                return Text(part.text("text"), cache_of(part))
            case "refusal":
                return Refusal(part.text("refusal"))
            case "input_image":
                return _image(part)
            case "input_file":
                return _file(part)
            case "input_audio":
                return audio_of(part)
            case _:
                self._losses.append(grave(part.path, {}, "no other API has parts of this kind"))
                return None

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, item: Fields, *, is_custom: bool) -> ToolCall:
        call_id, name, namespace = item.needed_text("call_id"), item.needed_text("name"), item.text("namespace")
        self._called.add(call_id)
        arguments = item.text("input") if is_custom else item.text("arguments") or "{}"
        return ToolCall(call_id, name, arguments, namespace, is_custom)

    def _result(self, item: Fields, *, is_custom: bool) -> ToolResult:
        call_id = item.needed_text("call_id")
        if call_id not in self._called and not self._has_more:
            raise BadRequest(item.at("call_id"), "must be the id of a call in an item before")
        parts: list[Text | Media] = []
        for part in self._content(item, "output"):
            if isinstance(part, Text | Media):
                parts.append(part)
            else:
                self._losses.append(grave(item.at("output"), {}, "a result has no refusal"))
        return ToolResult(call_id, tuple(parts), is_custom=is_custom)


def _image(part: Fields) -> Media:
    media = Media("image", detail=part.text("detail"), cache=cache_of(part))
    if part.has("file_id"):
        return Media("image", file_id=part.needed_text("file_id"), detail=media.detail, cache=media.cache)
    return link(part, "image_url", media, part.text("image_url"))


def _file(part: Fields) -> Media:
    media = Media("document", name=part.text("filename"), cache=cache_of(part))
    if part.has("file_id"):
        return Media("document", file_id=part.needed_text("file_id"), name=media.name, cache=media.cache)
    if part.has("file_url"):
        return link(part, "file_url", media, part.text("file_url"))
    return content(part, "file_data", media, part.needed_text("file_data"))


def _reasoning(item: Fields) -> Iterator[Thinking]:
    thinking = thinking_of(item.raw)
    if thinking is not None:
        yield thinking


def thinking_of(raw: Callable[[str], Json]) -> Thinking | None:
    """Return the reasoning of an item, of which `raw` returns a field; None if it holds neither text nor proof.

    The summary is OpenAI's own. Open models give their reasoning itself, as content.
    """
    given, proof = raw("id"), raw("encrypted_content")
    item_id, signature = (text if isinstance(text, str) else "" for text in (given, proof))
    summary = texts_of(raw("summary"), "\n\n")
    text = summary or texts_of(raw("content"), "")
    if signature:
        return Thinking(text, "openai", signature, not text, item_id)
    return Thinking(text, "openai" if summary else "other", id=item_id) if text else None


def texts_of(parts: Json, between: str) -> str:
    """Return the texts of the parts of a reasoning item."""
    items = parts if isinstance(parts, list) else ()
    texts = (part.get("text") for part in items if isinstance(part, dict))
    return between.join(text for text in texts if isinstance(text, str))


__all__ = ["Items", "texts_of", "thinking_of"]
