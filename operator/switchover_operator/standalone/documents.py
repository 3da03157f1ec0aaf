"""The text of one manifest file → Kubernetes objects, each with the line it stands on, and what could not be read.

Every document of a file is read on its own, so that a broken one does not harm its neighbours, and one that stands in
the file as it did before is not read again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.json_values import NotJson, json_values
from switchover_operator.standalone.objects import Document, objects_of
from switchover_operator.standalone.placeholders import SIGN
from switchover_operator.standalone.text_encoding import decoded
from switchover_operator.standalone.yaml_values import Unreadable, Value, yaml_value

Found = Document | Unreadable
"""An object, or why there is none."""

Known = Mapping[bytes, tuple[Found, ...]]
"""What the documents of a file are, by the digest of their text; as if each were a file of its own."""


@dataclass(slots=True)
class Reader:
    """Reads a file again and again: `known` is what was read last, and what is read now.

    `variables` are what placeholders are replaced by, and always the same; None: no placeholder is replaced.
    """

    known: Known = field(default_factory=dict)
    variables: Variables | None = field(default=None, repr=False)

    def read(self, text: bytes) -> Iterator[Found]:
        """Read every object of a file, in order: the object, or why it is none.

        Whether it is JSON or YAML its content decides, as for kubectl: a document that begins with `{` is JSON, or
        several objects of it, one after the other, and where it is none, YAML.
        `List` kinds are flattened, empty documents skipped, and a namespaced object without a namespace gets "default".
        """
        before, self.known = self.known, (now := {})
        try:
            whole = decoded(text)
        except Unreadable as unreadable:
            yield unreadable
            return
        for part, first_line in _split(whole):
            digest = blake2b(part.encode(), digest_size=16).digest()
            found = now[digest] = before.get(digest) or tuple(_read(part, self.variables))
            for each in found:
                yield each.moved(first_line - 1)


def documents(text: bytes) -> Iterator[Found]:
    """Read every object of a file once, as `Reader.read` does, and leave its placeholders as they are."""
    return Reader().read(text)


def _read(part: str, variables: Variables | None) -> Iterator[Found]:
    has_placeholders = SIGN in part
    for value in _values(part):
        if not isinstance(value, Unreadable):
            yield from objects_of(value, variables, has_placeholders=has_placeholders)
        elif _ACTION.search(part):
            yield Unreadable(f"{_TEMPLATE} ({value.what})", value.line, value.column)
        elif variables is not None and has_placeholders and SIGN in part.split("\n")[value.line - 1]:
            yield Unreadable(f"{value.what} ({_PLACEHOLDER})", value.line, value.column)
        else:
            yield value


# ── Text → values ───────────────────────────────────────────────────────────────────────────────────────────────────

_SEPARATOR: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ONLY_DIRECTIVES: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)|%[^\n]*(?:\n|\Z))*\Z")
_BEFORE_BRACE: Final = re.compile(r"(?:---[ \t]*(?:\r?\n|(?=\{)))?\s*(?=\{)")
_QUOTED_KEY: Final = re.compile(r'\s*\{\s*"')
_ACTION: Final = re.compile(
    r"\{\{-?\s*(?:[.$/]|(?:if|else|end|range|with|include|template|define|block|toYaml|tpl|printf|default|required)\b)"
)
"""What Helm's templates have between double braces; prompts have others there."""
_TEMPLATE: Final = "it looks like a Helm template: render it first, helm template NAME CHART | switchover check -f -"

_PLACEHOLDER: Final = 'between braces or brackets a placeholder has to stand in quotes: "${NAME}"'


def _split(text: str) -> Iterator[tuple[str, int]]:
    """Cut a stream into its documents with the line each begins on: `---` at the start of a line is always a marker."""
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text))]
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        chunk = text[start:end]
        if not _ONLY_DIRECTIVES.match(chunk):
            yield chunk, line
        line += chunk.count("\n")


def _values(part: str) -> Iterator[Value | Unreadable]:
    before_brace = _BEFORE_BRACE.match(part)
    if before_brace is None:
        yield from _yaml(part)
        return
    # Its lines and columns stay.
    text = re.sub(r"[^\n]", " ", before_brace[0]) + part[before_brace.end() :]
    values = json_values(text)
    first = next(values)
    if isinstance(first, NotJson):
        as_yaml = list(_yaml(part))
        if not (_QUOTED_KEY.match(text) and any(isinstance(each, Unreadable) for each in as_yaml)):
            yield from as_yaml
            return
    yield first
    yield from values


def _yaml(part: str) -> Iterator[Value | Unreadable]:
    try:
        value = yaml_value(part)
    except Unreadable as unreadable:
        yield unreadable
        return
    if value is not None:
        yield value
