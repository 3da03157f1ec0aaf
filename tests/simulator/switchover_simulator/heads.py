"""Status, headers and framing → the bytes of an HTTP/1.1 answer around its body, and what follows it (RFC 9112)."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from switchover_simulator.request import Request
from switchover_simulator.steps import Close, Step

LAST_CHUNK: Final = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Frame a piece of a body; none at all would be the last chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def head(
    status: int,
    usual: dict[str, list[str]],
    written: dict[str, list[str]],
    request: Request,
    served_by: str,
) -> bytes:
    """Write status line and headers; what the scenario wrote wins over the usual."""
    fields = {"server": ["switchover-simulator"], **usual}
    if served_by:
        fields["x-served-by"] = [served_by]
    if not request.keep_alive:
        fields["connection"] = ["close"]
    replaced = {name.lower() for name in written}
    fields = {name: values for name, values in fields.items() if name not in replaced} | written
    lines = [f"{name}: {value}\r\n" for name, values in fields.items() for value in values]
    return f"HTTP/1.1 {status} {reason(status)}\r\n{''.join(lines)}\r\n".encode("latin-1", "replace")


def reason(status: int) -> str:
    """Return the reason phrase."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def after(request: Request, *, by_close: bool = False) -> Iterator[Step]:
    """Close the connection behind a whole answer, where it is not kept."""
    if by_close or not request.keep_alive:
        yield Close()
