"""Tests with agents: they run when they are named, as `make agents` does, for they need Node, npm and `unshare`."""

import pytest

from agents.offline import is_offline


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave these out unless they are asked for."""
    return None if any("tests/agents" in argument for argument in config.args) else True


@pytest.fixture(autouse=True)
def _offline() -> None:
    """Let no agent run where it could call home."""
    if not is_offline():
        pytest.skip("agents run only where there is no network but loopback: make agents")
