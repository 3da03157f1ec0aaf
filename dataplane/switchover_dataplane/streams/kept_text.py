"""The text of an answer that was sent so far, for another model to continue."""

from io import StringIO
from typing import Final

from switchover_dataplane.formats import lenient_json

MOST_TEXT: Final = 1 << 20
"""Characters of text that are kept."""


class KeptText:
    """Collects a text of `length` characters in one buffer, as each piece on its own needs 50 bytes more."""

    __slots__ = ("_text", "length")

    def __init__(self) -> None:
        self._text = StringIO()
        self.length = 0

    def __str__(self) -> str:
        return lenient_json.joined(self._text.getvalue())

    def __len__(self) -> int:
        return self.length

    def add(self, text: str) -> int:
        """Keep a piece; return the length of the text with it."""
        self.length = length = self.length + self._text.write(text)
        return length

    @property
    def is_too_much(self) -> bool:
        """Whether the text is longer than `MOST_TEXT`."""
        return self.length > MOST_TEXT

    def drop(self) -> None:
        """Drop the text."""
        self._text, self.length = StringIO(), 0
