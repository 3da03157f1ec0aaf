"""How much of what a target sent is worked off before everybody else gets a turn.

All requests share one event loop. What is at hand is read without waiting, so whoever reads on has to give way of its
own accord: after so many bytes or events, whatever they hold and whoever wants them.
"""

import asyncio
from typing import Final

BYTES: Final = 64 * 1024
"""Bytes of an answer that are handed on, or made of a coded one, in one turn; no piece is larger."""

EVENTS: Final = 500
"""Events of a stream that are read in one turn."""


async def give_way() -> None:
    """Let everything else that is ready run once."""
    await asyncio.sleep(0)
