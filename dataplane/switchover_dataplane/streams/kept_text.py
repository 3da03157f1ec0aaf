"""The text of an answer that was sent so far, for another model to continue."""

from collections.abc import Callable
from io import StringIO
from typing import Final

from switchover_dataplane.formats import lenient_json

MOST_TEXT: Final = 1 << 20
"""Characters of text that are kept."""


class KeptText:
    """Collects a text of `length` characters in one buffer, as each piece on its own needs 50 bytes more.

    Whoever adds very many pieces may `write` each and count its characters.
    """

    __slots__ = ("_text", "length", "write")

    def __init__(self) -> None:
        self._text = StringIO()
        self.write: Callable[[str], int] = self._text.write
        self.length = 0

    def __str__(self) -> str:
        return lenient_json.joined(self._text.getvalue())

    def __len__(self) -> int:
        return self.length

    def add(self, text: str) -> int:
        """Keep a piece; return the length of the text with it."""
        self.length = length = self.length + self.write(text)
        return length

    @property
    def is_too_much(self) -> bool:
        """Whether the text is longer than `MOST_TEXT`."""
        return self.length > MOST_TEXT

    def drop(self) -> None:
        """Drop the text."""
        self._text = StringIO()
        self.write = self._text.write
        self.length = 0
