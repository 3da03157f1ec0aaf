"""The content of an answer, and the events of a stream that every API must write."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from switchover_simulator.events import Call
from switchover_simulator.request import Request


@dataclass(frozen=True)
class Content:
    """The content of a whole answer, and its number of tokens."""

    text: str
    calls: tuple[Call, ...]
    tokens: int


class Streamed(Protocol):
    """One stream: the earlier events decide the form of the next one."""

    def begins(self) -> bytes:
        """Write everything before the first content."""

    def says(self, piece: str) -> bytes:
        """Write a piece of text."""

    def thinks(self, piece: str) -> bytes:
        """Write a piece of reasoning."""

    def calls(self, call: Call) -> Iterator[bytes]:
        """Write a tool call, piece by piece."""

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Write the finish reason; None: a good end."""

    def counts(self, tokens: int) -> bytes:
        """Write the usage, if it is not in the event of the end."""

    def ends(self) -> bytes:
        """Write the last event."""

    def fails(self, error: dict[str, Any]) -> bytes:
        """Write an error event with the error's body."""


def arguments(call: Call) -> str:
    """Write the arguments of a call, cut after `until` characters."""
    given = call.arguments
    text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
    return text if call.until is None else text[: call.until]


def arguments_as_object(call: Call) -> Any:
    """Return the arguments where an API has them as an object; text that is none stays text."""
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        return msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        return call.arguments


def in_pieces(text: str, most: int = 16) -> Iterator[str]:
    """Cut text as providers cut arguments."""
    return (text[at : at + most] for at in range(0, len(text), most))


def prompt_tokens(request: Request) -> int:
    """Count one token for four bytes of the request."""
    return max(1, len(request.body or b"") // 4)
