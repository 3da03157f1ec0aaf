"""A seed and a number → one stream: its text, what goes wrong at which model and where, the same every time.

A text is numbered words, of characters that take one to four bytes and of those that JSON escapes, so that a word
lost, doubled or of another stream cannot pass unnoticed. Models are told apart by their place in the priorities.
"""

import random
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "cut",
    "reset",
    "stall",
    "broken-framing",
    "clean-end",
    "done-without-finish",
    "malformed-event",
    "truncated-json",
    "error-event",
    "error-then-done",
    "finish-error",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Way = Literal["goes-on", "answers-anew", "refuses-prefill", "goes-on-unasked", "goes-on-wrongly"]
WAYS: tuple[Way, ...] = ("goes-on", "answers-anew", "refuses-prefill", "goes-on-unasked", "goes-on-wrongly")
"""What a model does that is asked to go on with another's answer; of the last two nothing can be verified."""
VERIFIABLE: tuple[Way, ...] = ("goes-on", "answers-anew", "refuses-prefill")

ROUTES = {"two": 2, "three": 3, "prefill": 3}
"""How many models each route has; at `prefill` the second is of a provider that continues an assistant's message."""

_ORNAMENTS = ("", "", "", "", "é", "ß", "—", "字", "🦊", '"', "\\", "\n", "\t", "</s>", "\u2028", "data: ")


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and where: `at` is a share of the answer's bytes, or of its events, from 0 to 1."""

    kind: Kind
    at: float


@dataclass(frozen=True)
class Style:
    """How a provider words its stream."""

    newline: str
    space: str
    lines: bool
    """Whether the data of an event stands in several lines."""
    ascii: bool
    comments: bool
    role: bool
    usage: bool
    framing: Literal["chunked", "close"]
    event_length: int
    """Characters of text in an event, at most."""
    write_length: int
    """Bytes written at once, at most; more in a long answer."""


@dataclass(frozen=True)
class Model:
    """What one model does in this stream."""

    fault: Fault | None
    way: Way
    style: Style


@dataclass(frozen=True)
class Plan:
    """One stream."""

    number: int
    route: str
    text: str
    models: tuple[Model, ...]
    seed: str
    tool: bool
    """Whether the text is the arguments of a tool call, which is handed on once it is whole: a cut one is made anew."""

    @property
    def kind(self) -> Kind:
        """What goes wrong at the first model."""
        fault = self.models[0].fault
        assert fault is not None
        return fault.kind

    @property
    def continuable(self) -> bool:
        """Whether every model that is asked to go on does so in a way that can be verified; a call is made anew."""
        return self.tool or all(model.way in VERIFIABLE for model in self.models[1:])

    def chance(self, purpose: str) -> random.Random:
        """Chance that is the same every time for one purpose."""
        return random.Random(f"{self.seed}/{purpose}")


def plan(seed: int, number: int, kinds: tuple[Kind, ...] = KINDS) -> Plan:
    """Make the stream of this number: every kind gets its share."""
    own = f"{seed}/{number}"
    chance = random.Random(own)
    route = chance.choice([*ROUTES])
    count = ROUTES[route]
    faults = [Fault(kinds[number % len(kinds)], chance.random())]
    # The last model is well: at none of them left, any failure would be honest, and nothing could come out whole.
    faults += [Fault(chance.choice(kinds), chance.random()) for _ in range(count - 2) if chance.random() < 0.3]
    models = [
        Model(faults[place] if place < len(faults) and place < count - 1 else None, chance.choice(WAYS), _style(chance))
        for place in range(count)
    ]
    return Plan(number, route, text(chance, number), tuple(models), own, tool=chance.random() < 0.1)


def text(chance: random.Random, number: int) -> str:
    """Make a text of numbered words."""
    words = (
        f"{chance.choice('abcdefghijkmnop')}{chance.choice(_ORNAMENTS)}{index}.{number}"
        for index in range(chance.randint(20, 90))
    )
    return " ".join(words)


def _style(chance: random.Random) -> Style:
    return Style(
        newline=chance.choice(["\n", "\n", "\n", "\r\n", "\r\n", "\r"]),
        space=chance.choice([" ", " ", ""]),
        lines=chance.random() < 0.1,
        ascii=chance.random() < 0.5,
        comments=chance.random() < 0.3,
        role=chance.random() < 0.8,
        usage=chance.random() < 0.3,
        framing="close" if chance.random() < 0.1 else "chunked",
        event_length=chance.choice([1, 4, 8, 12, 40]),
        write_length=chance.choice([7, 64, 300, 1500]),
    )
