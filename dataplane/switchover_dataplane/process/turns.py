"""Cooperative scheduling: how much one request may process before other requests get a turn.

All requests share one event loop, and reading data that has arrived never waits. So each reader gives way after a
number of bytes or events. Readers that gave way wait in a queue, and each iteration of the event loop continues one of
them. A small request waits for one turn, not for one turn of each large answer.
"""

import asyncio
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

BYTES: Final = 16 * 1024
"""Bytes of an answer that one turn may forward or decompress; no piece is larger."""

EVENTS: Final = 64
"""Events of a stream that one turn may read."""

_Waiting = deque[asyncio.Future[None]]
_waiting: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting]" = WeakKeyDictionary()


async def give_way() -> None:
    """Wait for the next turn, after all that wait already."""
    loop = asyncio.get_running_loop()
    waiting = _waiting.get(loop)
    if waiting is None:
        waiting = _waiting[loop] = deque()
    turn: asyncio.Future[None] = loop.create_future()
    waiting.append(turn)
    if len(waiting) == 1:
        loop.call_soon(_continue_one, loop, waiting)
    await turn


def _continue_one(loop: asyncio.AbstractEventLoop, waiting: _Waiting) -> None:
    while waiting:
        turn = waiting.popleft()
        if not turn.done():  # done: the request was cancelled
            turn.set_result(None)
            break
    if waiting:
        loop.call_soon(_continue_one, loop, waiting)
