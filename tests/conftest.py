"""Options of the suite."""

import gc

import hypothesis
import pytest

pytest_plugins = ["hanging"]

# Thousands of tests are collected and stay to the end: the collector is not to walk over them again and again.
gc.disable()

# How long an example takes says something of the machine and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-write",
        action="store_true",
        help="rewrite the committed outputs of golden tests; review the difference",
    )


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
