"""A file of client keys → the callers that it names, or what is wrong in which line; no message holds a key."""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from switchover_operator.compiler.api_keys import SHORTEST_KEY
from switchover_operator.compiler.key_texts import own_key_problem
from switchover_operator.key_shapes import looks_like_a_key
from switchover_operator.schemas.names import label_problem

_LINE: Final = re.compile(r"([^\s:]+)(?:\s*:\s*|\s+)(\S+)(?:\s+#.*)?")
_MOST_BYTES: Final = 1 << 20
_MAKE: Final = "openssl rand -hex 24"


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A caller's name and the key that it sends."""

    name: str
    key: str = field(repr=False)


def read_client_keys(file: Path) -> tuple[ClientKey, ...]:
    """Read a file with a line `name key` or `name: key` for each caller, in the order of the file.

    Raises:
        ValueError: it cannot be read, other users may read or change it, or a line of it cannot count.
    """
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            text = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ValueError(f"{file} is open to every user of this machine (mode {mode:04o}); do: chmod 600 {file}")
    if len(text) > _MOST_BYTES:
        raise ValueError(f"{file} is larger than 1 MiB")
    try:
        return _callers(file, text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no UTF-8 text") from None


def _callers(file: Path, text: str) -> tuple[ClientKey, ...]:
    by_name: dict[str, tuple[int, ClientKey]] = {}
    by_key: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{file}:{number}"
        caller = _caller(where, line.strip())
        if caller.name in by_name:
            raise ValueError(f"{where}: the name {caller.name} stands in line {by_name[caller.name][0]}, too")
        if caller.key in by_key:
            other_line, other = by_key[caller.key]
            raise ValueError(f"{where}: {caller.name} has the key of {other} (line {other_line}); each needs its own")
        by_name[caller.name] = (number, caller)
        by_key[caller.key] = (number, caller.name)
    if not by_name:
        raise ValueError(f"{file} names no caller; write a line NAME KEY for each, with a key of `{_MAKE}`")
    return tuple(caller for _, caller in by_name.values())


def _caller(where: str, line: str) -> ClientKey:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{where}: a line is NAME KEY or NAME: KEY, and a key has no spaces")
    name, key = found.groups()
    # A name that may be the key is not shown: the two may stand in the wrong order.
    if len(key) < SHORTEST_KEY:
        shown = "" if len(name) >= SHORTEST_KEY or looks_like_a_key(name) else f" of {name!r}"
        order = " (the name comes first, then the key)" if not shown else ""
        raise ValueError(
            f"{where}: the key{shown} must have at least {SHORTEST_KEY} characters{order}; make one: {_MAKE}"
        )
    if looks_like_a_key(name):
        raise ValueError(f"{where}: what stands first looks like a key; the name comes first, then the key")
    if problem := label_problem(name):
        raise ValueError(f"{where}: the name {name!r} {problem}")
    if problem := own_key_problem(key):
        raise ValueError(f"{where}: the key of {name} {problem}")
    return ClientKey(name, key)
