"""The text of one YAML document → its values as Kubernetes reads them, and the line of every field.

The values are those that `kubectl` would send: YAML 1.1 as Kubernetes reads it, where `yes` is true and `010` is 8 but
a date and `1:30` are strings. Problems name positions and never quote the text: the text may be a Secret. Lines and
columns count from 1.
"""

from array import array
from dataclasses import dataclass
from sys import intern
from typing import Any, Final, NamedTuple

import yaml

from switchover_operator.key_shapes import without_keys
from switchover_operator.standalone.field_lines import count
from switchover_operator.standalone.yaml_plain import plain_document
from switchover_operator.standalone.yaml_scalars import MERGE, STRING, TAG, key_text, scalar, tag_of, unquoted

MAX_DEPTH: Final = 200
MAX_VALUES: Final = 2_000_000
_MOST_TWICE: Final = 100
"""Double keys of a document that are named."""


class Unreadable(ValueError):
    """A document that cannot be read. `line` and `column` count from 1; 0 where there is none."""

    def __init__(self, what: str, line: int, column: int = 0) -> None:
        what = without_keys(what)
        super().__init__(what)
        self.what, self.line, self.column = what, line, column

    def moved(self, lines: int) -> "Unreadable":
        """Return the same problem, so many lines further down."""
        return Unreadable(self.what, self.line + lines, self.column) if lines else self


class Twice(NamedTuple):
    """A key that stands in one mapping a second time, in `line` and `column`, and in the line `first` before.

    `at` is the place of the mapping in the lines of the value's fields, -1 if it is the value itself. What stood there
    first is in the value.
    """

    at: int
    key: str
    line: int
    column: int
    first: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value, the line where it begins, the lines of its fields from there (`field_lines`), and its double keys."""

    value: Any
    line: int
    field_lines: "array[int]"
    twice: tuple[Twice, ...] = ()


def yaml_value(text: str) -> Value | None:
    """Read one document; None where it is empty.

    Raises:
        Unreadable: no YAML, nested too deeply, or a value that JSON does not have.
    """
    plain = plain_document(text)
    return Value(*plain) if plain is not None else composed_value(text)


def composed_value(text: str) -> Value | None:
    """Read one document as `yaml_value` does, by libyaml, whatever YAML it is written in.

    Raises:
        Unreadable: as `yaml_value` does.
    """
    root = _compose(text)
    return None if root is None else _Values(text).top(root)


# ── Text → nodes ────────────────────────────────────────────────────────────────────────────────────────────────────


class _Loader(yaml.CSafeLoader):
    """Plain scalars get the types that Kubernetes gives them."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """Name the tag of a node that has none: PyYAML's own rule in fewer steps, as it is asked for every node."""
        if kind is not yaml.ScalarNode:
            return f"{TAG}seq" if kind is yaml.SequenceNode else f"{TAG}map"
        return tag_of(value) if implicit[0] else STRING

    def descend_resolver(self, *_: object) -> None:
        """Do nothing: no tag here depends on where a node stands."""

    def ascend_resolver(self) -> None:
        """Do nothing."""


def _compose(text: str) -> yaml.Node | None:
    """One document's nodes, None where it is empty.

    Raises:
        Unreadable: no YAML, or nested so deeply that libyaml's recursion would not survive it.
    """
    try:
        # Each level of nesting takes a bracket or a column, so most texts need no second look.
        if text.count("[") + text.count("{") > MAX_DEPTH or max(map(len, text.splitlines()), default=0) > MAX_DEPTH:
            _refuse_deep_nesting(text)
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n")
        raise Unreadable("not YAML: a character that is not allowed", 1 + line) from None
    except yaml.MarkedYAMLError as error:
        what = ", ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark
        if mark is None:
            raise Unreadable(f"not YAML: {what}", 1) from None
        raise Unreadable(f"not YAML: {what}", 1 + mark.line, mark.column + 1) from None
    return node


