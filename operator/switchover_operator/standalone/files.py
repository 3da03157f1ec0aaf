"""The paths a user names with -f → the objects in them at this moment, and a signal when they changed.

What a file holds is read anew whenever it differs; while it is broken, the objects it held before stay (`advance`). The
file system's notifications only shorten the wait: what decides is a comparison of what is there with what was read, so
a lost notification, a network mount or a folder that appears later delays a change and never loses it.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import Known, Reader
from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.field_lines import NO_LINES
from switchover_operator.standalone.file_list import STDIN, FileList, Present, is_chart
from switchover_operator.standalone.file_watch import LOOK_AGAIN, wait, watch
from switchover_operator.standalone.kustomizations import KUSTOMIZATIONS, MAX_BYTES, rendered
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable

SETTLE: Final = 0.05
"""Seconds for which files have to stay as they are before they are read: an editor writes in several steps."""
MOST_RESTS: Final = 20


def name_of(file: Path) -> str:
    """Name a file for people."""
    return "standard input" if file == STDIN else str(file)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object stands: a file and its line, from 1; 0 where the file is a kustomization that makes it."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{name_of(self.file)}:{self.line}" if self.line else name_of(self.file)


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
        place = ":".join([name_of(self.file), *(str(number) for number in (self.line, self.column) if number)])
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
    """All objects of all files at one moment, each once, where it stands, also as text, and the document that it is."""

    objects: Mapping[Identity, Body] = field(default_factory=dict)
    origins: Mapping[Identity, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    documents: Mapping[Identity, Document] = field(default_factory=dict)
    sources: Mapping[Identity, str] = field(default_factory=dict)

    @property
    def snapshot(self) -> Snapshot:
        """The objects alone, and where each stands."""
        return self.snapshot_after(None)

    @property
    def variables(self) -> dict[Path, list[str]]:
        """The names of the variables that each file reads, sorted. A file that reads none is left out."""
        found: dict[Path, set[str]] = {}
        for identity, document in self.documents.items():
            if document.variables:
                found.setdefault(self.origins[identity].file, set()).update(document.variables)
        return {file: sorted(names) for file, names in sorted(found.items())}

    def snapshot_after(self, before: Snapshot | None) -> Snapshot:
        """Give the same; `before` is one of much the same objects, whose order need not be found again."""
        return Snapshot.of_files(self.objects, self.sources, before)


def advance(
    last: FileState, file: Path, text: bytes, variables: Variables | None = None, *, is_rendered: bool = False
) -> FileState:
    """A file's text → what it stands for now; `is_rendered` is one that a kustomization makes: its lines are no places.

    What can be read counts. While something in it cannot, the objects that it held before and that are not in the
    readable part stay. So they do while the file is empty, as a file that is just being written is. Placeholders are
    replaced by `variables`, which are always the same ones; None: they stay.
    """
    if not text.strip() and last.objects and not is_rendered:
        what = "empty; delete the file to delete its objects"
        return _kept(last, file, what)
    objects: dict[Identity, Document] = {}
    unreadable: list[Unreadable] = []
    problems: list[Problem] = []
    reader = Reader(last.known, variables)
    for found in reader.read(text):
        if isinstance(found, Unreadable):
            unreadable.append(
                Unreadable(f"in line {found.line} of what it makes: {found.what}", 0) if is_rendered else found
            )
            continue
        if found.identity in objects:
            what = f"{found.identity} stands in this file twice; the one in line {found.line} is used"
            problems.append(Problem(file, what, objects[found.identity].line))
        objects[found.identity] = replace(found, line=0, field_lines=NO_LINES) if is_rendered else found
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
    made_twice: dict[tuple[Path, Path], list[Identity]] = {}
    for file, state in states.items():
        problems += state.problems
        kept_here = frozenset(state.kept)
        for identity, document in state.objects.items():
            kept = identity in kept_here
            other = found.get(identity)
            if other is not None:
                if kept:
                    continue
                if identity not in held and not (document.line or other[1].line):
                    made_twice.setdefault((other[0], file), []).append(identity)
                elif identity not in held:
                    what = f"{identity} stands in {Origin(file, document.line)} too, and that one is used"
                    problems.append(Problem(other[0], what, other[1].line))
            found[identity] = (file, document)
            if kept:
                held.add(identity)
            else:
                held.discard(identity)
    problems += [_two_overlays(*files, identities) for files, identities in made_twice.items()]
    origins = {identity: Origin(file, document.line) for identity, (file, document) in found.items()}
    return View(
        {identity: document.body for identity, (_, document) in found.items()},
        origins,
        tuple(problems),
        {identity: document for identity, (_, document) in found.items()},
        {identity: str(origin) for identity, origin in origins.items()},
    )


def _two_overlays(one: Path, other: Path, both_make: Sequence[Identity]) -> Problem:
    others = f" and {len(both_make) - 1} more" if len(both_make) > 1 else ""
    them = "them" if others else "it"
    what = (
        f"{both_make[0]}{others}: {other} makes {them}, too, and what it makes is used; "
        f"name the one folder that is meant, -f {one.parent} or -f {other.parent}"
    )
    return Problem(one, what)


def remerged(view: View, states: Mapping[Path, FileState], before: Mapping[Path, FileState]) -> View:
    """Give `merged(states)`, where `view` is that of the states `before`: the work is in proportion to the change.

    The order of objects may be another. It is all done anew where an object stands in several files, or where there
    are problems, as what is used then depends on the order of the files.
    """
    changed = [file for file in {**before, **states} if before.get(file) is not states.get(file)]
    if view.problems or any(states[file].problems for file in changed if file in states):
        return merged(states)
    objects, origins = dict(view.objects), dict(view.origins)
    documents, sources = dict(view.documents), dict(view.sources)
    for file in changed:
        for identity in before[file].objects if file in before else ():
            del objects[identity], origins[identity], documents[identity], sources[identity]
    for file in changed:
        for identity, document in states[file].objects.items() if file in states else ():
            if identity in objects:
                return merged(states)
            objects[identity], documents[identity] = document.body, document
            origins[identity] = origin = Origin(file, document.line)
            sources[identity] = str(origin)
    return View(objects, origins, (), documents, sources)


class Manifests:
    """The manifests below some paths: `read` says what they hold now, `changes` when to read them again.

    A path may be a file, a folder (read with its subfolders, `*.yaml`, `*.yml` and `*.json`, without hidden names) or
    `-` for standard input. `variables` are what placeholders in them are replaced by; None: they stay as they are.
    """

    def __init__(self, paths: Sequence[Path], variables: Variables | None = None) -> None:
        self._paths = tuple(paths)
        self._list = FileList(paths)
        self._variables = variables
        self._states: dict[Path, FileState] = {}
        self._read: Present = {}
        self._view = View()

    def read(self) -> View:
        """Read what changed since the last call and give the whole."""
        present = self._list.present()
        now = {
            file: self._states[file] if self._read.get(file) == fingerprint else self._state(file)
            for file, fingerprint in present.items()
        }
        gone = [path for path in self._paths if path != STDIN and not path.exists()]
        kept = [file for file in self._states if file not in now and any(file.is_relative_to(path) for path in gone)]
        states = {file: now.get(file) or self._states[file] for file in sorted([*now, *kept])} if kept else now
        self._view = remerged(self._view, states, self._states)
        self._states, self._read = states, present
        return replace(self._view, problems=(*(self._missing(path) for path in gone), *self._view.problems))

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield each time the files differ from what they were and have come to rest."""
        noticed = asyncio.Event()
        watching = asyncio.create_task(watch([path for path in self._paths if path != STDIN], noticed))
        # Not the list of `read`, which another thread may be asking at this moment.
        looked = FileList(self._paths)
        seen = self._read
        try:
            while True:
                await wait(noticed, LOOK_AGAIN)
                noticed.clear()
                now = looked.present()
                if now == seen:
                    continue
                seen = await _at_rest(looked, now)
                yield
        finally:
            watching.cancel()

    def _state(self, file: Path) -> FileState:
        last = self._states.get(file, FileState())
        elsewhere = self._list.kustomizations.get(file)
        try:
            text = _text(file) if elsewhere is None else rendered(file.parent, elsewhere)
        except (OSError, ValueError) as error:
            what = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            return _kept(last, file, what)
        return advance(last, file, text, self._variables, is_rendered=elsewhere is not None)

    def _missing(self, path: Path) -> Problem:
        kept = [
            identity for file, state in self._states.items() if file.is_relative_to(path) for identity in state.objects
        ]
        return Problem(path, "does not exist; it is read as soon as it does", kept=tuple(kept))


async def _at_rest(looked: FileList, before: Present) -> Present:
    """Wait until the files stay as they are, though not for a file that is written without end."""
    for _ in range(MOST_RESTS):
        await asyncio.sleep(SETTLE)
        now = looked.present()
        if now == before:
            break
        before = now
    return before


def locate(view: View, identity: Identity, path: str) -> Origin | None:
    """Find the line of an object's field as the files were read; the object's own line where it is not found."""
    origin, document = view.origins.get(identity), view.documents.get(identity)
    return origin if origin is None or document is None else Origin(origin.file, document.line_of(path))


def _text(file: Path) -> bytes:
    """Read a whole file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no manifests, or is too large for one; the message says what to do.
    """
    if file == STDIN:
        return sys.stdin.buffer.read()
    if is_chart(file):
        by_hand = f"helm template NAME {file.parent} | switchover check -f -"
        raise ValueError(f"a Helm chart, whose templates are no manifests yet: render it first, {by_hand}")
    if file.name in KUSTOMIZATIONS:
        raise ValueError(f"a kustomization, which is rendered with its folder: name that, -f {file.parent}")
    with file.open("rb") as stream:
        text = stream.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"cannot be read: larger than {MAX_BYTES >> 20} MiB")
    return text
