"""What of a request another API cannot carry: the field, the kind of its value, and why.

A loss that may change the answer makes a target incapable of the request, so that it is passed by. A hint may fall
away. Both are named in the trace. No value of the client's stands in a loss.
"""

from typing import Any

import msgspec


class Loss(msgspec.Struct, frozen=True):
    """One field that is not carried.

    `path` is the field in the client's body, such as "messages[2].content[0]" or "response_format"; `why` completes
    the sentence "cannot carry PATH: ..." in a few plain words. `is_hint`: the answer means the same without it.
    """

    path: str
    value: str
    why: str
    is_hint: bool = False

    def __str__(self) -> str:
        return f"{self.path} ({self.value}): {self.why}"


def kind_of(value: Any) -> str:
    """Name the kind of a JSON value: "text", "number", "list of 3", "object", "true", "false" or "null"."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int() | float():
            return "number"
        case list() | tuple():
            return f"list of {len(value)}"
        case _:
            return "object"


def grave(path: str, value: Any, why: str) -> Loss:
    """Name a loss that may change what the answer is."""
    return Loss(path, kind_of(value), why)


def hint(path: str, value: Any, why: str) -> Loss:
    """Name a loss that leaves the answer what it is."""
    return Loss(path, kind_of(value), why, is_hint=True)
