"""The text of a file of variables, such as `.env` → the variables, or the line that is none.

One `NAME=VALUE` a line, as shells and `docker compose` have it: comments, `export`, quotes. Nothing in a value is
replaced by another variable. No message repeats anything of a line but a name: the rest may be a key.
"""

import re
from collections.abc import Mapping
from typing import Final

from switchover_operator.standalone.text_encoding import decoded

Variables = Mapping[str, str]
"""What placeholders are replaced by: the variables by their names. Only those that a file names are looked up."""

MAX_BYTES: Final = 1024 * 1024
"""The longest file of variables that is read."""

_NAME: Final = re.compile(r"(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<gap>[ \t]*)=", re.ASCII)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE: Final = re.compile(r"'([^']*)'")
_COMMENT: Final = re.compile(r"[ \t]+#.*\Z")
_NOTHING: Final = re.compile(r"[ \t]*(?:[ \t]#.*)?\Z")
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


class NotVariables(ValueError):
    """A file that is no file of variables: what is wrong, and in which `line`, from 1."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def variables_of(data: bytes) -> dict[str, str]:
    """Read the variables of a file, by their names.

    Raises:
        NotVariables: a line that is no variable, or a name that stands there twice.
        Unreadable: it is no text.
    """
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(decoded(data).split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, value = _variable(text, number)
        if name in lines:
            raise NotVariables(f"{name} stands in this file twice, first in line {lines[name]}", number)
        found[name], lines[name] = value, number
    return found


def _variable(text: str, number: int) -> tuple[str, str]:
    start = _NAME.match(text)
    if start is None:
        raise NotVariables("no variable: a line is NAME=VALUE, `export NAME=VALUE`, a comment after # or empty", number)
    if start["gap"]:
        raise NotVariables(f"white space between the name {start['name']} and =", number)
    given = text[start.end() :].lstrip(" \t")
    quote = given[:1]
    if quote not in ("'", '"'):
        # With nothing before it, # begins a comment, too.
        value = _COMMENT.sub("", text[start.end() :]).strip()
    else:
        quoted = (_DOUBLE if quote == '"' else _SINGLE).match(given)
        if quoted is None or not _NOTHING.match(given, quoted.end()):
            what = "which has to end in its line, with nothing but a comment after it"
            raise NotVariables(f"the value of {start['name']} begins with a quotation mark, {what}", number)
        value = quoted[1] if quote == "'" else _ESCAPED.sub(_unescaped, quoted[1])
    if "\0" in value:
        raise NotVariables(f"the value of {start['name']} holds a NUL character", number)
    return start["name"], value


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])
