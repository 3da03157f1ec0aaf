"""What Python executes between two moments: calls of Python functions, calls of C functions, bytecode instructions.

These three do not depend on the clock, the machine or its load: the same code, the same libraries and the same minor
version of CPython execute the same instructions for the same bytes. What C code does inside of one call is not seen.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple


class Counts(NamedTuple):
    """How much was executed. `calls` counts each resumption of a coroutine or generator, too."""

    calls: float
    c_calls: float
    instructions: float

    def since(self, before: "Counts") -> "Counts":
        """Return what was executed after `before`."""
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


@dataclass(slots=True)
class Counter:
    """Counts what this thread executes between `start` and `stop`, but nothing in the files of `ignored`, nor here."""

    ignored: frozenset[str]
    by_code: dict[CodeType, list[int]] = field(default_factory=dict)
    total: list[int] = field(default_factory=lambda: [0, 0, 0])

    def __post_init__(self) -> None:
        self.ignored |= {__file__}

    def now(self) -> Counts:
        """Return what was executed so far."""
        return Counts(*self.total)

    def start(self) -> None:
        """Count from now on."""
        # CPython 3.12 traces instructions only if a frame asked for it before the tracing began.
        sys._getframe().f_trace_opcodes = True
        sys.setprofile(self._profile)
        sys.settrace(self._call)

    def stop(self) -> None:
        """Count no more."""
        sys.settrace(None)
        sys.setprofile(None)

    def _call(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event != "call" or frame.f_code.co_filename in self.ignored:
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        self._add(frame.f_code, 0)
        return self._instruction

    def _instruction(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            self._add(frame.f_code, 2)
        return self._instruction

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename not in self.ignored:
            self._add(frame.f_code, 1)

    def _add(self, code: CodeType, kind: int) -> None:
        self.total[kind] += 1
        counts = self.by_code.get(code)
        if counts is None:
            counts = self.by_code[code] = [0, 0, 0]
        counts[kind] += 1


def file_of(code: CodeType) -> str:
    """Name the file of a function, from its package on."""
    parts = Path(code.co_filename).parts
    root = max((index + 1 for index, part in enumerate(parts[:-1]) if part in _ROOTS), default=0)
    return "/".join(parts[root:])


_ROOTS = ("dataplane", "site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}")
