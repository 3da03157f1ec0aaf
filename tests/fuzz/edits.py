"""Good inputs and the words of their language → inputs that are nearly good.

A parser is broken by what is almost right. So each input begins as a good one, and words are put in, taken out,
repeated and moved; a repeated word may be repeated thousands of times, as that is what costs too much.
"""

import random
import re
from collections.abc import Sequence
from typing import Any

MOST_EDITS = 6
MOST_REPEATS = 4_000
MOST_REPEATED = 1 << 17
_SIGN = re.compile(rb"[^0-9A-Za-z_-]")
_LENGTHS = (0, 0, 0, 0, 1, 2, 8, 64, 1_024)
_TIMES = (*[1] * 80, *[2] * 6, 3, 3, 64, 64, MOST_REPEATS)


def edited(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Take a good input and change it in a few places."""
    text = chance.choice(seeds)
    for _ in range(chance.randint(0, MOST_EDITS)):
        start = _start(chance, text)
        end = start + chance.choice(_LENGTHS)
        piece = _piece(chance, text, start, end, words)
        text = text[:start] + (piece * chance.choice(_TIMES))[:MOST_REPEATED] + text[end:]
    return text


def _start(chance: random.Random, text: bytes) -> int:
    """Choose where to change it: mostly behind a sign, as there a word of the language can stand."""
    start = chance.randint(0, len(text))
    sign = _SIGN.search(text, start) if chance.random() < 0.7 else None
    return sign.end() if sign is not None else start


def _piece(chance: random.Random, text: bytes, start: int, end: int, words: Sequence[bytes]) -> bytes:
    match chance.randrange(6):
        case 0:
            return b""
        case 1:
            return bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        case 2:
            return text[start:end] * 2
        case 3:
            other = chance.randint(0, len(text))
            return text[other : other + chance.randint(0, 200)]
        case _:
            return chance.choice(words)


def pieces(chance: random.Random, text: bytes) -> tuple[bytes, ...]:
    """Cut bytes in a few places, as a network does."""
    cuts = sorted({chance.randint(0, len(text)) for _ in range(chance.randint(0, 12))})
    return tuple(text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True) if end > start)


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 0.5, -0.0, 1e308, "", " ", "a", "A" * 300, "0s", "-1s", "1h", "1.5s",
    "100%", "\x00", "\n", "\u202e", "é", "*", "*.example.com", "/", "//", "/a/../b", "(", "(a+)+$", "[", "{}", "$",
    "${a}", "kube-system", "tenant-b", "169.254.169.254", "127.0.0.1", "::1", [], {}, [[]], [{}], [None], {"": ""},
    {"a": None}, ["a"] * 300,
)  # fmt: skip
"""What may stand in a field for which it was not made."""

_DEEPEST = 12


def misshapen(chance: random.Random, value: Any, depth: int = 0) -> Any:
    """Change a JSON-like value in one place: another value, one too few, one too many, another name."""
    if depth > _DEEPEST or not isinstance(value, dict | list) or not value or chance.random() < 0.05:
        return chance.choice(ODD_VALUES)
    if isinstance(value, list):
        at = chance.randrange(len(value))
        match chance.randrange(8):
            case 0:
                return [*value[:at], *value[at + 1 :]]
            case 1:
                return [*value, value[at]]
            case _:
                return [*value[:at], misshapen(chance, value[at], depth + 1), *value[at + 1 :]]
    name = chance.choice(sorted(value, key=str))
    rest = {key: inner for key, inner in value.items() if key != name}
    match chance.randrange(10):
        case 0:
            return rest
        case 1:
            return {**rest, f"{name}s": value[name]}
        case 2:
            return {**value, f"x-{name}": value[name]}
        case _:
            return {**value, name: misshapen(chance, value[name], depth + 1)}
