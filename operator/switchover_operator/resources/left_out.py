"""An entry of a list that a fault takes out alone: its neighbours stay, at the index that they have."""

from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Stands where an entry is written that is not served. `problems` are those of parsing, each with its path.

    `given` is the entry as it is written; it may hold a credential.
    """

    problems: tuple[str, ...] = ()
    given: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FallsOutAlone:
    """The mark of such an entry: a `LeftOut` in its place is valid."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (entry,) = (argument for argument in get_args(source) if argument is not LeftOut)
        return core_schema.no_info_wrap_validator_function(_entry_or_left_out, handler.generate_schema(entry))


def _entry_or_left_out(given: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
    return given if isinstance(given, LeftOut) else validate(given)


Alone = Annotated[T | LeftOut, FallsOutAlone()]
"""An entry whose faults concern nothing beside it."""
