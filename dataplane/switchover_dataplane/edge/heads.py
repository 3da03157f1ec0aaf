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

_LINE_END: Final = b"\r\n"
_DIGITS: Final = 18


class KnownHead:
    """A head that was served: its bytes `before` the digits of its Content-Length, and those `after` them.

    One without a length is all `before`. `epoch` is that of the heads which it belongs to.
    """

    __slots__ = ("_after", "_before", "epoch", "head")

    def __init__(self, before: bytes, after: bytes, head: Head, epoch: int) -> None:
        self._before = before
        self._after = after
        self.head = head
        self.epoch = epoch

    def read(self, data: bytes) -> tuple[int | None, int] | None:
        """Return the Content-Length and where the head ends, if the bytes begin with this head; else None."""
        if not data.startswith(self._before):
            return None
        start = len(self._before)
        if not self._after:
            return None, start
        stop = data.find(_LINE_END, start, start + _DIGITS + len(_LINE_END))
        digits = data[start:stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(self._after, stop):
            return None
        return int(digits), stop + len(self._after)


class Heads:
    """The heads of one port, of up to 4 KiB each; some 2,800 of usual size. `clear` it when another kind is accepted.

    While it is full, one in eight new ones takes the place of the oldest. So heads that come once only do not drive out
    those that come again, and of more heads in turn than have room some are known. A head of another `epoch` is not
    known any more.
    """

    __slots__ = ("_came", "_known", "_room", "epoch")

    def __init__(self) -> None:
        self._came = 0
        self._known: dict[bytes, KnownHead] = {}
        self._room = MOST_BYTES
        self.epoch = 0

    def find(self, data: bytes) -> KnownHead | None:
        """Return the head that the bytes begin with; None for an unknown one."""
        end = data.find(END, 0, _LONGEST)
        if end < 0:
            return None
        start, stop = _digits_of_length(data, end)
        return self._known.get(data[:start] + data[stop:end])

    def keep(self, raw: bytes, head: Head, content_length: int | None) -> KnownHead | None:
        """Keep an accepted head with all of its bytes, and return it; None where its framing is not plain."""
        end = len(raw) - len(END)
        start, stop = _digits_of_length(raw, end)
        length = int(raw[start:stop]) if start < stop else None
        # A length that is written otherwise is never found, and must not stay among the bytes compared.
        if length != content_length or len(raw) > _LONGEST or not _is_plain(head):
            return None
        if length is None:
            made = KnownHead(raw, b"", head, self.epoch)
        else:
            made = KnownHead(raw[:start], raw[stop:], head, self.epoch)
        self._add(raw[:start] + raw[stop:end], made)
        return made

    def _add(self, rest: bytes, made: KnownHead) -> None:
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
        known[rest] = made

    def clear(self) -> None:
        """Forget all heads."""
        self._known.clear()
        self._room = MOST_BYTES
        self.epoch += 1


def _digits_of_length(data: bytes, end: int) -> tuple[int, int]:
    """Return where the digits of a head's Content-Length begin and end; the head's end twice where it has none."""
    for name in _LENGTHS:
        found = data.find(name, 0, end)
        if found >= 0:
            start = found + len(name)
            stop = data.find(_LINE_END, start, end + len(_LINE_END))
            if stop - start <= _DIGITS and data[start:stop].isdigit():
                return start, stop
    return end, end


def _is_plain(head: Head) -> bool:
    """A head with as many fields as there may be has no room for a length."""
    fields = head.headers
    if len(fields) >= HEADER_COUNT_LIMIT:
        return False
    return not head.is_chunked and "expect" not in fields and "upgrade" not in fields
