"""A target that has switched to another protocol: its bytes and the client's are handed on until either of them closes.

Nothing of them is read. Source: RFC 9110, section 7.8; RFC 6455.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.request_body import RequestBody
from switchover_dataplane.routing.headers import WEBSOCKET
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

SWITCHED: Final = 101


async def run(
    request: Request, answer: Answer, headers: "CIMultiDict[str]", count: Callable[[int], None], idle: float
) -> None:
    """Hand bytes on, both ways, until one side closes or both are silent for `idle` seconds, 0 for no limit.

    `count` is called with the size of each piece for the client.

    Raises:
        ConnectionError: the client left.
    """
    connection, target = request.connection, answer.rest
    assert target is not None  # noqa: S101 - a switched connection has no end but that of its own
    headers["connection"] = "Upgrade"
    headers["upgrade"] = answer.headers.get("upgrade", WEBSOCKET)
    loop = asyncio.get_running_loop()
    upwards: asyncio.Task[None] | None = None
    try:
        from_client = connection.switch(headers)
        async with asyncio.timeout(idle or None) as limit:

            def goes_on() -> None:
                if idle and not limit.expired():
                    limit.reschedule(loop.time() + idle)

            upwards = loop.create_task(_upwards(from_client, target, goes_on))
            while piece := await target.chunk():
                await connection.write(piece)
                count(len(piece))
                goes_on()
    except (ConnectionBroken, TimeoutError):
        pass  # the client sees the end of the connection, as it would without a gateway
    finally:
        if upwards is not None:
            upwards.cancel()
        connection.end_switched()
        answer.abort()


async def _upwards(from_client: RequestBody, target: Response, goes_on: Callable[[], None]) -> None:
    """Hand on what the client sends; its end cancels whoever waits for the target."""
    try:
        while piece := await from_client.take():
            goes_on()
            await target.write(piece)
    except (ConnectionBroken, ConnectionError):
        pass  # the other direction learns of it, too