def _refuse_deep_nesting(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line if event.start_mark else 0
            raise Unreadable(f"nested more than {MAX_DEPTH} levels deep", 1 + line)


# ── Nodes → values ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Values:
    """Nodes → JSON-like values of one document; counts them, as aliases of aliases multiply without end."""

    def __init__(self, text: str) -> None:
        self._text = text if "${" in text else ""
        """Where placeholders are looked up; "" if there are none."""
        self._left = MAX_VALUES
        self._lines = array("i")
        self._first = 0
        self._twice: list[Twice] = []

    def top(self, node: yaml.Node) -> Value:
        """Read a whole document."""
        self._first = node.start_mark.line
        value = self._of(node, 0, 0)
        return Value(value, self._first + 1, self._lines, tuple(self._twice))

    def _of(self, node: yaml.Node, depth: int, line: int) -> Any:
        """Read one node, in `line` of the object, and note the lines of what is below it."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise _unreadable("aliases that contain themselves or multiply beyond measure", node)
        if node.tag == STRING and type(node) is yaml.ScalarNode:
            return self._scalar_text(node) if self._text else node.value
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth, line)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, depth)
        return _scalar(node)

    def _scalar_text(self, node: yaml.ScalarNode) -> str:
        """Mark a placeholder without quotes; one with a tag is the text that its tag says."""
        before = self._text[node.start_mark.index : node.end_mark.index].partition("${")[0]
        return node.value if node.style or "!" in before else unquoted(node.value)

    def _sequence(self, node: yaml.SequenceNode, depth: int) -> list[Any]:
        items: list[Any] = []
        for item in node.value:
            line = item.start_mark.line - self._first
            self._lines.append(line)
            items.append(self._of(item, depth + 1, line))
        return items

    def _mapping(self, node: yaml.MappingNode, depth: int, line: int) -> dict[str, Any]:
        if any(key_node.tag == MERGE for key_node, _ in node.value):
            return self._with_merges(node, depth, line)
        place = len(self._lines) - 1
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in own:
                self._note_twice(key, key_node, node, place)
                continue
            at = key_node.start_mark.line - self._first
            self._lines.append(at)
            own[key] = self._of(value_node, depth + 1, at)
        return own

    def _with_merges(self, node: yaml.MappingNode, depth: int, line: int) -> dict[str, Any]:
        """Read a mapping that takes keys from others by `<<`: they have the line of the mapping that takes them.

        Of a key that stands here and is taken, too, the later one counts, as for kubectl.
        """
        lines, start = self._lines, len(self._lines)
        whole: dict[str, Any] = {}
        own: set[str] = set()
        of_own: dict[str, array[int]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                taken = self._merge(value_node, depth)
                whole |= taken
                for key in taken:
                    of_own.pop(key, None)
            elif (key := _key(key_node)) in own:
                self._note_twice(key, key_node, node, start - 1)
            else:
                at = key_node.start_mark.line - self._first
                own.add(key)
                whole[key] = self._of(value_node, depth + 1, at)
                of_own[key] = array("i", [at]) + lines[start:]
            del lines[start:]
        for key, value in whole.items():
            lines.extend(of_own[key] if key in of_own else array("i", [line]) * (1 + count(value)))
        return whole

    def _note_twice(self, key: str, key_node: yaml.Node, mapping: yaml.MappingNode, place: int) -> None:
        if len(self._twice) == _MOST_TWICE:
            return
        first = next(node for node, _ in mapping.value if node.tag != MERGE and _key(node) == key)
        mark = key_node.start_mark
        self._twice.append(Twice(place, key, mark.line + 1, mark.column + 1, first.start_mark.line + 1))

    def _merge(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            value = self._of(source, depth + 1, 0)
            if not isinstance(value, dict):
                raise _unreadable("`<<` takes a mapping or a list of mappings", node)
            merged = value | merged
        return merged


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _unreadable("a key that is no plain text", node)
    if node.tag == STRING:
        return intern(node.value)
    try:
        return intern(key_text(node.tag, node.value))
    except ValueError as error:
        raise _unreadable(str(error), node) from None


def _scalar(node: yaml.Node) -> Any:
    try:
        return scalar(node.tag, node.value)
    except ValueError as error:
        raise _unreadable(str(error), node) from None


def _unreadable(what: str, node: yaml.Node) -> Unreadable:
    return Unreadable(what, 1 + node.start_mark.line, node.start_mark.column + 1)
