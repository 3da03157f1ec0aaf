"""How long a target may be silent, where a cut could only destroy its answer and where it could not."""

import asyncio

from multidict import CIMultiDict

from switchover_dataplane.reply.idle_timeout import IdleTimeout
from switchover_dataplane.upstream.transport import Response


class Aborted(Response):
    """An answer that tells when it is given up."""

    __slots__ = ("aborted",)

    def __init__(self) -> None:
        self.status, self.headers = 200, CIMultiDict[str]()
        self.aborted = asyncio.Event()

    def abort(self) -> None:
        self.aborted.set()


async def test_a_longer_limit_ends_with_the_silence_that_it_was_given_to() -> None:
    rest, asked, longer = Aborted(), asyncio.Event(), [100.0]

    def lengthened() -> float | None:
        asked.set()
        return longer.pop() if longer else None

    idle = IdleTimeout(rest, 0.01, lengthened)
    idle.waiting_since = asyncio.get_running_loop().time()
    await asked.wait()
    assert (idle.timed_out, idle.patience) == (False, 100.0)

    idle.waiting_since += 0.001  # something came, and silence follows
    await rest.aborted.wait()
    assert (idle.timed_out, idle.patience) == (True, 0.01)
