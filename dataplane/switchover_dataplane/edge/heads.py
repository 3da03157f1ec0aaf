"""Heads that a port has served → the same heads again, without parsing: a client sends one head again and again.

All but the Content-Length is compared byte for byte. A head is kept where its framing is plain: a length or no body,
and no other protocol. A Content-Length that is put into such a head, as a whole line, changes nothing else of what it
says. So what is found here is what the parser would have made of the bytes.
"""

import re
from typing import Final

from switchover_dataplane.edge.early_refusal import HEADER_COUNT_LIMIT
from switchover_dataplane.edge.head_parser import END
from switchover_dataplane.edge.request import Head

_KEPT: Final = 1024
_LONGEST: Final = 4096
_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?([0-9]{1,18})(?=\r\n)")


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
        length = _LENGTH.search(data, 0, end + 2)
        if length is None:
            head = self._known.get(data[:end])
            return None if head is None else (head, None, end + 4)
        head = self._known.get(data[: length.start()] + data[length.end() : end])
        return None if head is None else (head, int(length[1]), end + 4)

    def keep(self, raw: bytes, head: Head, content_length: int | None) -> None:
        """Keep an accepted head with all of its bytes, unless its framing is not plain."""
        end = len(raw) - len(END)
        length = _LENGTH.search(raw, 0, end + 2)
        # A length that is written in an unusual way is never found, and must not stay among the bytes compared.
        if (length is None) != (content_length is None) or len(raw) > _LONGEST or not _is_plain(head):
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[raw[:end] if length is None else raw[: length.start()] + raw[length.end() : end]] = head

    def clear(self) -> None:
        """Forget all heads."""
        self._known.clear()


def _is_plain(head: Head) -> bool:
    """A head with as many fields as there may be has no room for a length."""
    fields = head.headers
    if len(fields) >= HEADER_COUNT_LIMIT:
        return False
    return not head.is_chunked and "expect" not in fields and "upgrade" not in fields
