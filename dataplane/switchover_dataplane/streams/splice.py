"""A text that broke off, and the text of a model that continues it → the new part, if the two texts fit.

The new text must begin with the whole old text or with its last words. The repeated part is dropped, and the rest
follows without a gap. Anything else is a mismatch: two halves of different answers are worse than an error.
"""

import re
from typing import Final

TAIL: Final = 60
"""Characters at the end of a text that a model must repeat: enough to be sure, few enough to repeat exactly."""

_SPACE: Final = re.compile(r"\s+")


class Mismatch(Exception):
    """The new text does not begin as required."""


def last_words(text: str) -> str:
    """Return the words that a continuation must begin with: the end of `text` without trailing space.

    If the text also begins with these words they are ambiguous; then the whole text is returned.
    """
    whole = text.strip()
    tail = whole[-TAIL:]
    if len(whole) > TAIL:
        space = _SPACE.search(tail, 0, TAIL // 2)
        tail = tail[space.end() :] if space is not None else tail
    return whole if whole.startswith(tail) else tail


class Splice:
    """Reads the new text piece by piece; `fits`: it continues where the old text ended.

    `called`: the answer broke off in a tool call, so its text was complete.
    """

    __slots__ = ("_at", "_called", "_possible", "_space", "fits")

    def __init__(self, sent: str, *, called: bool = False) -> None:
        whole = sent.strip()
        self._possible = list(dict.fromkeys((whole, last_words(sent))))
        self._at = 0
        self._called = called
        self._space = sent[len(sent.rstrip()) :]
        self.fits = not whole

    @property
    def may_call(self) -> bool:
        """Whether the new answer may begin with a tool call: the old text is complete, and nothing was repeated yet."""
        return self._called and not self.fits and not self._at

    def begin_with_a_call(self) -> None:
        """Record that the new answer begins with a tool call."""
        self.fits = True

    def feed(self, piece: str) -> str:
        """Return the new part of the next piece, "" while it repeats the old text.

        Raises:
            Mismatch: it does not repeat the old text.
        """
        if not self.fits:
            piece = self._repeated(piece if self._at else piece.lstrip())
        return self._without_space(piece) if self.fits else ""

    def _repeated(self, piece: str) -> str:
        """Compare a piece with the old text; return the part after it."""
        at, self._at = self._at, self._at + len(piece)
        going_on: list[str] = []
        for old in self._possible:
            left = len(old) - at
            if len(piece) < left:
                if old.startswith(piece, at):
                    going_on.append(old)
            elif piece.startswith(old[at:]):
                self.fits = True
                return piece[left:]
        if not going_on:
            raise Mismatch
        self._possible = going_on
        return ""

    def _without_space(self, piece: str) -> str:
        """Drop the space at the end of the old text, which models do not repeat reliably."""
        while self._space and piece:
            if piece[0] != self._space[0]:
                self._space = ""
            else:
                piece, self._space = piece[1:], self._space[1:]
        return piece
