"""The fields of one object of a client's body, each read as the type that its API gives it.

A field of another type is named with its path. Which fields nobody read is known at the end.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from switchover_dataplane.translation.losses import kind_of
from switchover_dataplane.translation.neutral import BadRequest, Json

_LONGEST_NAME = 64


class Fields:
    """The fields of one object; `path` is where it stands in the body, "" for the body itself.

    A method returns None, or "", where the field is missing or null. Each raises `BadRequest` for another type.
    """

    __slots__ = ("_body", "_read", "path")

    def __init__(self, body: Mapping[str, Json], path: str = "") -> None:
        self._body = body
        self._read: set[str] = set()
        self.path = path

    def at(self, name: str) -> str:
        """Return the path of a field."""
        name = name[:_LONGEST_NAME]
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._body.get(name) is not None

    def raw(self, name: str) -> Json:
        """Return the value as it is."""
        value = self._body.get(name)
        if value is not None:
            self._read.add(name)
        return value

    def there(self, names: Iterable[str]) -> list[str]:
        """Return those of the names whose fields are there."""
        return [name for name in names if name in self._body]

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.raw(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return value

    def needed_text(self, name: str) -> str:
        """Return a text that must be there and not be empty."""
        text = self.text(name)
        if not text:
            raise self.wrong(name, "a text that is not empty")
        return text

    def number(self, name: str) -> float | None:
        """Return a number."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(name, "a number")
        return value

    def whole(self, name: str, least: int | None = None) -> int | None:
        """Return a whole number, which is at least `least`."""
        value = self.number(name)
        if value is None:
            return None
        if value != int(value):
            raise self.wrong(name, "a whole number")
        if least is not None and value < least:
            raise BadRequest(self.at(name), f"must be {least} or more")
        return int(value)

    def flag(self, name: str) -> bool | None:
        """Return true or false."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def object(self, name: str) -> Mapping[str, Json] | None:
        """Return an object."""
        value = self.raw(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value

    def part(self, name: str) -> "Fields | None":
        """Return the fields of an object."""
        value = self.object(name)
        return None if value is None else Fields(value, self.at(name))

    def needed_part(self, name: str) -> "Fields":
        """Return the fields of an object that must be there."""
        part = self.part(name)
        if part is None:
            raise self.wrong(name, "an object")
        return part

    def items(self, name: str) -> Sequence[Json]:
        """Return a list, which is empty where the field is missing."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def parts(self, name: str) -> "Iterator[Fields]":
        """Yield the fields of each object of a list."""
        for number, value in enumerate(self.items(name)):
            path = f"{self.at(name)}[{number}]"
            if not isinstance(value, dict):
                raise BadRequest(path, f"must be an object, and is {kind_of(value)}")
            yield Fields(value, path)

    def rest(self) -> list[str]:
        """Return the names of the fields that are there and that nobody read."""
        return [name for name, value in self._body.items() if name not in self._read and value is not None]

    def wrong(self, name: str, right: str) -> BadRequest:
        """Return the error for a field whose value is not what it must be."""
        if not self.has(name):
            return BadRequest(self.at(name), f"must be {right}, and is missing")
        return BadRequest(self.at(name), f"must be {right}, and is {kind_of(self._body[name])}")


__all__ = ["Fields"]
