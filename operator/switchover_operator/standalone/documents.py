"""The text of one manifest file → Kubernetes objects, each with the line it stands on, and what could not be read.

Every document of a file is read on its own, so that a broken one does not harm its neighbours. The values are those
that `kubectl` would send: YAML 1.1 as Kubernetes reads it, where `yes` is true and `010` is 8 but a date and `1:30` are
strings. Problems name positions and never quote the text: the text may be a Secret.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.key_shapes import without_keys

MAX_DEPTH: Final = 200
MAX_VALUES: Final = 2_000_000
CLUSTER_SCOPED: Final = frozenset(
    {"Namespace", "GatewayClass", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Node"}
)


@dataclass(frozen=True, slots=True)
class Document:
    """One object and the line (from 1) where it begins."""

    body: Body
    line: int

    @property
    def identity(self) -> Identity:
        """The object's identity; `documents` gives only objects that have one."""
        return identity_of(self.body)


class Unreadable(ValueError):
    """A document that cannot be read. `line` and `column` count from 1; 0 where there is none."""

    def __init__(self, what: str, line: int, column: int = 0) -> None:
        what = without_keys(what)
        super().__init__(what)
        self.what, self.line, self.column = what, line, column


def documents(text: bytes, *, json: bool = False) -> Iterator[Document | Unreadable]:
    """Read every object of a file, in order: the object, or why it is none.

    `List` kinds are flattened, empty documents skipped, and a namespaced object without a namespace gets "default".
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Unreadable("not UTF-8 text", text[: error.start].count(b"\n") + 1)
        return
    for chunk, first_line in ((decoded, 1),) if json else _split(decoded):
        try:
            values = _json(chunk) if json else _yaml(chunk, first_line)
        except Unreadable as unreadable:
            yield unreadable
            continue
        for value, line in values:
            yield from _objects(value, line)


def line_of(text: bytes, identity: Identity, path: str) -> int | None:
    """Find the line of the field `path` (such as `spec.rules[0].matches`) of an object in a YAML file.

    A path that the file does not have gives the line of its nearest parent; an object it does not have gives None.
    """
    for chunk, first_line in _split(text.decode("utf-8-sig", "replace")):
        try:
            root = _compose(chunk, first_line)
            for node in _items(root) if root is not None else ():
                found = list(_objects(_Values(first_line).of(node), 1))
                if found and isinstance(found[0], Document) and found[0].identity == identity:
                    return first_line + _descend(node, path)
        except Unreadable:
            continue
    return None


# ── Text → values ───────────────────────────────────────────────────────────────────────────────────────────────────

_SEPARATOR: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ONLY_DIRECTIVES: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)|%[^\n]*(?:\n|\Z))*\Z")


def _split(text: str) -> Iterator[tuple[str, int]]:
    """Cut a stream into its documents with the line each begins on: `---` at the start of a line is always a marker."""
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text))]
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        chunk = text[start:end]
        if not _ONLY_DIRECTIVES.match(chunk):
            yield chunk, line
        line += chunk.count("\n")


def _json(text: str) -> list[tuple[Any, int]]:
    if not text.strip():
        return []
    try:
        return [(msgspec.json.decode(text), 1)]
    except (msgspec.DecodeError, RecursionError) as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        if at is None:
            raise Unreadable("not JSON: it ends too early", text.count("\n") + 1) from None
        before = text.encode()[: int(at[1])]
        column = len(before) - before.rfind(b"\n")
        raise Unreadable("not JSON: this character cannot stand here", before.count(b"\n") + 1, column) from None


def _yaml(chunk: str, first_line: int) -> list[tuple[Any, int]]:
    root = _compose(chunk, first_line)
    if root is None:
        return []
    return [(_Values(first_line).of(node), first_line + node.start_mark.line) for node in _items(root)]


class _Loader(yaml.CSafeLoader):
    """Plain scalars get the types that Kubernetes gives them."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way to begin without YAML 1.1's dates and base-60 numbers


def _resolve_plain(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{pattern})\\Z"), list(first))


_resolve_plain("bool", "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO")
_resolve_plain("int", "[-+]?(?:0b[01_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|0o?[0-7_]*[0-7]|0|[1-9][0-9_]*)", "-+0123456789")
_resolve_plain(
    "float",
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+0123456789.",
)
_resolve_plain("null", "~|null|Null|NULL|", "~nN")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"\Z"), [""])
_resolve_plain("merge", "<<", "<")


