"""A test that hangs where nothing can interrupt it is named, instead of hanging the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HANGS = {
    "C code runs and no handler of signals does": """
import signal, threading, pytest

@pytest.fixture
def left_open():
    yield
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    threading.Event().wait()
""",
    "a task takes the error for its own": """
import asyncio, pytest

async def never_ends():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

@pytest.fixture
def left_open():
    loop = asyncio.new_event_loop()
    yield
    loop.run_until_complete(asyncio.wait([loop.create_task(never_ends())]))
""",
}
TEST = "\ndef test_of_a_name(left_open):\n    pass\n"


@pytest.mark.parametrize("hangs", HANGS.values(), ids=HANGS)
def test_a_teardown_that_cannot_be_interrupted_ends_the_run_with_the_name_of_its_test(
    tmp_path: Path, hangs: str
) -> None:
    (tmp_path / "test_it.py").write_text(hangs + TEST)
    command = [sys.executable, "-m", "pytest", "-p", "pytest_timeout", "-p", "hanging", "-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    ended = subprocess.run(
        [*command, "-o", "timeout=1", "--rootdir", str(tmp_path), str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "test_it.py::test_of_a_name hangs and cannot be interrupted" in ended.stderr
    assert "in left_open" in ended.stderr
