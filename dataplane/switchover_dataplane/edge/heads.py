"""Heads that a port has served → the same heads again, without parsing: a client sends one head again and again.

All but the Content-Length is compared byte for byte. A head is kept where its framing is plain: a length or no body,
and no other protocol. A Content-Length that is put into such a head, as a whole line, changes nothing else of what it
says. So what is found here is what the parser would have made of the bytes.
"""

from typing import Final

from switchover_dataplane.edge.early_refusal import HEADER_COUNT_LIMIT
from switchover_dataplane.edge.head_parser import END
from switchover_dataplane.edge.request import Head

MOST_BYTES: Final = 10 << 20
"""Bytes for the heads of a port with what is found out about each."""

BESIDE: Final = 3584
"""Bytes that are found out about a head, about: its fields, and the plan for requests with it."""

_ADMITTED: Final = 8
_LONGEST: Final = 4096
_LENGTHS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
"""How clients write the field. One that is written otherwise is parsed each time."""

_DIGITS: Final = 18


class Heads:
    """The heads of one port, of up to 4 KiB each; some 2,800 of usual size. `clear` it when another kind is accepted.

    While it is full, one in eight new ones takes the place of the oldest. So heads that come once only do not drive out
    those that come again, and of more heads in turn than have room some are known.
    """

    __slots__ = ("_came", "_known", "_room")

    def __init__(self) -> None:
        self._came = 0
        self._known: dict[bytes, Head] = {}
        self._room = MOST_BYTES

    def find(self, data: bytes) -> tuple[Head, int | None, int] | None:
        """Return the head that the bytes begin with, its Content-Length and where it ends; None for an unknown one."""
        end = data.find(END, 0, _LONGEST)
        if end < 0:
            return None
        rest, length = _without_length(data, end)
        head = self._known.get(rest)
        return None if head is None else (head, length, end + len(END))

    def keep(self, raw: bytes, head: Head, content_length: int | None) -> None:
        """Keep an accepted head with all of its bytes, unless its framing is not plain."""
        rest, length = _without_length(raw, len(raw) - len(END))
        # A length that is written otherwise is never found, and must not stay among the bytes compared.
        if length != content_length or len(raw) > _LONGEST or not _is_plain(head):
            return
        size, known = len(rest) + BESIDE, self._known
        if self._room < size:
            self._came += 1
            if self._came % _ADMITTED:
                return
            while self._room < size:
                oldest = next(iter(known))
                del known[oldest]
                self._room += len(oldest) + BESIDE
        if rest not in known:
            self._room -= size
        known[rest] = head

    def clear(self) -> None:
        """Forget all heads."""
        self._known.clear()
        self._room = MOST_BYTES


def _without_length(data: bytes, end: int) -> tuple[bytes, int | None]:
    """Return a head without the line of its Content-Length, and the length; all of it where it has none."""
    for name in _LENGTHS:
        start = data.find(name, 0, end)
        if start >= 0:
            value = start + len(name)
            stop = data.find(b"\r\n", value, end + 2)
            digits = data[value:stop]
            if digits.isdigit() and len(digits) <= _DIGITS:
                return data[:start] + data[stop:end], int(digits)
    return data[:end], None


def _is_plain(head: Head) -> bool:
    """A head with as many fields as there may be has no room for a length."""
    fields = head.headers
    if len(fields) >= HEADER_COUNT_LIMIT:
        return False
    return not head.is_chunked and "expect" not in fields and "upgrade" not in fields
