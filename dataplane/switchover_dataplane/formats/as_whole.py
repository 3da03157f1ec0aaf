"""The events of a whole chat completion → the JSON object that the request asked for, as some servers always stream.

Texts are joined piece by piece, tool calls by their index, lists in order. If events cannot be joined for certain
(audio, parts of an unknown kind) the attempt fails. One limit holds for all that is kept in memory.

OpenAI API reference: the chat completion chunk object and the chat completion object; Mistral API, reasoning (content
in parts).
"""

from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

import msgspec

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk import MOST_CHOICES
from switchover_dataplane.formats.error_shape import looks_like_error

_KEPT: Final = ("id", "created", "model", "system_fingerprint", "service_tier", "provider", "citations")
_TEXTS: Final = frozenset(("refusal", "reasoning_content", "reasoning", "reasoning_text", "thinking"))
_LISTS: Final = frozenset(("reasoning_details", "annotations", "images"))
_NAMES: Final = frozenset(("role", "name", "channel", "phase"))
_ARGUMENTS: Final = frozenset(("arguments", "input"))
_CALLS: Final = ("function", "custom")

ENTRY: Final = 512
"""Memory in bytes of a part of an answer beside its text, at most."""


class Unjoinable(Exception):
    """The events cannot be joined to one answer; the text says why."""


class FailedEvent(Exception):
    """An event states that the answer failed."""


class SizeBudget:
    """The bytes and characters of an answer that may still be kept."""

    __slots__ = ("_left",)

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, size: int) -> None:
        """Count `size` more.

        Raises:
            Unjoinable: the limit is exceeded.
        """
        self._left -= size
        if self._left < 0:
            raise Unjoinable("the answer is larger than the limit")

    def keep(self, held: dict[str, msgspec.Raw], name: str, value: Any) -> None:
        """Keep a value under its name and replace an earlier one; every API has ASCII names only."""
        if not name.isascii():
            return
        text = lenient_json.encode(value)
        self.take(len(text) - len(held[name]) if name in held else ENTRY + len(text))
        held[name] = msgspec.Raw(text)


class Text:
    """A text that comes in pieces."""

    __slots__ = ("_budget", "_text")

    def __init__(self, budget: SizeBudget) -> None:
        self._budget = budget
        self._text = StringIO()

    def add(self, piece: str) -> None:
        """Add a piece."""
        self._budget.take(len(piece))
        self._text.write(piece)

    def __str__(self) -> str:
        return lenient_json.joined(self._text.getvalue())


class List:
    """A list that comes in pieces, held as the JSON of its items."""

    __slots__ = ("_budget", "_items")

    def __init__(self, budget: SizeBudget) -> None:
        self._budget = budget
        self._items: list[bytes] = []

    def add(self, items: list[Any]) -> None:
        """Add the items of a piece."""
        if items:
            text = lenient_json.encode(items)[1:-1]
            self._budget.take(len(text) + 64)
            self._items.append(text)

    @property
    def json(self) -> msgspec.Raw:
        """The list."""
        return msgspec.Raw(b"[" + b",".join(self._items) + b"]")


