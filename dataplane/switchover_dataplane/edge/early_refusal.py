"""What is wrong with a request before there is one → the answer that says so, as bytes and without what was sent."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_errors import OwnError

HEAD_LIMIT: Final = 64 * 1024
REQUEST_LINE_LIMIT: Final = 8 * 1024
FIELD_LIMIT: Final = 16 * 1024
HEADER_COUNT_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client is answered by the edge itself and its connection closed; `retry_after` is in seconds."""

    error: OwnError
    message: str
    retry_after: int | None = None

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.error.status

    @property
    def code(self) -> str:
        """The word for the log and for the answer."""
        return self.error.code

    def wire(self, request_id: str) -> bytes:
        """Write the whole answer."""
        body = own_answers.body(self.error, self.message)
        wait = "" if self.retry_after is None else f"retry-after: {self.retry_after}\r\n"
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nserver: switchover\r\n{wait}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        ).encode() + body


MALFORMED: Final = Refusal(own_errors.BAD_REQUEST, "the request is not well-formed HTTP/1.1")
LONG_REQUEST_LINE: Final = Refusal(
    own_errors.URI_TOO_LONG,
    f"the request line is longer than {REQUEST_LINE_LIMIT} bytes; what is long belongs in the body",
)
LARGE_HEAD: Final = Refusal(
    own_errors.HEAD_TOO_LARGE,
    f"the request's head is larger than {HEAD_LIMIT} bytes, one of its fields larger than {FIELD_LIMIT}, "
    f"or it has more than {HEADER_COUNT_LIMIT} fields",
)
TOO_MANY_CONNECTIONS: Final = Refusal(
    own_errors.TOO_MANY_CONNECTIONS, "the gateway has as many connections as it may; try again later", retry_after=1
)
CROWDED_OUT: Final = Refusal(
    own_errors.OVERLOADED,
    "the request's body came too slowly to be held while others need the memory; try again later",
    retry_after=1,
)


def late_head(seconds: float) -> Refusal:
    """Say that a head did not end in time."""
    return Refusal(own_errors.HEAD_TIMEOUT, f"the request's head did not come within {seconds:g} seconds")


def late_body(seconds: float) -> Refusal:
    """Say that a body stalled."""
    return Refusal(own_errors.BODY_TIMEOUT, f"too little of the request's body came for {seconds:g} seconds")
