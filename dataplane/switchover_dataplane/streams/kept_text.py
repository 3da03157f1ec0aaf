"""The text of an answer that was sent so far, for another model to continue."""

from typing import Final

from switchover_dataplane.formats import lenient_json

MOST_TEXT: Final = 1 << 20
"""Characters of text that are kept."""

_JOINED: Final = 256


class KeptText:
    """Collects a text piece by piece; small pieces are joined, as each one needs 50 bytes more."""

    __slots__ = ("_joined", "_length", "_newest")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._newest: list[str] = []
        self._length = 0

    def __str__(self) -> str:
        return lenient_json.joined("".join((*self._joined, *self._newest)))

    def __len__(self) -> int:
        return self._length

    def add(self, text: str) -> None:
        """Keep a piece."""
        self._newest.append(text)
        self._length += len(text)
        if len(self._newest) >= _JOINED:
            self._joined.append("".join(self._newest))
            self._newest.clear()

    @property
    def is_too_much(self) -> bool:
        """Whether the text is longer than `MOST_TEXT`."""
        return self._length > MOST_TEXT

    def drop(self) -> None:
        """Drop the text."""
        self._joined, self._newest, self._length = [], [], 0
