"""The paths a user names with -f → the objects in them at this moment, and a signal when they changed.

What a file holds is read anew whenever it differs; while it is broken, the objects it held before stay (`advance`). The
file system's notifications only shorten the wait: what decides is a comparison of what is there with what was read, so
a lost notification, a network mount or a folder that appears later delays a change and never loses it.
"""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import Document, Known, Reader
from switchover_operator.standalone.file_watch import LOOK_AGAIN, wait, watch
from switchover_operator.standalone.yaml_values import Unreadable

STDIN: Final = Path("-")
MAX_BYTES: Final = 32 * 1024 * 1024
SUFFIXES: Final = (".yaml", ".yml", ".json")
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml")
"""What kubectl's `-k` reads: files about manifests, which stand in the same folders and hold no objects."""
SETTLE: Final = 0.05
"""Seconds for which files have to stay as they are before they are read: an editor writes in several steps."""
MOST_RESTS: Final = 20
Fingerprint = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object stands: a file and its line, from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{'standard input' if self.file == STDIN else self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the files that is not served. `kept` are the objects that stay as they were because of it.

    `line` and `column` count from 1; 0 where the problem is with the whole file.
    """

    file: Path
    what: str
    line: int = 0
    column: int = 0
    kept: tuple[Identity, ...] = ()

    def __str__(self) -> str:
        name = "standard input" if self.file == STDIN else str(self.file)
        place = ":".join([name, *(str(number) for number in (self.line, self.column) if number)])
        kept = f" (still served as last read: {', '.join(map(str, self.kept))})" if self.kept else ""
        return f"{place}: {self.what}{kept}"


@dataclass(frozen=True, slots=True)
class FileState:
    """What one file stands for: its objects, those among them that it no longer holds in readable form, and why.

    `known` is what its documents are, for its next reading.
    """

    objects: Mapping[Identity, Document] = field(default_factory=dict)
    kept: tuple[Identity, ...] = ()
    problems: tuple[Problem, ...] = ()
    known: Known = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """All objects of all files at one moment, each once, where it stands, and the document that it is."""

    objects: Mapping[Identity, Body] = field(default_factory=dict)
    origins: Mapping[Identity, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    documents: Mapping[Identity, Document] = field(default_factory=dict)

    @property
    def snapshot(self) -> Snapshot:
        """The objects alone, and where each stands."""
        return Snapshot.of(self.objects.values(), self.sources)

    @property
    def sources(self) -> Mapping[Identity, str]:
        """Where each object stands, as text."""
        return {identity: str(origin) for identity, origin in self.origins.items()}


def advance(last: FileState, file: Path, text: bytes) -> FileState:
    """A file's text → what it stands for now.

    What can be read counts. While something in it cannot, the objects that it held before and that are not in the
    readable part stay. So they do while the file is empty, as a file that is just being written is.
    """
    if not text.strip() and last.objects:
        what = "empty; delete the file to delete its objects"
        return _kept(last, file, what)
    objects: dict[Identity, Document] = {}
    unreadable: list[Unreadable] = []
    problems: list[Problem] = []
    reader = Reader(last.known)
    for found in reader.read(text, json=file.suffix == ".json"):
        if isinstance(found, Unreadable):
            unreadable.append(found)
            continue
        if found.identity in objects:
            what = f"{found.identity} stands in this file twice; the one in line {found.line} is used"
            problems.append(Problem(file, what, objects[found.identity].line))
        objects[found.identity] = found
    kept = {identity: known for identity, known in last.objects.items() if unreadable and identity not in objects}
    problems += [Problem(file, each.what, each.line, each.column, tuple(kept)) for each in unreadable]
    return FileState(objects | kept, tuple(kept), tuple(problems), reader.known)


def _kept(last: FileState, file: Path, what: str) -> FileState:
    """A file of which nothing can be read: all that it held stays."""
    kept = tuple(last.objects)
    return FileState(last.objects, kept, (Problem(file, what, kept=kept),), last.known)


def merged(states: Mapping[Path, FileState]) -> View:
    """The files' states in the order of their names → one view; of an object in several files the last one counts.

    An object that a broken file only keeps gives way to one that stands readable elsewhere.
    """
    found: dict[Identity, tuple[Path, Document]] = {}
    problems: list[Problem] = []
    held: set[Identity] = set()
    for file, state in states.items():
        problems += state.problems
        kept_here = frozenset(state.kept)
        for identity, document in state.objects.items():
            kept = identity in kept_here
            other = found.get(identity)
            if other is not None:
                if kept:
                    continue
                if identity not in held:
                    what = f"{identity} stands in {Origin(file, document.line)} too, and that one is used"
                    problems.append(Problem(other[0], what, other[1].line))
            found[identity] = (file, document)
            if kept:
                held.add(identity)
            else:
                held.discard(identity)
    return View(
        {identity: document.body for identity, (_, document) in found.items()},
        {identity: Origin(file, document.line) for identity, (file, document) in found.items()},
        tuple(problems),
        {identity: document for identity, (_, document) in found.items()},
    )


class Manifests:
    """The manifests below some paths: `read` says what they hold now, `changes` when to read them again.

    A path may be a file, a folder (read with its subfolders, `*.yaml`, `*.yml` and `*.json`, without hidden names) or
    `-` for standard input.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._states: dict[Path, FileState] = {}
        self._read: dict[Path, Fingerprint] = {}

    def read(self) -> View:
        """Read what changed since the last call and give the whole."""
        present = _fingerprints(self._paths)
        for file, fingerprint in present.items():
            if self._read.get(file) != fingerprint:
                self._states[file] = self._state(file)
        gone = [path for path in self._paths if path != STDIN and not path.exists()]
        states = {
            file: self._states[file]
            for file in sorted(self._states)
            if file in present or any(file.is_relative_to(path) for path in gone)
        }
        self._states, self._read = states, present
        view = merged(states)
        return replace(view, problems=(*(self._missing(path) for path in gone), *view.problems))

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield each time the files differ from what they were and have come to rest."""
        noticed = asyncio.Event()
        watching = asyncio.create_task(watch([path for path in self._paths if path != STDIN], noticed))
        seen = self._read
        try:
            while True:
                await wait(noticed, LOOK_AGAIN)
                noticed.clear()
                now = _fingerprints(self._paths)
                if now == seen:
                    continue
                seen = await self._at_rest(now)
                yield
        finally:
            watching.cancel()

    async def _at_rest(self, before: dict[Path, Fingerprint]) -> dict[Path, Fingerprint]:
        """Wait until the files stay as they are, though not for a file that is written without end."""
        for _ in range(MOST_RESTS):
            await asyncio.sleep(SETTLE)
            now = _fingerprints(self._paths)
            if now == before:
                break
            before = now
        return before

    def _state(self, file: Path) -> FileState:
        last = self._states.get(file, FileState())
        try:
            text = _text(file)
        except (OSError, ValueError) as error:
            what = f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
            return _kept(last, file, what)
        return advance(last, file, text)

    def _missing(self, path: Path) -> Problem:
        kept = [
            identity for file, state in self._states.items() if file.is_relative_to(path) for identity in state.objects
        ]
        return Problem(path, "does not exist; it is read as soon as it does", kept=tuple(kept))


def locate(view: View, identity: Identity, path: str) -> Origin | None:
    """Find the line of an object's field as the files were read; the object's own line where it is not found."""
    origin, document = view.origins.get(identity), view.documents.get(identity)
    return origin if origin is None or document is None else Origin(origin.file, document.line_of(path))


def _text(file: Path) -> bytes:
    """Read a whole file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large for a manifest.
    """
    if file == STDIN:
        return sys.stdin.buffer.read()
    with file.open("rb") as stream:
        text = stream.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
    return text


def _fingerprints(paths: Iterable[Path]) -> dict[Path, Fingerprint]:
    """Every manifest below the paths, sorted, with what changes when its content does."""
    found: dict[Path, Fingerprint] = {}
    for file in sorted({file for path in paths for file in _files(path)}):
        if file == STDIN:
            found[file] = (0, 0, 0)
            continue
        try:
            status = file.stat()
        except OSError:
            continue
        # A pipe, as from `-f <(helm template ...)`, can be read only once.
        regular = stat.S_ISREG(status.st_mode)
        found[file] = (status.st_mtime_ns, status.st_size, status.st_ino) if regular else (0, 0, 0)
    return found


def _files(path: Path) -> list[Path]:
    """A file itself, or the manifests of a folder, without hidden names: a ConfigMap's mount keeps copies in them."""
    if path == STDIN or not path.is_dir():
        return [path]
    files: list[Path] = []
    entered: set[str] = set()
    for folder, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in entered else [name for name in folders if not name.startswith(".")]
        if real not in entered:
            files += [Path(folder, name) for name in names if _is_manifest(name)]
        entered.add(real)
    return files


def _is_manifest(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".") and name not in KUSTOMIZATIONS
