"""Status and fields of an answer → the bytes of its head, with the framing that the edge has chosen for its body."""

import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict, istr

from switchover_dataplane.routing.headers import Fields

SERVER: Final = "switchover"

# A header looks an istr up faster.
_LENGTH: Final = istr("content-length")
_CODING: Final = istr("transfer-encoding")
_TYPE: Final = istr("content-type")
_DATE: Final = istr("date")
_SERVER: Final = istr("server")
_CONNECTION: Final = istr("connection")


_status_lines: Final[tuple[dict[int, str], dict[int, str]]] = ({}, {})
"""By version and status: there are a thousand at most."""


class Date:
    """The value of `Date` (RFC 9110, section 6.6.1), written once a second; `clock` gives seconds since 1970."""

    __slots__ = ("_clock", "_second", "_text")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """Return the date of this second."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


date: Final = Date(time.time)


def serialise(  # noqa: PLR0917 - called with every answer, where keywords cost
    version: int, status: int, headers: Fields, framing: str, connection: str, has_body: bool
) -> bytes:
    """Write the head of an answer of HTTP/1.`version`.

    `framing` and `connection` are lines without their ends, "" for none. Fields of `headers` that frame a body are left
    out; its `Connection` stands in the place of `connection`. `Date`, `Server` and, with a body, `Content-Type` are
    added where `headers` has none (RFC 9110, sections 6.6.1, 8.3 and 10.2.4).

    Raises:
        ValueError: a field would change where a line or the head ends. The text names the field and hides its value.
    """
    if _LENGTH in headers or _CODING in headers:
        headers = _without_framing(headers)
    lines = [status_line(version, status)]
    for name, value in headers.items():
        lines.append(f"{name}: {value}")
    if has_body and _TYPE not in headers:
        lines.append("Content-Type: application/octet-stream")
    if framing:
        lines.append(framing)
    if _DATE not in headers:
        lines.append("Date: " + date.now())
    if _SERVER not in headers:
        lines.append("Server: " + SERVER)
    if connection and _CONNECTION not in headers:
        lines.append(connection)
    together = "".join(lines)
    if "\n" in together or "\r" in together or "\0" in together:
        raise ValueError(f"header {_culprit(headers)} holds a line end or NUL, so the answer is not sent")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def status_line(version: int, status: int) -> str:
    """Return the first line of an answer without its end; a status that nobody registered has no reason."""
    known = _status_lines[version].get(status)
    if known is None:
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = ""
        known = _status_lines[version][status] = f"HTTP/1.{version} {status} {reason}"
    return known


def _without_framing(headers: Fields) -> "CIMultiDict[str]":
    rest = CIMultiDict(headers)
    for name in (_LENGTH, _CODING):
        rest.popall(name, None)
    return rest


def _culprit(headers: Fields) -> str:
    found = (name for name, value in headers.items() if any(sign in name or sign in value for sign in "\r\n\0"))
    return repr(next(found, ""))