class _Call:
    """A tool call, or a function call of the older kind."""

    __slots__ = ("_budget", "arguments", "id", "kind", "named", "rest")

    def __init__(self, budget: SizeBudget) -> None:
        budget.take(2 * ENTRY)
        self._budget = budget
        self.id = ""
        self.kind = "function"
        self.named: dict[str, msgspec.Raw] = {}
        self.arguments: dict[str, Text] = {}
        self.rest: dict[str, msgspec.Raw] = {}

    def take(self, piece: Mapping[str, Any]) -> None:
        for name, value in piece.items():
            if name in _CALLS and isinstance(value, dict):
                self.kind = name
                self.take_function(value)
            elif name == "id":
                self.id = self.id or lenient_json.joined(str(value or ""))
            elif name not in ("index", "type") and value is not None:
                self._budget.keep(self.rest, name, value)

    def take_function(self, piece: Mapping[str, Any]) -> None:
        for name, value in piece.items():
            if name in _ARGUMENTS:
                text = value if isinstance(value, str) else lenient_json.encode(value).decode() if value else ""
                self.arguments.setdefault(name, Text(self._budget)).add(text)
            elif value and name not in self.named:
                self._budget.keep(self.named, name, value)

    @property
    def function(self) -> dict[str, Any]:
        arguments = {name: str(text) for name, text in self.arguments.items()}
        return {**self.named, **(arguments or ({"arguments": ""} if self.kind == "function" else {}))}

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are valid JSON, so that no part is missing."""
        return all(lenient_json.is_json(str(text).encode()) for text in self.arguments.values())


class _Choice:
    """The content of one choice."""

    __slots__ = ("_at", "_budget", "_calls", "_function", "_lists", "_logprobs", "_texts", "_values", "finish")

    def __init__(self, budget: SizeBudget) -> None:
        self._budget = budget
        self._texts: dict[str, Text] = {}
        self._lists: dict[str, List] = {}
        self._logprobs: dict[str, List] = {}
        self._values: dict[str, msgspec.Raw] = {}
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._function: _Call | None = None
        self.finish = ""

    def take(self, choice: Mapping[str, Any]) -> None:
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish != "null":
            self.finish = finish or self.finish
        logprobs = choice.get("logprobs")
        for name, items in (logprobs if isinstance(logprobs, dict) else {}).items():
            if isinstance(items, list):
                self._list(self._logprobs, name).add(items)
        if isinstance(choice.get("text"), str):
            self._add("text", choice["text"])
        delta = choice.get("delta") or choice.get("message")
        for name, value in (delta if isinstance(delta, dict) else {}).items():
            if value or value == "":
                self._take(name, value)

    def _take(self, name: str, value: Any) -> None:
        if name == "content":
            self._take_content(value)
        elif name in _TEXTS and isinstance(value, str):
            self._add(name, value)
        elif name in _LISTS and isinstance(value, list):
            self._list(self._lists, name).add(value)
        elif name == "tool_calls" and isinstance(value, list):
            for piece in value:
                if isinstance(piece, dict):
                    self._call(piece).take(piece)
        elif name == "function_call" and isinstance(value, dict):
            self._function = self._function or _Call(self._budget)
            self._function.take_function(value)
        elif name == "audio" and value:
            raise Unjoinable("audio in pieces")
        elif value and not (name in _NAMES and name in self._values):
            self._budget.keep(self._values, name, value)

    def _take_content(self, content: Any) -> None:
        if isinstance(content, str):
            self._add("content", content)
            return
        for part in content if isinstance(content, list) else [content]:
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(part, str):
                self._add("content", part)
            elif kind == "text" and isinstance(part.get("text"), str):
                self._add("content", part["text"])
            elif kind == "thinking":
                for thought in part.get("thinking") or ():
                    self._add("thoughts", str(thought.get("text") or "") if isinstance(thought, dict) else str(thought))
            else:
                raise Unjoinable("content of an unknown form")

    def _call(self, piece: Mapping[str, Any]) -> _Call:
        """Return the call of a piece: some servers give all calls the index 0, or none."""
        index = piece.get("index")
        at = index if isinstance(index, int) else 0
        call = self._at.get(at)
        if call is None or (piece.get("id") and call.id and piece["id"] != call.id):
            call = self._at[at] = _Call(self._budget)
            self._calls.append(call)
        return call

    def _add(self, name: str, piece: str) -> None:
        if name not in self._texts:
            self._texts[name] = Text(self._budget)
        self._texts[name].add(piece)

    def _list(self, lists: dict[str, List], name: str) -> List:
        if name not in lists:
            self._budget.take(ENTRY)
            lists[name] = List(self._budget)
        return lists[name]

    @property
    def has_whole_calls(self) -> bool:
        """Whether it has tool calls, all with whole arguments."""
        return bool(self._calls) and all(call.is_whole for call in self._calls)

    def written(self, index: int) -> dict[str, Any]:
        """Return the choice of a whole answer."""
        ending = "tool_calls" if self._calls else "function_call" if self._function else "stop"
        logprobs = {name: items.json for name, items in self._logprobs.items()} or None
        rest = {"logprobs": logprobs, "finish_reason": self.finish or ending}
        if "text" in self._texts:
            return {"index": index, "text": str(self._texts["text"]), **rest}
        return {"index": index, "message": self._message(), **rest}

    def _message(self) -> dict[str, Any]:
        texts = {name: str(text) for name, text in self._texts.items()}
        content: Any = texts.pop("content", "")
        thoughts = texts.pop("thoughts", "")
        if thoughts:
            parts = [{"type": "thinking", "thinking": [{"type": "text", "text": thoughts}]}]
            content = [*parts, {"type": "text", "text": content}] if content else parts
        message: dict[str, Any] = {"role": "assistant", "refusal": None, **self._values, **texts}
        message["content"] = content or (None if self._calls or self._function else "")
        message |= {name: items.json for name, items in self._lists.items()}
        if self._calls:
            calls = [{**call.rest, "id": call.id, "type": call.kind, call.kind: call.function} for call in self._calls]
            message["tool_calls"] = calls
        if self._function:
            message["function_call"] = self._function.function
        return message


class ChatJoiner:
    """Joins chunks of Chat Completions and Completions. `has_ended`: no more content can follow."""

    __slots__ = ("_budget", "_choices", "_counted", "_envelope", "_usage", "has_ended")

    def __init__(self, budget: SizeBudget) -> None:
        self.has_ended = False
        self._counted = False
        self._budget = budget
        self._envelope: dict[str, msgspec.Raw] = {}
        self._usage: dict[str, msgspec.Raw] = {}
        self._choices: dict[int, _Choice] = {}

    def take(self, data: bytes) -> None:
        """Read the data of an event.

        Raises:
            ValueError: it is no JSON, or has too many values.
            FailedEvent: it states that the answer failed.
            Unjoinable: it cannot be joined to the others.
        """
        document = lenient_json.decode(data)
        if not isinstance(document, dict):
            return
        choices = document.get("choices")
        if document.get("error") or looks_like_error(document):
            raise FailedEvent
        for name in _KEPT:
            if document.get(name) and name not in self._envelope:
                self._budget.keep(self._envelope, name, document[name])
        usage = document.get("usage")
        if isinstance(usage, dict):
            self._budget.keep(self._usage, "usage", usage)
            self._counted = self._counted or bool(usage.get("completion_tokens"))
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                raise Unjoinable("a choice of an unknown form")
            self._choice(choice.get("index") or 0).take(choice)

    def take_done(self) -> None:
        """Read the event that marks the stream as done."""
        self.has_ended = True

    def _choice(self, index: object) -> _Choice:
        if not isinstance(index, int) or not 0 <= index < MOST_CHOICES:
            raise Unjoinable(f"more than {MOST_CHOICES} choices")
        if index not in self._choices:
            self._choices[index] = _Choice(self._budget)
        return self._choices[index]

    @property
    def is_whole(self) -> bool:
        """Whether each choice has ended: by its finish reason or, after [DONE], by token counts or whole tool calls."""
        choices = self._choices.values()
        if not choices:
            return False
        if all(choice.finish for choice in choices):
            return True
        return self.has_ended and (self._counted or all(choice.has_whole_calls for choice in choices))

    def written(self) -> bytes:
        """Write the answer; the caller checks it like any other answer."""
        choices = [self._choices[index].written(index) for index in sorted(self._choices)]
        is_text = any("text" in choice for choice in choices)
        kind = "text_completion" if is_text else "chat.completion"
        return lenient_json.encode({**self._envelope, "object": kind, "choices": choices, **self._usage})
