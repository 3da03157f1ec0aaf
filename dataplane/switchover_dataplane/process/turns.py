"""How much of what others sent is worked off before everybody else gets a turn.

All requests share one event loop. What is at hand is read without waiting, so whoever reads on has to give way of its
own accord: after so many bytes or events, whatever they hold and whoever wants them. Those who gave way stand in a
queue, and each time round the event loop one of them goes on. So however many large answers there are, a request that
has little to do waits for one turn, and not for one of each.
"""

import asyncio
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

BYTES: Final = 16 * 1024
"""Bytes of an answer that are handed on, or made of a coded one, in one turn; no piece is larger."""

EVENTS: Final = 64
"""Events of a stream that are read in one turn."""

_Waiting = deque[asyncio.Future[None]]
_waiting: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting]" = WeakKeyDictionary()


async def give_way() -> None:
    """Wait for the next turn, behind all who wait for theirs."""
    loop = asyncio.get_running_loop()
    waiting = _waiting.get(loop)
    if waiting is None:
        waiting = _waiting[loop] = deque()
    turn: asyncio.Future[None] = loop.create_future()
    waiting.append(turn)
    if len(waiting) == 1:
        loop.call_soon(_let_one_go_on, loop, waiting)
    await turn


def _let_one_go_on(loop: asyncio.AbstractEventLoop, waiting: _Waiting) -> None:
    while waiting:
        turn = waiting.popleft()
        if not turn.done():  # it is where its request was given up
            turn.set_result(None)
            break
    if waiting:
        loop.call_soon(_let_one_go_on, loop, waiting)
