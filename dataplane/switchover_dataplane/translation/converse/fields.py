"""Fields of a decoded JSON body, each with the type that it must have."""

from collections.abc import Iterator, Mapping, Sequence

from switchover_dataplane.translation.losses import kind_of
from switchover_dataplane.translation.neutral import BadRequest, Json


def member(path: str, name: str) -> str:
    """Name a field of a field."""
    return f"{path}.{name}" if path else name


def _wrong(path: str, value: Json, right: str) -> BadRequest:
    return BadRequest(path, f"`{path}` must be {right}, not {kind_of(value)}")


def as_object(value: Json, path: str) -> Mapping[str, Json]:
    """Return a value that must be an object.

    Raises:
        BadRequest: it is none.
    """
    if not isinstance(value, dict):
        raise _wrong(path, value, "an object")
    return value


def an_object(fields: Mapping[str, Json], name: str, path: str) -> Mapping[str, Json] | None:
    """Return a field that is an object, None if it is missing or null.

    Raises:
        BadRequest: it is of another type.
    """
    value = fields.get(name)
    return None if value is None else as_object(value, member(path, name))


def items(fields: Mapping[str, Json], name: str, path: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield the objects of a list, each with its path; nothing if the list is missing or null.

    Raises:
        BadRequest: it is no list, or one of them is no object.
    """
    for number, value in enumerate(a_list(fields, name, path)):
        at = f"{member(path, name)}[{number}]"
        yield at, as_object(value, at)


def a_list(fields: Mapping[str, Json], name: str, path: str) -> Sequence[Json]:
    """Return a field that is a list, empty if it is missing or null.

    Raises:
        BadRequest: it is of another type.
    """
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(member(path, name), value, "a list")
    return value


def a_text(fields: Mapping[str, Json], name: str, path: str, *, is_needed: bool = False) -> str:
    """Return a field that is a string, "" if it is missing or null.

    Raises:
        BadRequest: it is of another type, or missing though `is_needed`.
    """
    value = fields.get(name)
    if value is None and not is_needed:
        return ""
    if not isinstance(value, str):
        raise _wrong(member(path, name), value, "a string")
    return value


def a_number(fields: Mapping[str, Json], name: str, path: str) -> float | None:
    """Return a field that is a number, None if it is missing or null.

    Raises:
        BadRequest: it is of another type.
    """
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(member(path, name), value, "a number")
    return value


def a_whole_number(fields: Mapping[str, Json], name: str, path: str) -> int | None:
    """Return a field that is a whole number, None if it is missing or null.

    Raises:
        BadRequest: it is of another type.
    """
    value = a_number(fields, name, path)
    if value is None or isinstance(value, int):
        return value
    raise _wrong(member(path, name), value, "a whole number")


def a_flag(fields: Mapping[str, Json], name: str, path: str) -> bool | None:
    """Return a field that is true or false, None if it is missing or null.

    Raises:
        BadRequest: it is of another type.
    """
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(member(path, name), value, "true or false")
