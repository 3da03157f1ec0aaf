"""The Markdown pages of the repository, as their readers see them: blocks of code, headings and links."""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

_FENCE: Final = re.compile(r"^( *)```(.*)$")
_LINK: Final = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block. `language` is the first word behind the fence, `file` the second: where its text belongs."""

    page: str
    line: int
    language: str
    file: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> tuple[str, ...]:
    """Every page, relative to the root: those that git knows, and new ones."""
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    output = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(name for name in output.split() if (ROOT / name).exists()))


@cache
def lines(page: str) -> tuple[str, ...]:
    return tuple((ROOT / page).read_text().splitlines())


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    opened: tuple[int, str, list[str]] | None = None
    inside: list[str] = []
    for number, line in enumerate(lines(page), 1):
        fence = _FENCE.match(line)
        if fence is None:
            inside.append(line)
        elif opened is None:
            opened, inside = (number, fence[1], fence[2].split()), []
        else:
            at, pad, words = opened
            language, file = [*words, "", ""][:2]
            text = "\n".join(each.removeprefix(pad) for each in inside)
            found.append(Block(page, at, language, file, text))
            opened = None
    assert opened is None, f"{page}:{opened}: this block has no end"
    return tuple(found)


@cache
def prose(page: str) -> tuple[tuple[int, str], ...]:
    """The lines of a page outside of blocks, with their numbers."""
    kept, is_inside = [], False
    for number, line in enumerate(lines(page), 1):
        if _FENCE.match(line):
            is_inside = not is_inside
        elif not is_inside:
            kept.append((number, line))
    return tuple(kept)


@cache
def anchors(page: str) -> frozenset[str]:
    """What a link can have behind `#`: the headings as GitHub writes them (a second one of a name gets `-1`)."""
    seen: Counter[str] = Counter()
    found = set()
    for _, line in prose(page):
        if heading := re.match(r"#{1,6} +(.*?) *#*$", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
    return frozenset(found)


def links(page: str) -> list[tuple[int, str]]:
    """Each link of a page, with its line; what stands in code is none."""
    without_code = [(number, re.sub(r"`[^`]*`", "", line)) for number, line in prose(page)]
    return [(number, target) for number, line in without_code for target in _LINK.findall(line)]
