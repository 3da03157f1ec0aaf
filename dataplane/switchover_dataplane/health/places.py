"""A target, a model and a caller → the keys under which it is known what the target answered lately."""

from typing import Final

from switchover_dataplane.table import Mistral, OpenAI, Target

EVERYBODY: Final = 0
"""Stands in the place of a caller for what holds for all of them."""

_LONGEST_MODEL_NAME: Final = 256

Place = tuple[str, int]
"""Host and port: a target that moved elsewhere starts afresh."""

Key = tuple[str, Place, str, int]
"""Target id, where it is, the effective model where the target itself names none, and one caller or `EVERYBODY`."""


def keys(target: Target, model: str, caller: int) -> tuple[Key, ...]:
    """Return the keys that hold for a caller: its own first, then that of everybody."""
    common = key_of_all(target, model)
    return (common,) if caller == EVERYBODY else ((*common[:3], caller), common)


def key_of_all(target: Target, model: str) -> Key:
    """Return the key of what holds for everybody."""
    named = isinstance(target.provider, OpenAI | Mistral) and not target.provider.model
    return target.id, (target.host, target.port), model[:_LONGEST_MODEL_NAME] if named else "", EVERYBODY


def tally(ids: dict[str, int], name: str, change: int) -> None:
    """Change the number of keys that an id has in `ids`; an id without any is not in it."""
    count = ids.get(name, 0) + change
    if count:
        ids[name] = count
    else:
        del ids[name]
