"""Compiles the data plane's hot path with mypyc where SWITCHOVER_COMPILE=1 is set; else all stays Python.

Everything else about the package stands in pyproject.toml. mypyc and a C compiler are needed at build time only.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

PACKAGE = Path("dataplane", "switchover_dataplane")

HOT = {
    "attempts": "answer attempt attempt_group attempt_log exchange held in_flight read_success runtime soft_timeout",
    "classify": "error_body error_fields known_refusals named_part refusal waits",
    "edge": "client_connection clients head_parser heads receiving reply_head request request_body sending server",
    "failover": "answer_status backoff balance decision most_telling retry_budget retry_state triggers",
    "formats": "error_shape json_body json_fields lenient_json media_types plain_answer token_count",
    "health": "attribution cool_downs ejection health health_keys",
    "process": "deadlines driver timeouts turns waiter",
    "": "log_text proxy",
    "reply": "reply",
    "request": "call call_of continuation expect identity limits memory_budget plan read_body wording",
    "routing": "backends filters headers",
    "telemetry": "json_line metrics series trace trace_line",
    "upstream": "connection decoded pool redaction request_head response_parser targets transport upload",
}
"""Most modules that requests go through, as `make guard TOP=70` lists them.

These stay Python: a subclass of str (`formats/json_fields`) and an asynchronous generator (`request/read_body`), which
mypyc does not compile; msgspec's Structs that bodies are decoded into (`formats/chunk`, `formats/plain_answer`), as the
types of their fields are lost; a generic dataclass with slots (`routing/match`); and what reads and hands on streams,
of which tests fail when it is compiled.
"""


def sources() -> list[str]:
    """The files that are compiled."""
    return [str(PACKAGE / room / f"{name}.py") for room, names in HOT.items() for name in names.split()]


def extensions() -> list[Extension]:
    """One extension for all of these modules, so that a call from one to another is a call in C."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a build of plain Python needs no mypyc

    # `make lint` checks the types under its own configuration, which names packages that are not there in a build.
    settings = ["--config-file=", "--ignore-missing-imports"]
    return mypycify([*settings, *sources()], opt_level="2", debug_level="0", multi_file=True, group_name="switchover")


COMPILES = os.environ.get("SWITCHOVER_COMPILE") == "1"
setup(ext_modules=extensions() if COMPILES else [], setup_requires=["mypy>=1.18"] if COMPILES else [])
