"""Server-sent events: bytes of a stream → what each event means for the answer (WHATWG HTML, section 9.2.6).

A scanner finds the events in any split of the bytes; `judge` says of one event's data whether it is content, an
error, an end or a prelude. Bytes are never changed here: what passes through is what came.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import msgspec

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")
_decoder = msgspec.json.Decoder()
MAX_EVENT: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event: its `event` field, "" if none, and its data lines joined by newlines."""

    name: str
    data: bytes


class EventTooLarge(Exception):
    """One event is larger than 16 MiB: this is no stream of deltas."""


class Scanner:
    """Splits a byte stream into events, wherever its pieces were cut."""

    __slots__ = ("_data", "_first", "_name", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []
        self._first = True

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete.

        Raises:
            EventTooLarge: an event that does not end.
        """
        text = self._rest + piece
        if self._first and text:
            if b"\xef\xbb\xbf".startswith(text[:3]) and len(text) < 3:
                self._rest = text
                return []
            text = text.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        lines = _LINE_END.split(text)
        self._rest = lines.pop()
        if len(self._rest) > MAX_EVENT:
            raise EventTooLarge
        return [event for line in lines if (event := self._line(line)) is not None]

    @property
    def inside(self) -> bool:
        """Whether an event has begun that did not end."""
        return bool(self._rest.strip(b"\r") or self._data or self._name)

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event(self._name, b"\n".join(self._data)) if self._data else None
        self._name = ""
        self._data = []
        return event


class Meaning(Enum):
    """What an event says about the answer that it is part of."""

    CONTENT = auto()
    PRELUDE = auto()
    ERROR = auto()
    FINISH = auto()
    DONE = auto()
    MALFORMED = auto()


_RESPONSES_PRELUDES: Final = frozenset(
    f"response.{name}"
    for name in ("created", "queued", "in_progress", "output_item.added", "content_part.added", "reasoning_part.added")
)


def judge(event: Event) -> Meaning:
    """Tell what one event of an OpenAI-style stream means; an unknown shape is content, as the caller may know it."""
    if event.data == b"[DONE]":
        return Meaning.DONE
    try:
        body = _decoder.decode(event.data)
    except (msgspec.DecodeError, RecursionError):
        return Meaning.MALFORMED
    if not isinstance(body, dict):
        return Meaning.CONTENT
    if event.name == "error" or body.get("error"):
        return Meaning.ERROR
    if isinstance(kind := body.get("type"), str):
        return _responses_event(kind)
    choices = body.get("choices")
    if not isinstance(choices, list):
        return Meaning.CONTENT
    return _chat_chunk(choices)


def _responses_event(kind: str) -> Meaning:
    """OpenAI API reference, Responses streaming events."""
    if kind in ("error", "response.failed"):
        return Meaning.ERROR
    if kind in ("response.completed", "response.incomplete"):
        return Meaning.FINISH
    return Meaning.PRELUDE if kind in _RESPONSES_PRELUDES else Meaning.CONTENT


def _chat_chunk(choices: list[Any]) -> Meaning:
    """OpenAI API reference, chat completion chunk object."""
    meaning = Meaning.PRELUDE
    for choice in choices:
        if not isinstance(choice, dict):
            return Meaning.CONTENT
        finish = choice.get("finish_reason")
        if finish == "error":
            return Meaning.ERROR
        delta = choice.get("delta")
        if choice.get("text"):
            return Meaning.CONTENT
        if isinstance(delta, dict) and any(
            delta.get(name) for name in ("content", "refusal", "tool_calls", "function_call", "audio")
        ):
            return Meaning.CONTENT
        if finish:
            meaning = Meaning.FINISH
    return meaning
