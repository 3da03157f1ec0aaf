"""What is fuzzed: a name, how inputs are drawn, and the property that must hold for each of them.

A property is a plain function of one input that raises where something is wrong. It asks for more than that nothing is
raised: what goes in comes out, however it was cut; nothing follows an error; a neighbour is not harmed. It returns the
shape of what came of the input; one with a new shape is a seed of further inputs.
"""

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from fuzz import answers, bodies, client_bytes, event_streams, manifests, tables, upstream_bytes


@dataclass(frozen=True)
class Target:
    """`draw` makes an input of the seeds and chance; `holds` is the property; `seed` makes an input a seed."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    draw: Callable[[random.Random, Sequence[bytes]], Any]
    holds: Callable[[Any], Hashable]
    seed: Callable[[Any], bytes]

    def test(self, value: Any) -> str:
        """Write a failing input as a test."""
        module, name = self.holds.__module__, self.holds.__name__
        return (
            f"from {module} import *\n\n\n"
            f"def test_{self.name.replace('-', '_')}_hold_for_an_input_that_was_found() -> None:\n"
            f"    {name}({value!r})\n"
        )


TARGETS = tuple(
    Target(name, of.seeds, of.draw, holds, of.seed)
    for name, of, holds in (
        ("client-bytes", client_bytes, client_bytes.are_the_same_requests_however_they_are_cut),
        ("request-bodies", bodies, bodies.keep_every_field_and_pin_the_model),
        ("event-streams", event_streams, event_streams.are_handed_on_whole_or_said_to_be_cut),
        ("answers", answers, answers.are_judged_without_a_fault),
        ("upstream-bytes", upstream_bytes, upstream_bytes.are_the_same_answer_however_they_are_cut),
        ("tables", tables, tables.are_served_or_refused_with_a_reason),
        ("manifests", manifests, manifests.never_harm_a_neighbour),
    )
)
