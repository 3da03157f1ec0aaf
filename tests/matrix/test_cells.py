"""The official SDKs, unchanged, at strict providers of every API: what a client of one format gets from each.

`make formats` prints the same as a table.
"""

import pytest

from matrix.cells import MAKERS, held, wrong
from matrix.clients import SESSIONS, Kind


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("kind", SESSIONS)
async def test_every_case_holds_whole_and_streamed(kind: Kind, maker: str) -> None:
    found = await held(kind, maker)
    assert len(found) > 19
    assert wrong(found) == []
