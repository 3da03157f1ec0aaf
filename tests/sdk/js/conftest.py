"""Tests of the JavaScript SDKs: they run when they are named, as `make sdk-js` does, for they need Node and npm."""

import pytest


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave these out unless they are asked for."""
    return None if any("sdk/js" in argument for argument in config.args) else True
