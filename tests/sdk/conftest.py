"""One gateway for all tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sdk.gateway import Against, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def against(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Against]:
    async with serving(tmp_path_factory.mktemp("manifests")) as running:
        yield running
