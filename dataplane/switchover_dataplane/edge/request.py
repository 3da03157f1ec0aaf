"""A client's request as the edge hands it on: its head, which many requests share, and its body, which comes in pieces.

What frames the body stands beside the head and not among its fields, so that a client which asks again and again with
bodies of other lengths sends the same head each time.
"""

from typing import TYPE_CHECKING

from multidict import CIMultiDict

from switchover_dataplane.edge.request_body import RequestBody

if TYPE_CHECKING:
    from switchover_dataplane.edge.receiving import Receiving


class Head:
    """A request's head without its Content-Length; nobody changes it, as requests share it.

    `target` is path and query as they were sent. `keep_alive` says whether another request may follow. `plan` is for
    the proxy: what it found out about requests with this head.
    """

    __slots__ = ("expects_continue", "headers", "http_1_1", "is_chunked", "keep_alive", "method", "plan", "target")

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        method: str,
        target: str,
        headers: "CIMultiDict[str]",
        http_1_1: bool,
        keep_alive: bool,
        is_chunked: bool,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.http_1_1 = http_1_1
        self.keep_alive = keep_alive
        self.is_chunked = is_chunked
        self.expects_continue = http_1_1 and headers.get("expect", "").lower() == "100-continue"
        self.plan: object | None = None


class Request:
    """One request of the client at `remote`, "" where it has no address.

    `content_length` is in bytes, None where the head names none. `whole` is the body where all of it came with the
    head, b"" for none; else it is None, and the body is taken as it comes.
    """

    __slots__ = ("_body", "_taken", "connection", "content_length", "head", "remote", "whole")

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        head: Head,
        remote: str,
        connection: "Receiving",
        content_length: int | None,
        whole: bytes | None,
        body: RequestBody | None,
    ) -> None:
        self.head = head
        self.remote = remote
        self.connection = connection
        self.content_length = content_length
        self.whole = whole
        self._body = body
        self._taken = False

    @property
    def method(self) -> str:
        """The method, as it was sent."""
        return self.head.method

    @property
    def headers(self) -> "CIMultiDict[str]":
        """The fields of the head; nobody changes them."""
        return self.head.headers

    @property
    def path(self) -> str:
        """What stands before the query of the target, as it was sent."""
        return self.head.target.partition("?")[0]

    @property
    def has_body(self) -> bool:
        """Whether there is a body, if only one without content in chunks."""
        return self._body is not None or bool(self.whole)

    async def take(self) -> bytes:
        """Return what has come of the body since it was taken last, b"" at its end.

        Raises:
            ConnectionResetError: the client left, or the request was given up.
        """
        if self._body is not None:
            return await self._body.take()
        if self._taken:
            return b""
        self._taken = True
        return self.whole or b""
