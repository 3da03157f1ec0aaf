"""The values of one object with `${NAME}` and `${NAME:-default}` in them → the same object with the variables' values.

Placeholders are replaced where a value stands, and not in the text of a file, so that no variable can add a field and
every field keeps its line. What a variable holds stands in no message.
"""

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from switchover_operator.resources.field_types import takes_text
from switchover_operator.resources.kinds import KINDS
from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.yaml_scalars import Unquoted

SIGN: Final = "${"
"""A text without it has no placeholder."""

_ANY: Final = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)\}?")
_INNER: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has_default>:-(?P<default>(?s:.*)))?", re.ASCII)
_NO_TEXT: Final = re.compile(r"true|false|-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_LITERAL: Final = "$${ is a literal ${"
_NOT_REPLACED: Final = frozenset({"apiVersion", "kind", "status"})
_COPY_OF_THE_OBJECT: Final = ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")

_Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """Why a placeholder cannot be replaced: in which field, in which line of the object (from 0), and what is wrong."""

    path: str
    line: int
    what: str


@dataclass(slots=True)
class Replacement:
    """An object whose placeholders are replaced, the variables that it names, and the faults.

    Where there are faults, those placeholders stay as they were written.
    """

    value: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)


def is_replaced_in(value: Mapping[str, Any]) -> bool:
    """Whether an object is of a kind that is read here: what `${` means elsewhere, such as in a script, is unknown."""
    version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return False
    return (version.rpartition("/")[0], kind) in KINDS


def replaced(value: Mapping[str, Any], lines: "array[int]", variables: Variables) -> Replacement:
    """Replace the placeholders of an object; `lines` are those of its fields (`field_lines`), or none."""
    return _Replacing(value, lines, variables).done


def as_written(value: Any) -> Any:
    """Return a value in which every placeholder stays."""
    if isinstance(value, dict):
        return {key: as_written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_written(each) for each in value]
    return str(value) if isinstance(value, Unquoted) else value


class _Replacing:
    """A walk through one object, in the order that `field_lines` has."""

    def __init__(self, value: Mapping[str, Any], lines: "array[int]", variables: Variables) -> None:
        self.done = Replacement()
        self._lines = lines
        self._variables = variables
        self._at = 0
        """The number of the key or item, by which its line is found."""
        version, self._kind = value["apiVersion"], value["kind"]
        self._group = version.rpartition("/")[0]
        self._is_secret = (self._group, self._kind) == ("", "Secret")
        self.done.value = {key: self._field(each, (key,)) for key, each in value.items()}

    def _field(self, value: Any, path: _Path) -> Any:
        line = self._lines[self._at] if self._lines else 0
        self._at += 1
        if isinstance(value, str):
            return self._text(value, path, line) if SIGN in value else value
        if isinstance(value, dict):
            return {key: self._field(each, (*path, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._field(each, (*path, index)) for index, each in enumerate(value)]
        return value

    def _text(self, text: str, path: _Path, line: int) -> Any:
        if path[0] in _NOT_REPLACED or path == _COPY_OF_THE_OBJECT:
            return str(text)
        if self._is_secret and path[0] == "data":
            what = "holds base64, in which no ${NAME} is replaced; move the key to stringData and write the text itself"
            self.done.faults.append(Fault(_written(path), line, what))
            return str(text)
        before = len(self.done.faults)
        whole = _ANY.sub(lambda found: self._placeholder(found, path, line), text)
        if len(self.done.faults) > before:
            return str(text)
        if isinstance(text, Unquoted) and _NO_TEXT.fullmatch(whole) and not takes_text(self._group, self._kind, path):
            return whole == "true" if whole in ("true", "false") else int(whole)
        return whole

    def _placeholder(self, found: re.Match[str], path: _Path, line: int) -> str:
        inner = found["inner"]
        if inner is None:
            return SIGN
        parts = _INNER.fullmatch(inner) if found[0].endswith("}") else None
        if parts is None or SIGN in inner:
            what = f"a placeholder is ${{NAME}} or ${{NAME:-default}}, with none inside; {_LITERAL}"
            self.done.faults.append(Fault(_written(path), line, what))
            return ""
        name = parts["name"]
        self.done.names.add(name)
        value = self._variables.get(name)
        if parts["has_default"] and not value:
            return parts["default"] or ""
        what = _why_not(name, value)
        if what:
            self.done.faults.append(Fault(_written(path), line, what))
        return value or ""


def _why_not(name: str, value: str | None) -> str:
    if value is None:
        return (
            f"the variable {name} is not set: set it, name a file that has it with --env-file, or write "
            f"${{{name}:-default}}; {_LITERAL}"
        )
    # Python has other bytes of the environment as halves of characters.
    return "" if _is_text(value) else f"the value of the variable {name} is not UTF-8 text"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(path: _Path) -> str:
    return "".join(_steps(path))


def _steps(path: _Path) -> Iterator[str]:
    for number, step in enumerate(path):
        if isinstance(step, int):
            yield f"[{step}]"
        else:
            yield f".{step}" if number else step
