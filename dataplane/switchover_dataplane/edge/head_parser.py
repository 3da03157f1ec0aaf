"""The bytes of a client's request up to the end of its head → the head, or why it is refused; no sockets here.

llhttp (httptools) reads the head and nothing behind it: where the head ends is decided here, at the first empty line,
and the body is framed by what the head says (`request_body`). So no state of a parser outlives a head. llhttp is as
strict as RFC 9112 here: no bare LF, no folded fields, no white space before a colon.
"""

import functools
import re
from typing import Final

import httptools
from multidict import CIMultiDict, istr

from switchover_dataplane.edge.early_refusal import (
    FIELD_LIMIT,
    HEAD_LIMIT,
    HEADER_COUNT_LIMIT,
    LARGE_HEAD,
    LONG_REQUEST_LINE,
    MALFORMED,
    REQUEST_LINE_LIMIT,
    Refusal,
)
from switchover_dataplane.edge.request import Head
from switchover_dataplane.formats import own_errors
from switchover_dataplane.routing import headers
from switchover_dataplane.routing.headers import MODEL_NAME

END: Final = b"\r\n\r\n"

_VERSION: Final = re.compile(rb" HTTP/1\.([01])\r\n\Z")
_TARGET: Final = re.compile(r"/|\*\Z|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+(?:[/?#]|\Z)")


def _ambiguous(why: str) -> Refusal:
    return Refusal(own_errors.BAD_REQUEST, f"the request's head is ambiguous: {why}")


_AMBIGUOUS: Final = {
    "Duplicate Content-Length": _ambiguous("more than one Content-Length"),
    "Content-Length can't be present with Transfer-Encoding": _ambiguous("Content-Length beside Transfer-Encoding"),
    "Transfer-Encoding can't be present with Content-Length": _ambiguous("Content-Length beside Transfer-Encoding"),
}
"""What llhttp finds before the head is there as a whole, by its words, which come from a closed list."""


class RefusedHead(Exception):
    """The head is refused, and with it the connection."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class HeadParser:
    """Reads one head: `feed` until it returns it.

    `length` is then the body's length, None where the head names none; the head ends at `end` of the bytes fed last.
    """

    __slots__ = ("_fields", "_keep_alive", "_parser", "_raw", "_refusal", "_target", "_whole", "end", "length")

    def __init__(self) -> None:
        self._raw = bytearray()
        self._fields: list[tuple[istr, str]] = []
        self._target = b""
        self._keep_alive = False
        self._whole = False
        self._refusal: Refusal | None = None
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self.length: int | None = None
        self.end = 0

    @property
    def raw(self) -> bytes:
        """All bytes of the head."""
        return bytes(self._raw)

    @property
    def has_begun(self) -> bool:
        """Whether anything of the head has come; empty lines before a request are none of it."""
        return bool(self._raw)

    def release(self) -> None:
        """Let go of llhttp's parser when the head is there, or will never be: it and this refer to each other."""
        self._parser = None

    def feed(self, data: bytes) -> Head | None:
        """Take bytes that came; return the head, None where it goes on.

        Raises:
            RefusedHead: it is not well-formed, too large, or could be read in two ways.
        """
        raw, skipped = self._raw, 0
        if not raw:
            skipped = len(data) - len(data.lstrip(b"\r\n"))
        before = len(raw) - skipped
        raw += data[skipped:]
        found = raw.find(END, max(0, before - len(END) + 1), HEAD_LIMIT)
        if found >= 0:
            del raw[found + len(END) :]
            self.end = len(raw) - before
            self._parse(data[skipped : self.end])
            return self._head()
        if len(raw) > HEAD_LIMIT:
            raise RefusedHead(LARGE_HEAD if b"\n" in raw[:REQUEST_LINE_LIMIT] else LONG_REQUEST_LINE)
        self._parse(data[skipped:])
        if self._whole:
            raise RefusedHead(MALFORMED)
        return None

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            raise RefusedHead(MALFORMED)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            known = _AMBIGUOUS.get(str(error), MALFORMED)
            raise RefusedHead(self._refusal or known) from None

    def _head(self) -> Head:
        raw = self._raw
        line = raw[: raw.index(b"\n") + 1]
        version = _VERSION.search(line)
        target = self._target.decode("utf-8", "surrogateescape")
        if not self._whole or version is None or not _TARGET.match(target):
            raise RefusedHead(MALFORMED)
        method = line[: line.index(b" ")].decode("ascii")
        fields = CIMultiDict(self._fields)
        fields.popall(MODEL_NAME, None)  # which model a request is for is read from the request itself
        http_1_1 = version[1] == b"1"
        conflict = headers.conflicts(fields, http_1_1=http_1_1, target=target)
        if conflict is not None:
            raise RefusedHead(_ambiguous(conflict))
        length = fields.pop("content-length", None)
        self.length = None if length is None else int(length)
        is_chunked = "transfer-encoding" in fields
        keep_alive = self._keep_alive and not is_chunked and "upgrade" not in fields
        return Head(method, target, fields, http_1_1, keep_alive, is_chunked)

    # ── What llhttp calls ───────────────────────────────────────────────────────────────────────────────────────────

    def on_url(self, piece: bytes) -> None:
        """Keep a piece of the target."""
        self._target += piece
        if len(self._target) > REQUEST_LINE_LIMIT:
            self._refuse(LONG_REQUEST_LINE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; llhttp leaves the white space behind a value (RFC 9110, section 5.5)."""
        self._fields.append((_name(name), value.rstrip(b" \t").decode("utf-8", "surrogateescape")))
        if len(name) + len(value) > FIELD_LIMIT or len(self._fields) > HEADER_COUNT_LIMIT:
            self._refuse(LARGE_HEAD)

    def on_headers_complete(self) -> None:
        """Note whether the connection may be kept, which llhttp forgets."""
        self._keep_alive = self._parser is not None and self._parser.should_keep_alive()
        self._whole = True

    def _refuse(self, why: Refusal) -> None:
        self._refusal = why
        raise RefusedHead(why)


@functools.lru_cache(maxsize=256)
def _name(name: bytes) -> istr:
    """Clients send the same few names, which are looked up faster as an istr."""
    return istr(name.decode("ascii"))
