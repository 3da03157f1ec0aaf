"""What is wrong with a request before there is one → the answer that says so, as bytes and without what was sent."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from switchover_dataplane.formats import own_answers

HEAD_LIMIT: Final = 64 * 1024
REQUEST_LINE_LIMIT: Final = 8 * 1024
FIELD_LIMIT: Final = 16 * 1024
HEADER_COUNT_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client is answered by the edge itself and its connection closed; `retry_after` is in seconds."""

    status: int
    code: str
    message: str
    retry_after: int | None = None

    @property
    def kind(self) -> str:
        """OpenAI's `error.type`."""
        return "invalid_request_error" if self.status < 500 else "server_error"

    def wire(self, request_id: str) -> bytes:
        """Write the whole answer."""
        body = own_answers.body(self.message, self.kind, self.code)
        wait = "" if self.retry_after is None else f"retry-after: {self.retry_after}\r\n"
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nserver: switchover\r\n{wait}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        ).encode() + body


MALFORMED: Final = Refusal(400, "bad_request", "the request is not well-formed HTTP/1.1")
LONG_REQUEST_LINE: Final = Refusal(
    414, "uri_too_long", f"the request line is longer than {REQUEST_LINE_LIMIT} bytes; what is long belongs in the body"
)
LARGE_HEAD: Final = Refusal(
    431,
    "head_too_large",
    f"the request's head is larger than {HEAD_LIMIT} bytes, one of its fields larger than {FIELD_LIMIT}, "
    f"or it has more than {HEADER_COUNT_LIMIT} fields",
)
TOO_MANY_CONNECTIONS: Final = Refusal(
    503, "too_many_connections", "the gateway has as many connections as it may; try again later", retry_after=1
)
CROWDED_OUT: Final = Refusal(
    503,
    "overloaded",
    "the request's body came too slowly to be held while others need the memory; try again later",
    retry_after=1,
)


def late_head(seconds: float) -> Refusal:
    """Say that a head did not end in time."""
    return Refusal(408, "head_timeout", f"the request's head did not come within {seconds:g} seconds")


def late_body(seconds: float) -> Refusal:
    """Say that a body stalled."""
    return Refusal(408, "body_timeout", f"too little of the request's body came for {seconds:g} seconds")
