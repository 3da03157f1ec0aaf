"""Compiles the data plane's hot path with mypyc where SWITCHOVER_COMPILE=1 is set; else all stays Python.

Everything else about the package stands in pyproject.toml. mypyc and a C compiler are needed at build time only.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path("dataplane")
ROOMS = ("attempts", "classify", "edge", "failover", "formats", "health", "process", "reply", "request", "routing")
ROOMS += ("streams", "telemetry", "upstream")
AS_PYTHON = frozenset((
    "formats/json_fields.py",  # mypyc compiles no subclass of str
    "request/read_body.py",  # nor an asynchronous generator
    # What serves no request, and would make the build longer and nothing faster:
    "edge/certificates.py",
    "edge/listeners.py",
    "process/core_dumps.py",
    "process/heap.py",
    "process/parent.py",
    "telemetry/families.py",
    "telemetry/logs.py",
))


def modules() -> list[str]:
    """The source files that are compiled."""
    package = ROOT / "switchover_dataplane"
    in_rooms = (path for room in ROOMS for path in (package / room).glob("*.py") if path.name != "__init__.py")
    paths = [package / "proxy.py", *in_rooms]
    return sorted(str(path) for path in paths if path.relative_to(package).as_posix() not in AS_PYTHON)


def extensions() -> list[Extension]:
    """One C extension for all of these modules, so that calls between them are plain calls in C."""
    if os.environ.get("SWITCHOVER_COMPILE") != "1":
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 - a build without it needs no mypyc

    # `make lint` checks the types; what the compiler needs of them does not depend on that configuration.
    settings = ["--config-file=", "--ignore-missing-imports"]
    return mypycify([*settings, *modules()], debug_level=os.environ.get("SWITCHOVER_DEBUG", "0"), group_name="switchover")


setup(ext_modules=extensions(), setup_requires=["mypy>=1.18"] if os.environ.get("SWITCHOVER_COMPILE") == "1" else [])
