"""What a scripted model does with a request, in words that belong to no provider."""

from typing import Any, Literal, NamedTuple


class Call(NamedTuple):
    """A call of one of the tools that were offered."""

    name: str
    arguments: dict[str, Any]


class Says(NamedTuple):
    """A whole answer. `pieces` are its text as it is streamed; with `thinks`, reasoning comes before them."""

    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    refuses: bool = False
    thinks: bool = False

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


Reason = Literal["request", "limit", "overloaded", "credentials", "not-found"]


class Fails(NamedTuple):
    """An error with the status and the words that the provider has for it."""

    reason: Reason


class Breaks(NamedTuple):
    """What ends or stays away without an error's status. `says` is what the answer would have been."""

    how: Literal["reset", "silent", "error under 200", "cut before content", "cut after content"]
    says: Says = Says(("never seen ", "as a whole ", "by anybody"))


Plan = Says | Fails | Breaks


class Stream(NamedTuple):
    """The events of an answer: those before its content, those of its content, and those behind."""

    start: list[bytes]
    content: list[bytes]
    end: list[bytes]


REFUSES = Says(refuses=True)
REFUSAL = "I cannot help with that."
