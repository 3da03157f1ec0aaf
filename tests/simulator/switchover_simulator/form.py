"""What an answer says, and what every API has to word of a stream, event by event."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from switchover_simulator.events import Call
from switchover_simulator.request import Request


@dataclass(frozen=True)
class Content:
    """What a whole answer says, in so many tokens."""

    text: str
    calls: tuple[Call, ...]
    tokens: int


class Streamed(Protocol):
    """One stream: what was sent decides how the next thing is worded."""

    def begins(self) -> bytes:
        """Everything before the first content."""

    def says(self, piece: str) -> bytes:
        """Word a piece of text."""

    def thinks(self, piece: str) -> bytes:
        """Word a piece of reasoning."""

    def calls(self, call: Call) -> Iterator[bytes]:
        """Word a tool call, piece by piece."""

    def finishes(self, word: str | None, tokens: int) -> bytes:
        """Say how the answer ended; None: well."""

    def counts(self, tokens: int) -> bytes:
        """Say the usage, where it does not stand beside the end."""

    def ends(self) -> bytes:
        """Say that nothing comes any more."""

    def fails(self, error: dict[str, Any]) -> bytes:
        """Word an error event of the error's body."""


def arguments(call: Call) -> str:
    """Write the arguments of a call as far as they come."""
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
