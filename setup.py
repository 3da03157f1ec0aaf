"""Compiles the data plane's hot path with mypyc where SWITCHOVER_COMPILE=1 is set; else all stays Python.

Everything else about the package stands in pyproject.toml. mypyc and a C compiler are needed at build time only.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PACKAGE = Path("dataplane", "switchover_dataplane")

HOT = {
    "attempts": "adapted answer attempt attempt_group attempt_log declined exchange held in_flight join read_answer "
    "read_success redirect runtime soft_timeout stream_start unreadable",
    "classify": "error_body error_fields known_refusals named_part refusal waits",
    "edge": "client_connection clients head_parser heads receiving reply_head request request_body request_ids "
    "sending server",
    "failover": "answer_status backoff balance decision most_telling retry_budget retry_state triggers",
    "formats": "error_shape finish_reasons json_body json_fields lenient_json media_types plain_answer sse stream_end "
    "token_count",
    "health": "attribution cool_downs ejection health health_keys",
    "process": "deadlines driver timeouts turns waiter",
    "": "log_text proxy",
    "reply": "delivery idle_timeout reading relay reply",
    "request": "call call_of capable continuation expect identity known_forms limits memory_budget plan read_body "
    "translating wording",
    "routing": "backends filters headers",
    "streams": "going_on held_calls kept_text opened opening other_blocks other_calls other_response other_text splice "
    "transcript",
    "telemetry": "json_line metrics series trace trace_line",
    "translation": "stream text_runs",
    "translation/chat": "write_answer write_stream",
    "translation/messages": "read_answer words",
    "upstream": "connection decoded pool redaction request_head response_parser targets translated transport upload",
}
"""Most modules that requests go through, as `make guard TOP=70` lists them.

`tests/dataplane/test_compiled_modules.py` says what such a module must not have. So these stay Python: a subclass of
str (`formats/every_field`); an asynchronous generator (`request/passing_body`); msgspec's Structs that bodies are
decoded into (`formats/chunk`, `formats/event_body`, `formats/plain_forms`, `classify/success`), as the types of their
fields are lost; Structs with options, which are lost (`failover/outcome`, `failover/steps`, `formats/chunk_kind`,
`telemetry/trace_fields`); and a generic dataclass with slots (`routing/match`).
"""


class BuildOfMany(build_ext):
    """Compiles the C files of an extension beside each other: setuptools takes them one after the other."""

    def build_extension(self, ext: Extension) -> None:
        """Compile each file, then link them all."""

        def compiled(source: str) -> list[str]:
            return self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                debug=self.debug,
                extra_postargs=ext.extra_compile_args,
                depends=ext.depends,
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for objects in pool.map(compiled, ext.sources):
                ext.extra_objects += objects
        ext.sources = []
        super().build_extension(ext)


def sources() -> list[str]:
    """The files that are compiled."""
    return [str(PACKAGE / room / f"{name}.py") for room, names in HOT.items() for name in names.split()]


def extensions() -> list[Extension]:
    """One extension for all of these modules, so that a call from one to another is a call in C."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a build of plain Python needs no mypyc

    # `make lint` checks the types under its own configuration, which names packages that are not there in a build.
    settings = ["--config-file=", "--ignore-missing-imports"]
    made = mypycify([*settings, *sources()], opt_level="2", debug_level="0", multi_file=True, group_name="switchover")
    for each in made:
        # What another version of the C compiler warns of is no fault of this package.
        each.extra_compile_args = [flag for flag in each.extra_compile_args if flag != "-Werror"]
    return made


if os.environ.get("SWITCHOVER_COMPILE") == "1":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildOfMany}, setup_requires=["mypy>=1.18"])
else:
    setup()