def _compose(chunk: str, first_line: int) -> yaml.Node | None:
    """One document's nodes, None where it is empty.

    Raises:
        Unreadable: no YAML, or nested so deeply that libyaml's recursion would not survive it.
    """
    try:
        # Each level of nesting takes a bracket or a column, so most texts need no second look.
        if chunk.count("[") + chunk.count("{") > MAX_DEPTH or max(map(len, chunk.splitlines()), default=0) > MAX_DEPTH:
            _refuse_deep_nesting(chunk, first_line)
        loader = _Loader(chunk)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = chunk.encode()[: error.position].count(b"\n")
        raise Unreadable("not YAML: a character that is not allowed", first_line + line) from None
    except yaml.MarkedYAMLError as error:
        what = ", ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark
        if mark is None:
            raise Unreadable(f"not YAML: {what}", first_line) from None
        raise Unreadable(f"not YAML: {what}", first_line + mark.line, mark.column + 1) from None
    return node


def _refuse_deep_nesting(chunk: str, first_line: int) -> None:
    depth = 0
    for event in yaml.parse(chunk, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line if event.start_mark else 0
            raise Unreadable(f"nested more than {MAX_DEPTH} levels deep", first_line + line)


class _Values:
    """Nodes → JSON-like values of one document; counts them, as aliases of aliases multiply without end."""

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line
        self._left = MAX_VALUES

    def of(self, node: yaml.Node, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise self._unreadable("aliases that contain themselves or multiply beyond measure", node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self._merge(value_node, depth) | merged
                continue
            key = self._key(key_node)
            if key in own:
                raise self._unreadable("a key that stands in this mapping twice", key_node)
            own[key] = self.of(value_node, depth + 1)
        return merged | own

    def _merge(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            value = self.of(source, depth + 1)
            if not isinstance(value, dict):
                raise self._unreadable("`<<` takes a mapping or a list of mappings", node)
            merged = value | merged
        return merged

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._unreadable("a key that is no plain text", node)
        value = self._scalar(node)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else str(value)

    def _scalar(self, node: yaml.Node) -> Any:
        text = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "str" | "binary" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() in ("yes", "true", "on")
            case "int" | "float" as kind:
                return self._number(node, kind)
            case _:
                raise self._unreadable("a tag that Kubernetes does not know", node)

    def _number(self, node: yaml.Node, kind: str) -> int | float:
        text = node.value.replace("_", "").lower()
        digits = text.lstrip("+-")
        try:
            if kind == "int" and len(digits) < 20:
                if digits.startswith("0") and digits.strip("0") and not digits.startswith(("0x", "0b", "0o")):
                    text = text.replace("0", "0o", 1)
                return int(text, 0)
            number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            raise self._unreadable("not a number", node) from None
        if not math.isfinite(number):
            raise self._unreadable("a number that JSON cannot say", node)
        return number

    def _unreadable(self, what: str, node: yaml.Node) -> Unreadable:
        return Unreadable(what, self._first_line + node.start_mark.line, node.start_mark.column + 1)


# ── Values → objects ────────────────────────────────────────────────────────────────────────────────────────────────


def _objects(value: Any, line: int) -> Iterator[Document | Unreadable]:
    """One value → the object it is, or each object of the list it is."""
    if value is None:
        return
    if isinstance(value, Mapping) and str(value.get("kind", "")).endswith("List") and "items" in value:
        for item in value["items"] if isinstance(value["items"], list) else [value["items"]]:
            yield from _objects(item, line)
        return
    reason = _why_no_object(value)
    if reason:
        yield Unreadable(reason, line)
        return
    metadata = dict(value["metadata"])
    if value["kind"] not in CLUSTER_SCOPED and not metadata.get("namespace"):
        metadata["namespace"] = "default"
    yield Document({**value, "metadata": metadata}, line)


def _why_no_object(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "not a Kubernetes object: it has no apiVersion, kind and metadata.name"
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str) or not value[name]:
            return f"not a Kubernetes object: {name} has to be a text that is not empty"
    metadata = value.get("metadata")
    if not isinstance(metadata, Mapping):
        return f"{value['kind']}: metadata has to be a mapping with a name"
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return f"{value['kind']}: metadata.name has to be a text that is not empty (quote it if it looks like a number)"
    if not isinstance(metadata.get("namespace", ""), str | None):
        return f"{value['kind']} {metadata['name']}: metadata.namespace has to be text (quote it if it is a number)"
    return ""


def _items(root: yaml.Node) -> list[yaml.Node]:
    """The nodes of a List's items, else the document itself."""
    children = _children(root)
    kind, items = children.get("kind"), children.get("items")
    if kind is not None and str(kind[1].value).endswith("List") and items and isinstance(items[1], yaml.SequenceNode):
        return list(items[1].value)
    return [root]


def _descend(node: yaml.Node, path: str) -> int:
    """Follow a field path from a node as far as it leads; the line there, relative to the document's."""
    line: int = node.start_mark.line
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line
        elif name and name in (children := _children(node)):
            key, node = children[name]
            line = key.start_mark.line
        else:
            break
    return line


def _children(node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
