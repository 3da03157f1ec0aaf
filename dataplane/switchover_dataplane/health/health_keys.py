"""A target, a model and a caller → the keys under which it is known what the target answered lately."""

from typing import Final

from switchover_dataplane.table import Mistral, OpenAI, Target

ALL_CALLERS: Final = 0
"""Stands in the place of a caller for what holds for all of them."""

_LONGEST_MODEL_NAME: Final = 256

Address = tuple[str, int]
"""Host and port: a target that moved elsewhere starts afresh."""

Key = tuple[str, Address, str, int]
"""Target id, where it is, the effective model where the target itself names none, and one caller or `ALL_CALLERS`."""


def health_keys(target: Target, model: str, caller: int) -> tuple[Key, ...]:
    """Return the keys that hold for a caller: its own first, then that of everybody."""
    common = shared_key(target, model)
    return (common,) if caller == ALL_CALLERS else ((*common[:3], caller), common)


def shared_key(target: Target, model: str) -> Key:
    """Return the key of what holds for everybody."""
    named = isinstance(target.provider, OpenAI | Mistral) and not target.provider.model
    return target.id, (target.host, target.port), model[:_LONGEST_MODEL_NAME] if named else "", ALL_CALLERS
