"""While tenant A attacks, tenant B's answers are whole, and nothing of either reaches the other.

How fast B is answered meanwhile is measured by `make tenants`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tenants.attacks import ATTACKS, Attack
from tenants.stage import Stage, stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
A_WHILE = 0.25
PAGE = Path(__file__).parents[2] / "docs" / "security.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on() -> AsyncIterator[Stage]:
    async with stage() as staged:
        yield staged


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_nothing_of_the_neighbour_reaches_the_attacker(on: Stage, attack: Attack) -> None:
    seen = await on.under(attack, A_WHILE)
    await on.settled()
    assert seen.leaks == []
    assert seen.measured.foreign == []
    assert seen.measured.wrong == []
    assert seen.alive


async def test_every_attack_has_its_row_in_the_documentation() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert [each.name for each in ATTACKS if not any(each.name in row for row in rows)] == []
    assert len({each.name for each in ATTACKS}) == len(ATTACKS) == 20
