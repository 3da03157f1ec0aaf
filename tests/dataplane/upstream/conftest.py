"""The transport that tests send with."""

from collections.abc import AsyncIterator

import pytest

from serving import ON_THIS_MACHINE
from switchover_dataplane.upstream.transport import Transport


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport(targets=ON_THIS_MACHINE)
    yield one
    await one.close()
