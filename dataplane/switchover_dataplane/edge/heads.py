"""Heads that a port has served → the same heads again, without parsing: a client sends one head again and again.

All but the Content-Length is compared byte for byte. A head is kept where its framing is plain: a length or no body,
and no other protocol. A Content-Length that is put into such a head, as a whole line, changes nothing else of what it
says. So what is found here is what the parser would have made of the bytes.
"""

from typing import Final

from switchover_dataplane.edge.early_refusal import HEADER_COUNT_LIMIT
from switchover_dataplane.edge.head_parser import END
from switchover_dataplane.edge.request import Head

_KEPT: Final = 1024
_LONGEST: Final = 4096
_LENGTHS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
"""How clients write the field. One that is written otherwise is parsed each time."""

_DIGITS: Final = 18


class Heads:
    """The heads of one port: 1,024 of up to 4 KiB. `clear` it when another kind of head is accepted."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

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
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[rest] = head

    def clear(self) -> None:
        """Forget all heads."""
        self._known.clear()


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
