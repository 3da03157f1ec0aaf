"""Gateways that run for a test, or for all tests of a module."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from running import Manifests, Models, Shared, free_port, switchover


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    folder = tmp_path / "manifests"
    folder.mkdir()
    made = Manifests(folder, free_port())
    made.gateway()
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    manifests = Manifests(tmp_path_factory.mktemp("manifests"), free_port())
    manifests.gateway()
    async with Models().running() as models, switchover(manifests.folder, manifests.port, models.port) as running:
        await running.says("ready: ")
        yield Shared(running, manifests, models)
