"""Method, target and header fields → the bytes of a request's head, framed once and by us.

Two parsers that disagree about where a request ends is how requests are smuggled (RFC 9112, section 11.2), so the
framing of whoever spoke before is never repeated here, and nothing that could end a line is written.
"""

from typing import Final

from multidict import CIMultiDict

_OURS: Final = ("content-length", "transfer-encoding", "connection", "keep-alive")
_EXPECT_CONTENT: Final = frozenset(("POST", "PUT", "PATCH"))


def serialise(method: str, target: str, headers: "CIMultiDict[str]") -> bytes:
    """Write a request head but for its framing and its end (RFC 9112, sections 3 and 5).

    `target` is path and query. Fields about framing and about the connection are left out, whatever they say.

    Raises:
        ValueError: a part would change where a line or the head ends; the text names the header and never its value.
    """
    request_line = f"{method} {target} HTTP/1.1"
    if not headers.keys().isdisjoint(_OURS):
        headers = _without_framing(headers)
    lines = [request_line, *map(": ".join, headers.items())]
    lines.append("")
    text = "\r\n".join(lines)
    if text.count("\r") != len(lines) - 1 or text.count("\n") != len(lines) - 1 or "\0" in text:
        raise ValueError(f"{_culprit(headers)} holds a line end or NUL, so the request is not sent")
    if request_line.split() != [method, target, "HTTP/1.1"]:
        raise ValueError("the method or the path holds white space or is empty, so the request is not sent")
    return text.encode("utf-8", "surrogateescape")


def framing(method: str, length: int | None, protocol: str = "") -> bytes:
    """Write the end of a request head for a body of `length` bytes, or in chunks for None (RFC 9112, section 6).

    A request for another protocol says so in two fields and has no body (RFC 9110, section 7.8).
    """
    if protocol:
        return b"connection: Upgrade\r\nupgrade: %b\r\n\r\n" % protocol.encode("ascii")
    if length is None:
        return b"transfer-encoding: chunked\r\n\r\n"
    return b"content-length: %d\r\n\r\n" % length if length or method in _EXPECT_CONTENT else b"\r\n"


def _without_framing(headers: "CIMultiDict[str]") -> "CIMultiDict[str]":
    rest = headers.copy()
    for name in _OURS:
        rest.popall(name, None)
    return rest


def _culprit(headers: "CIMultiDict[str]") -> str:
    for name, value in headers.items():
        if any(sign in name or sign in value for sign in "\r\n\0"):
            return f"header {name!r}"
    return "the method or the path"
