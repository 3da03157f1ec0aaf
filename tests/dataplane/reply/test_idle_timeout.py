"""How long a target may be silent, where a cut could only destroy its answer and where it could not."""

import asyncio

from switchover_dataplane.reply.idle_timeout import IdleTimeout


async def test_a_longer_limit_ends_with_the_silence_that_it_was_given_to() -> None:
    given_up, asked, longer = asyncio.Event(), asyncio.Event(), [100.0]

    def lengthened() -> float | None:
        asked.set()
        return longer.pop() if longer else None

    idle = IdleTimeout(given_up.set, 0.01, lengthened)
    idle.waiting_since = asyncio.get_running_loop().time()
    await asked.wait()
    assert (idle.timed_out, idle.patience) == (False, 100.0)

    idle.waiting_since += 0.001  # something came, and silence follows
    await given_up.wait()
    assert (idle.timed_out, idle.patience) == (True, 0.01)
