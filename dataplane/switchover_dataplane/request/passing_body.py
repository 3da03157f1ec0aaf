"""A request body that is handed on as it comes, and cannot be sent again."""

from collections.abc import AsyncIterator

from switchover_dataplane.edge.request import Request


def ask_for(request: Request) -> None:
    """Tell a client that waits for it to send the body."""
    if request.head.expects_continue:
        request.connection.send_continue()


async def passing(request: Request) -> AsyncIterator[bytes]:
    """Hand the body on as it comes, for requests that are sent once only."""
    if request.whole is None:
        ask_for(request)
    while piece := await request.take():
        yield piece
