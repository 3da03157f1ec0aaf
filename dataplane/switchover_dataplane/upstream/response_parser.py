"""Bytes from a target → the head of one answer and the pieces of its body; no sockets here.

llhttp (httptools) does the parsing. This module keeps what it found, passes over interim answers and trailers, refuses
what could be read in two ways, and knows whether another answer may follow (RFC 9112, sections 6 and 9.3).
"""

from typing import Final

import httptools
from multidict import CIMultiDict, istr

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a head with the interim answers before it, and of what else comes without any of the body, as trailers."""

HEADER_COUNT_LIMIT: Final = 256

INTERIM_LIMIT: Final = 16
"""Interim answers (1xx) that are passed over before an answer; each costs as much as a head."""

REASON_LIMIT: Final = 1024
"""Bytes of the reason behind a status, which nobody gets to see."""

_MOST_LINES: Final = 4096
_LINES: Final[dict[int, bytes]] = {}
"""The line with which a chunk begins, by the length of the chunk with its line and its end."""

_PROTOCOL: Final = b"HTTP/1."
_VERSIONS: Final = frozenset(("1.0", "1.1"))

# Half as many steps as an lru_cache: which names came last does not matter.
_MOST_NAMES: Final = 256
_names: Final[dict[bytes, istr]] = {}

_NO_HEADERS: Final[CIMultiDict[str]] = CIMultiDict()


class NotHttp(Exception):
    """What came is no answer that we take; the text says why and quotes nothing of it."""


class ResponseParser:
    """Parses one answer after the other: `expect`, then `feed` until `done`.

    `head_done`: `status` and `headers` are known. `done`: the body is whole. `reusable`: another answer may follow on
    the same connection, so far. `held`: bytes of the body to be taken. `is_between_chunks`: what came so far ends with
    a chunk. `switched`: the answer was 101, and what follows it is of another protocol up to the end of the connection.
    """

    __slots__ = (
        "_bare",
        "_fields",
        "_framed",
        "_interim",
        "_may_switch",
        "_method",
        "_parser",
        "_pieces",
        "_reason",
        "_start",
        "done",
        "head_done",
        "headers",
        "held",
        "is_between_chunks",
        "reusable",
        "status",
        "switched",
    )
    __deletable__ = ("_parser",)  # mypyc asks for it

    def __init__(self) -> None:
        self.status = 0
        self.headers = _NO_HEADERS
        self.head_done = True
        self.done = True
        self.reusable = True
        self.held = 0
        self.is_between_chunks = False
        self._method = ""
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[str, str]] = []
        self._framed = True
        self._pieces: list[bytes] = []
        self._bare = 0
        self._interim = 0
        self._may_switch = False
        self.switched = False
        self._reason = 0
        self._start = b""

    def expect(self, method: str, *, may_switch: bool = False) -> None:
        """Begin the answer to a request of this method; the answer before it is done.

        `may_switch`: the request asked for another protocol, which a 101 agrees to (RFC 9110, section 7.8).
        """
        if self._method == "HEAD":
            # Its answer may have announced a body that never comes, which the old parser would wait for.
            self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._may_switch = may_switch
        self._bare = self._reason = self._interim = 0
        self._start = b""
        self.head_done = self.done = self.is_between_chunks = False

    def feed(self, data: bytes) -> None:
        """Take bytes that came; what comes after the end of the answer makes the connection unfit for another.

        Raises:
            NotHttp: the answer cannot be read on; `head_done` and `held` tell what came before.
        """
        if self.done:
            self.reusable = False
            return
        if self.switched:
            self._keep(data)
            return
        head_done, held = self.head_done, self.held
        if not head_done and self._start != _PROTOCOL:
            if not self._start and data.startswith(_PROTOCOL):
                self._start = _PROTOCOL  # as nearly every answer
            else:
                self._look_at_start(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.reusable = self.is_between_chunks = False
            if isinstance(error, httptools.HttpParserUpgrade) and self.head_done and self._may_switch:
                self._keep(data[error.args[0] :])
                return
            if not self.done:
                raise _not_http(error) from None
        if self.is_between_chunks and not data.endswith(b"\r\n"):
            self.is_between_chunks = False  # the line of the next chunk has begun
        if head_done and self.held != held:
            self._bare = 0
            return
        self._bare += len(data)
        if self._bare > HEAD_LIMIT:
            self._limit(not head_done)

    def only_chunk(self, data: bytes, size: int) -> bytes | None:
        """Return the content of `size` bytes that are exactly one whole chunk, as most pieces of a stream; else None.

        The parser stands between two chunks before them and behind them, so that it does not have to see them. Nothing
        is read of the chunk's line: it has to be the one line that is right for these bytes.
        """
        if self.is_between_chunks and not self.held and data.endswith(b"\r\n"):
            line = _LINES.get(size) or _line(size)
            if line and data.startswith(line):
                return data[len(line) : -2]
        return None

    def ends_here(self) -> bool:
        """Tell whether the answer is whole if the target closes the connection in an orderly way now."""
        return self.done or (self.head_done and not self._framed)

    def end(self) -> None:
        """Let go of the parser when nothing more will come: it and this refer to each other."""
        del self._parser

    def take(self) -> bytes:
        """Return what is held of the body."""
        pieces = self._pieces
        if not pieces:
            return b""
        self.held = 0
        if len(pieces) == 1:
            return pieces.pop()
        taken = b"".join(pieces)
        pieces.clear()
        return taken

    # ── What llhttp calls ───────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Start a head, also after an interim answer; a second answer is one too many."""
        if self.done:
            self.reusable = False
        else:
            self._fields = []
            self._reason = 0

    def on_status(self, piece: bytes) -> None:
        """Count the reason, which is passed over."""
        self._reason += len(piece)
        if self._reason > REASON_LIMIT and not self.done:
            raise NotHttp(f"the answer has a reason of more than {REASON_LIMIT} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field; trailers come after the head and are passed over.

        What they say is no part of the framing (RFC 9110, section 6.5.1), but llhttp acts on some of them: no other
        answer follows on the connection.
        """
        if not self.head_done:
            self._fields.append((_name(name), value.decode("utf-8", "surrogateescape")))
        else:
            self.reusable = False

    def on_headers_complete(self) -> None:
        """Take the head; interim answers (1xx) are passed over."""
        if self.head_done:
            return
        status = self._parser.get_status_code()
        if not 100 <= status <= 599:
            raise NotHttp("the answer has a status that HTTP has not")
        # Only an answer after an interim one begins where nobody looked at its start.
        if self._interim and self._parser.get_http_version() not in _VERSIONS:
            raise NotHttp("the answer is not of HTTP/1.1 or 1.0")
        if status < 200:
            self._interim += 1
            if status == 101:
                self._switch()
                return
            if self._interim > INTERIM_LIMIT:
                raise NotHttp(f"more than {INTERIM_LIMIT} interim answers come before the answer")
            return
        if len(self._fields) > HEADER_COUNT_LIMIT:
            raise NotHttp(f"the answer has more than {HEADER_COUNT_LIMIT} header fields")
        self.status = status
        self.headers = headers = CIMultiDict(self._fields)
        self.reusable = self._parser.should_keep_alive()
        self._framed = "content-length" in headers
        if "transfer-encoding" in headers:
            self._take_coding(headers)
        self.head_done = True
        if self._method == "HEAD":
            self.done = True

    def _switch(self) -> None:
        """Take the head of an answer that agrees to another protocol."""
        headers = CIMultiDict(self._fields)
        if not (self._may_switch and "upgrade" in headers and "upgrade" in headers.get("connection", "").lower()):
            raise NotHttp("the answer switches protocols")
        self.status, self.headers = 101, headers
        self.reusable = self._framed = False
        self.head_done = self.switched = True

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self.held += len(data)

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if self.done:
            self.reusable = False
            return
        self._pieces.append(piece)
        self.held += len(piece)

    def on_chunk_header(self) -> None:
        """Note that a chunk has begun."""
        self.is_between_chunks = False

    def on_chunk_complete(self) -> None:
        """Note that a chunk has ended."""
        self.is_between_chunks = True

    def on_message_complete(self) -> None:
        """Note the end, unless it was an interim answer's."""
        self.is_between_chunks = False
        if self.done:
            self.reusable = False
        elif self.head_done and not self.switched:
            self.done = True
            self.is_between_chunks = False

    # ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────

    def _look_at_start(self, data: bytes) -> None:
        """Refuse the protocols that llhttp takes beside HTTP; empty lines before an answer are passed over."""
        self._start = (self._start + data[:256].lstrip(b"\r\n"))[: len(_PROTOCOL)]
        if not _PROTOCOL.startswith(self._start):
            self.reusable = False
            raise NotHttp("what came is not HTTP/1")

    def _take_coding(self, headers: "CIMultiDict[str]") -> None:
        """Accept chunks alone, as we asked for no other coding and cannot undo one (RFC 9112, section 6.1)."""
        if ",".join(headers.getall("transfer-encoding")).strip().lower() != "chunked":
            raise NotHttp("the answer has a transfer coding other than chunked")
        self._framed = True
        if self._parser.get_http_version() == "1.0":
            self.reusable = False

    def _limit(self, in_head: bool) -> None:
        """Refuse a head or trailers beyond the limit; the bytes counted may be of the body that came with a head."""
        if in_head and self.head_done and sum(len(name) + len(value) + 4 for name, value in self._fields) <= HEAD_LIMIT:
            return
        if in_head or not self.done:
            self.head_done = not in_head
            self.done = self.reusable = False
            raise NotHttp(f"the {'head' if in_head else 'trailer'} of the answer is larger than {HEAD_LIMIT} bytes")


def _line(length: int) -> bytes:
    """Return the line with which a chunk of this length in all begins, b"" where none has this length."""
    for digits in range(1, 9):
        line = b"%x\r\n" % max(1, length - digits - 4)
        if len(line) == digits + 2 and length - digits > 4:
            if len(_LINES) < _MOST_LINES:
                _LINES[length] = line
            return line
    return b""


def _not_http(error: Exception) -> NotHttp:
    """Take our own reason, raised through the parser, or llhttp's, which come from a closed list."""
    if isinstance(error.__context__, NotHttp):
        return error.__context__
    return NotHttp(str(error) or type(error).__name__)


def _name(name: bytes) -> istr:
    """Targets repeat the same few names, which a header looks up faster as an istr."""
    known = _names.get(name)
    if known is None:
        if len(_names) >= _MOST_NAMES:
            _names.clear()
        known = _names[name] = istr(name.decode("utf-8", "surrogateescape"))
    return known
