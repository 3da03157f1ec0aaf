"""Paths → a signal when the file system says that something moved near them: a hint, nobody relies on it.

Folders may come and go and files be replaced by renaming, so that what is watched is itself watched.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from watchfiles import awatch

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 2.0
"""Seconds after which it is looked again even if no notification came."""


async def watch(paths: Sequence[Path], noticed: asyncio.Event) -> NoReturn:
    """Set `noticed` whenever the file system says that something moved near the paths, for ever."""
    while True:
        places = _places(paths)
        moved = asyncio.Event()
        watches = [
            asyncio.create_task(_notify([path for path, _, deep in places if deep is recursive], recursive, moved))
            for recursive in (True, False)
        ]
        # The watches begin as soon as their tasks run; what changed until then is found by looking once more.
        await asyncio.sleep(0)
        noticed.set()
        try:
            while _places(paths) == places:
                await wait(moved, LOOK_AGAIN)
                if moved.is_set():
                    moved.clear()
                    noticed.set()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)


def _places(paths: Iterable[Path]) -> set[tuple[Path, int, bool]]:
    """What to watch: folders with all below them, and the folder around each path, as files are replaced by renaming.

    Each with its inode, as a folder that was replaced has to be watched anew, and whether it is watched in depth.
    """
    places: set[tuple[Path, int, bool]] = set()
    for path in paths:
        absolute = path.absolute()
        for folder in (absolute.parent, Path(os.path.realpath(absolute)).parent):
            places |= _place(next(each for each in (folder, *folder.parents) if each.is_dir()), deep=False)
        if absolute.is_dir():
            places |= _place(absolute, deep=True)
    return places


def _place(folder: Path, *, deep: bool) -> set[tuple[Path, int, bool]]:
    try:
        return {(folder, folder.stat().st_ino, deep)}
    except OSError:  # it went just now: the next look finds what is there instead
        return set()


async def _notify(folders: Sequence[Path], recursive: bool, moved: asyncio.Event) -> None:
    if not folders:
        return
    try:
        async for _ in awatch(*folders, watch_filter=None, debounce=100, step=10, recursive=recursive):
            moved.set()
    except OSError as error:
        log.warning("files are compared every %g s only, as they cannot be watched: %s", LOOK_AGAIN, error)


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, though no longer than some seconds."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
