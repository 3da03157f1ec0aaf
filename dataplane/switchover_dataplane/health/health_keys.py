"""A target, a model and a caller → the keys under which the health of the target is stored."""

from typing import Final

from switchover_dataplane.table.upstreams import Mistral, OpenAI, Target

ALL_CALLERS: Final = 0
"""The caller in the key of what holds for all callers."""

_LONGEST_MODEL_NAME: Final = 256

Address = tuple[str, int]
"""Host and port: a target with a new address starts as healthy."""

Key = tuple[str, Address, str, int]
"""Target id; address; the request's model if the target names none, else ""; a caller or `ALL_CALLERS`."""


def health_keys(target: Target, model: str, caller: int) -> tuple[Key, ...]:
    """Return the keys that apply to a caller: its own, then that of all callers."""
    shared = shared_key(target, model)
    return (shared,) if caller == ALL_CALLERS else ((*shared[:3], caller), shared)


def shared_key(target: Target, model: str) -> Key:
    """Return the key of what holds for all callers."""
    named = isinstance(target.provider, OpenAI | Mistral) and not target.provider.model
    return target.id, (target.host, target.port), model[:_LONGEST_MODEL_NAME] if named else "", ALL_CALLERS


def tally(ids: dict[str, int], name: str, change: int) -> None:
    """Change the number of keys of an id in `ids`; an id without keys is removed."""
    count = ids.get(name, 0) + change
    if count:
        ids[name] = count
    else:
        del ids[name]
