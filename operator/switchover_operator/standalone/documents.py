"""The text of one manifest file → Kubernetes objects, each with the line it stands on, and what could not be read.

Every document of a file is read on its own, so that a broken one does not harm its neighbours, and one that stands in
the file as it did before is not read again.
"""

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.standalone.field_lines import NO_LINES, line_of, with_last_key
from switchover_operator.standalone.yaml_values import Unreadable, Value, yaml_values

CLUSTER_SCOPED: Final = frozenset(
    {"Namespace", "GatewayClass", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Node"}
)


@dataclass(frozen=True, slots=True)
class Document:
    """One object, the line (from 1) where it begins, and the lines of its fields from there."""

    identity: Identity
    body: Body
    line: int
    field_lines: "array[int]"

    def line_of(self, path: str) -> int:
        """Find the line of a field, such as `spec.rules[0].matches`; of its nearest parent if there is no such field.

        In a JSON file it is the object's own line.
        """
        return self.line + line_of(self.body, self.field_lines, path) if self.field_lines else self.line

    def moved(self, lines: int) -> "Document":
        """Return the same object, so many lines further down."""
        return Document(self.identity, self.body, self.line + lines, self.field_lines) if lines else self


Found = Document | Unreadable
"""An object, or why there is none."""

Known = Mapping[bytes, tuple[Found, ...]]
"""What the documents of a file are, by the digest of their text; as if each were a file of its own."""


@dataclass(slots=True)
class Reader:
    """Reads a file again and again: `known` is what was read last, and what is read now."""

    known: Known = field(default_factory=dict)

    def read(self, text: bytes, *, json: bool = False) -> Iterator[Found]:
        """Read every object of a file, in order: the object, or why it is none.

        `List` kinds are flattened, empty documents skipped, and a namespaced object without a namespace gets "default".
        """
        before, self.known = self.known, (now := {})
        try:
            decoded = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            yield Unreadable("not UTF-8 text", text[: error.start].count(b"\n") + 1)
            return
        for part, first_line in ((decoded, 1),) if json else _split(decoded):
            digest = blake2b(part.encode(), digest_size=16).digest()
            found = now[digest] = before.get(digest) or tuple(_read(part, json=json))
            for each in found:
                yield each.moved(first_line - 1)


def documents(text: bytes, *, json: bool = False) -> Iterator[Found]:
    """Read every object of a file once, as `Reader.read` does."""
    return Reader().read(text, json=json)


def _read(part: str, *, json: bool) -> Iterator[Found]:
    try:
        values = _json(part) if json else yaml_values(part)
    except Unreadable as unreadable:
        yield unreadable
        return
    for value in values:
        yield from _objects(value)


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


def _json(text: str) -> list[Value]:
    if not text.strip():
        return []
    try:
        return [Value(msgspec.json.decode(text), 1, NO_LINES)]
    except (msgspec.DecodeError, RecursionError) as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        if at is None:
            raise Unreadable("not JSON: it ends too early", text.count("\n") + 1) from None
        before = text.encode()[: int(at[1])]
        column = len(before) - before.rfind(b"\n")
        raise Unreadable("not JSON: this character cannot stand here", before.count(b"\n") + 1, column) from None


# ── Values → objects ────────────────────────────────────────────────────────────────────────────────────────────────


def _objects(given: Value) -> Iterator[Found]:
    """One value → the object it is, or each object of the list it is."""
    value = given.value
    if value is None:
        return
    if isinstance(value, Mapping) and str(value.get("kind", "")).endswith("List") and "items" in value:
        for item in value["items"] if isinstance(value["items"], list) else [value["items"]]:
            yield from _objects(Value(item, given.line, NO_LINES))
        return
    reason = _why_no_object(value)
    if reason:
        yield Unreadable(reason, given.line)
        return
    body, lines = value, given.field_lines
    metadata = value["metadata"]
    if value["kind"] not in CLUSTER_SCOPED and not metadata.get("namespace"):
        body = {**value, "metadata": {**metadata, "namespace": "default"}}
        if lines and "namespace" not in metadata:
            lines = with_last_key(value, lines, "metadata")
    yield Document(identity_of(body), body, given.line, lines)


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
