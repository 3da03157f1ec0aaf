"""The path of a field → whether the field takes text and nothing else."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from .kinds import KINDS
from .model import field_names, unwrapped

_TEXTS = (str, SecretStr, SecretBytes)


def takes_text(group: str, kind: str, path: Sequence[str | int]) -> bool:
    """Whether a field of a kind that is read takes text alone. False where nobody knows the field."""
    here: Any = KINDS.get((group, kind))
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            name = field_names(here).get(str(step))
            if name is None:
                return False
            here = unwrapped(here.model_fields[name].annotation)[0]
        elif get_origin(here) is tuple:
            here = unwrapped(get_args(here)[0])[0]
        elif get_origin(here) is dict:
            here = unwrapped(get_args(here)[1])[0]
        else:
            return False
    if get_origin(here) is Literal:
        return all(isinstance(each, str) for each in get_args(here))
    return isinstance(here, type) and issubclass(here, _TEXTS)
