"""Paths → the manifests below them at this moment, with what changes when the content of one does."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from switchover_operator.standalone.kustomizations import Kustomization, kustomization_in, read_kustomization

STDIN: Final = Path("-")
SUFFIXES: Final = (".yaml", ".yml", ".json")
_CHART: Final = "Chart.yaml"
_NOT_LOOKED_INTO: Final = frozenset(("node_modules",))

Fingerprint = tuple[int, int, int]
Present = dict[Path, Fingerprint]
"""The manifests, sorted, each with its time of change, size and inode; of a folder that is rendered, its file."""


@dataclass(slots=True)
class _Found:
    """What stands below some paths: manifests, the Chart.yaml of charts, and the kustomization of each real folder."""

    names: set[str] = field(default_factory=set)
    kustomizations: dict[str, str] = field(default_factory=dict)


class FileList:
    """Looks again and again what is below some paths; a name that was seen before costs a look at the file alone.

    After a look, `kustomizations` are the files among those that are present of which the folder has to be rendered,
    each with what it has on another machine ("": nothing).
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._named: dict[str, Path] = {}
        self._order: list[str] = []
        self._read: dict[str, tuple[Fingerprint, Kustomization]] = {}
        self.kustomizations: Mapping[Path, str] = {}

    def present(self) -> Present:
        """Look now. A file that goes meanwhile is left out."""
        found = _Found()
        for path in self._paths:
            _look(path, found)
        parts = self._parts(found)
        names = found.names | parts.keys()
        if self._named.keys() != names:
            self._named = {name: self._named.get(name) or Path(name) for name in names}
            self._order = sorted(names, key=self._named.__getitem__)
        present: Present = {}
        for name in self._order:
            if name == str(STDIN):
                present[STDIN] = (0, 0, 0)
                continue
            status = _fingerprint(name)
            if status is not None:
                present[self._named[name]] = _of_all(parts[name][0]) if name in parts else status
        self.kustomizations = {self._named[name]: elsewhere for name, (_, elsewhere) in parts.items()}
        return present

    def _parts(self, found: _Found) -> dict[str, tuple[list[str], str]]:
        """Find the kustomizations that no other one takes: of each its folders, and what it has elsewhere."""
        if not found.kustomizations:
            self._read.clear()
            return {}
        said = {folder: self._said(file) for folder, file in found.kustomizations.items()}
        taken = {other for folder, each in said.items() for other in each.folders if other != folder}
        roots = [folder for folder in said if folder not in taken and not said[folder].is_component]
        parts = {folder: self._closure(folder, said) for folder in roots}
        # Those that take each other in a circle, and components that nothing takes, are not left out without a word.
        seen = {folder for closure in parts.values() for folder in closure}
        for folder, each in said.items():
            if folder not in seen and not (roots and each.is_component):
                parts[folder] = self._closure(folder, said)
                seen |= parts[folder].keys()
        return {
            found.kustomizations[folder]: (
                sorted(closure),
                next((each.elsewhere for each in closure.values() if each.elsewhere), ""),
            )
            for folder, closure in parts.items()
        }

    def _closure(self, folder: str, said: Mapping[str, Kustomization]) -> dict[str, Kustomization]:
        """Return the folders of which a kustomization is made: itself and those that it takes, wherever they stand."""
        closure: dict[str, Kustomization] = {}
        ahead = [folder]
        while ahead:
            each = ahead.pop()
            here = None if each in closure else said.get(each) or self._outside(each)
            if here is not None:
                closure[each] = here
                ahead += here.folders
        return closure

    def _outside(self, folder: str) -> Kustomization | None:
        """Read the kustomization of a folder that is not below the paths; None where it has none and so is no part."""
        file = kustomization_in(_names(folder))
        return self._said(os.path.join(folder, file)) if file else None  # noqa: PTH118

    def _said(self, file: str) -> Kustomization:
        status = _fingerprint(file)
        known = self._read.get(file)
        if known is not None and known[0] == status:
            return known[1]
        said = read_kustomization(file)
        if status is not None:
            self._read[file] = (status, said)
        return said


def _look(path: Path, found: _Found) -> None:
    """Find a file itself, or the manifests of a folder, without hidden names: a ConfigMap's mount keeps copies in them.

    What stands in the folder of a kustomization or of a chart, or below it, are their parts.
    """
    if path == STDIN or not path.is_dir():
        found.names.add(str(path))
        return
    entered: set[str] = set()
    rendered: set[str] = set()
    for folder, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders[:] = []
            continue
        entered.add(real)
        is_part = os.path.dirname(folder) in rendered  # noqa: PTH120 - a Path of each would take longer than the look
        if _CHART in names and "templates" in folders:
            folders[:] = []
            if not is_part:
                found.names.add(os.path.join(folder, _CHART))  # noqa: PTH118
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        kustomization = kustomization_in(names)
        if kustomization:
            found.kustomizations.setdefault(real, os.path.join(folder, kustomization))  # noqa: PTH118
        if kustomization or is_part:
            rendered.add(folder)
        else:
            found.names.update(os.path.join(folder, name) for name in names if _is_manifest(name))  # noqa: PTH118


def is_chart(file: Path) -> bool:
    """Whether a file is that of a chart, which tells that its folder holds templates."""
    return file.name == _CHART and (file.parent / "templates").is_dir()


def _is_manifest(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _fingerprint(name: str) -> Fingerprint | None:
    try:
        status = os.stat(name)  # noqa: PTH116 - a Path of each name would take longer than the look itself
    except OSError:
        return None
    # A pipe, as from `-f <(helm template ...)`, can be read only once.
    return (status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else (0, 0, 0)


def _of_all(folders: list[str]) -> Fingerprint:
    """Make one fingerprint of every file in some folders: any of them may be a part of what is rendered."""
    found: dict[str, Fingerprint | None] = {}
    for top in folders:
        for folder, below, names in os.walk(top):
            below[:] = [name for name in below if not name.startswith(".") and name not in _NOT_LOOKED_INTO]
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118
                found[path] = _fingerprint(path)
    return (hash(frozenset(found.items())), len(found), 0)
