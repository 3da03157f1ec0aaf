"""Paths → the manifests below them at this moment, with what changes when the content of one does."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

STDIN: Final = Path("-")
SUFFIXES: Final = (".yaml", ".yml", ".json")
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml")
"""What kubectl's `-k` reads: files about manifests, which stand in the same folders and hold no objects."""

Fingerprint = tuple[int, int, int]
Present = dict[Path, Fingerprint]
"""The manifests, sorted, each with its time of change, size and inode."""


class FileList:
    """Looks again and again what is below some paths; a name that was seen before costs a look at the file alone."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._named: dict[str, Path] = {}
        self._order: list[str] = []

    def present(self) -> Present:
        """Look now. A file that goes meanwhile is left out."""
        names = {name for path in self._paths for name in _files(path)}
        if self._named.keys() != names:
            self._named = {name: self._named.get(name) or Path(name) for name in names}
            self._order = sorted(names, key=self._named.__getitem__)
        found: Present = {}
        for name in self._order:
            if name == str(STDIN):
                found[STDIN] = (0, 0, 0)
                continue
            try:
                status = os.stat(name)  # noqa: PTH116 - a Path of each name would take longer than the look itself
            except OSError:
                continue
            # A pipe, as from `-f <(helm template ...)`, can be read only once.
            regular = stat.S_ISREG(status.st_mode)
            found[self._named[name]] = (status.st_mtime_ns, status.st_size, status.st_ino) if regular else (0, 0, 0)
        return found


def _files(path: Path) -> Iterator[str]:
    """A file itself, or the manifests of a folder, without hidden names: a ConfigMap's mount keeps copies in them."""
    if path == STDIN or not path.is_dir():
        yield str(path)
        return
    entered: set[str] = set()
    for folder, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in entered else [name for name in folders if not name.startswith(".")]
        if real not in entered:
            yield from (os.path.join(folder, name) for name in names if _is_manifest(name))  # noqa: PTH118 - as above
        entered.add(real)


def _is_manifest(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".") and name not in KUSTOMIZATIONS
