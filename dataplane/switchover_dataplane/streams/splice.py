"""A text that broke off and the text of a model that was asked to go on → what is new in it, if it fits at all.

The new text must begin with all of the old one or with its last words: what repeats is dropped, and the rest follows on
without a gap. Anything else is a mismatch, as two halves of different answers are worse than an error.
"""

import re
from typing import Final

TAIL: Final = 60
"""Characters of a text's end that a model is asked to begin with: enough to be sure, few enough to repeat exactly."""

_SPACE: Final = re.compile(r"\s+")


class Mismatch(Exception):
    """The new text does not begin as it has to."""


def last_words(text: str) -> str:
    """Return the words that a continuation is to begin with: the end of `text` without the space after it.

    Where the whole text begins with them, too, they would not tell where to go on: then it is the whole text.
    """
    whole = text.strip()
    tail = whole[-TAIL:]
    if len(whole) > TAIL:
        space = _SPACE.search(tail, 0, TAIL // 2)
        tail = tail[space.end() :] if space is not None else tail
    return whole if whole.startswith(tail) else tail


class Splice:
    """Takes the new text piece by piece; `fits` tells whether it was found to go on where the old one ended.

    `called` tells that a tool call had begun where the answer broke off, so that its text had come to an end.
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
        """Whether the new answer may begin with a tool call: nothing of the text is missing, and none is repeated."""
        return self._called and not self.fits and not self._at

    def begin_with_a_call(self) -> None:
        """Take it that the new answer goes on with a tool call."""
        self.fits = True

    def feed(self, piece: str) -> str:
        """Return what of the next piece is new; "" while it repeats.

        Raises:
            Mismatch: it does not repeat what it has to.
        """
        if not self.fits:
            piece = self._repeated(piece if self._at else piece.lstrip())
        return self._without_space(piece) if self.fits else ""

    def _repeated(self, piece: str) -> str:
        """Follow the old text; return what comes after it."""
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
        """Drop the space that the old text ended with, which a model cannot be asked to repeat."""
        while self._space and piece:
            if piece[0] != self._space[0]:
                self._space = ""
            else:
                piece, self._space = piece[1:], self._space[1:]
        return piece
