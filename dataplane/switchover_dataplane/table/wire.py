"""A table ↔ its JSON text, which goes over the push channel."""

import hashlib
from typing import TypeVar

import msgspec

from switchover_dataplane.table.access import Access
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Port
from switchover_dataplane.table.references import dangling
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import VERSION, Table
from switchover_dataplane.table.upstreams import Upstream

Field = TypeVar("Field")


class InvalidTable(ValueError):
    """A table that cannot be served; `reasons` say what and where, one sentence each, without any secret."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Envelope(msgspec.Struct):
    """The one field that every version of a table has."""

    version: int


_NOTHING = msgspec.Raw(b"{}")


class _Parts(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A table whose fields are still text, and are written as that text."""

    version: int
    revision: str
    ports: msgspec.Raw = msgspec.Raw(b"[]")
    rules: msgspec.Raw = _NOTHING
    policies: msgspec.Raw = _NOTHING
    upstreams: msgspec.Raw = _NOTHING
    secrets: msgspec.Raw = _NOTHING
    access: msgspec.Raw = _NOTHING


_DECODER_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises: a byte that is no UTF-8 is no error of msgspec's."""


def sealed(  # noqa: PLR0917 - the parts of a table, in its order
    ports: tuple[Port, ...],
    rules: dict[str, Rule],
    policies: dict[str, Policy],
    upstreams: dict[str, Upstream],
    secrets: dict[str, str],
    access: dict[str, Access] | None = None,
) -> Table:
    """Make a table whose revision is the digest of its content: equal content has an equal revision."""
    content = Table(VERSION, "", ports, rules, policies, upstreams, secrets, access or {})
    return msgspec.structs.replace(content, revision=_digest(content))


def _digest(content: "Table | _Parts") -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def revision_problem(text: bytes) -> str | None:
    """Say why a table's revision is not the digest of its content; None if it is. `text` is one that `decode` takes.

    The digest is of the text that was pushed: a data plane of another version than the operator gets the same one.
    """
    parts = msgspec.json.decode(text, type=_Parts)
    expected = _digest(msgspec.structs.replace(parts, revision=""))
    if parts.revision == expected:
        return None
    return f"the revision {parts.revision[:64]!r} is not the digest of the table's content, which is {expected}"


def encode(table: Table) -> bytes:
    """Table → its JSON text; the same table gives the same bytes."""
    return msgspec.json.encode(table, order="sorted")


def decode(text: bytes) -> Table:
    """JSON text → table.

    Raises:
        InvalidTable: not JSON, of another version, a field of a wrong type or range, or a reference to nothing.
    """
    table = read(text)
    wrong = dangling(table)
    if wrong:
        raise InvalidTable(*wrong)
    return table


def read(text: bytes) -> Table:
    """JSON text → table, whose references may lead nowhere (`dangling`).

    Raises:
        InvalidTable: not JSON, of another version, or a field of a wrong type or range.
    """
    try:
        version = msgspec.json.decode(text, type=_Envelope).version
        if version > VERSION:
            raise InvalidTable(f"version {version} is newer than {VERSION}, the newest that this data plane serves")
        if version < VERSION:
            raise InvalidTable(f"version {version} is older than {VERSION}, the oldest that this data plane serves")
        parts = msgspec.json.decode(text, type=_Parts)
    except _DECODER_ERRORS as error:
        raise InvalidTable(f"not a table: {error}") from error
    # Field by field, as no other thread runs while one text is decoded.
    return Table(
        version,
        parts.revision,
        _part(parts.ports, "ports", tuple[Port, ...]),
        _part(parts.rules, "rules", dict[str, Rule]),
        _part(parts.policies, "policies", dict[str, Policy]),
        _part(parts.upstreams, "upstreams", dict[str, Upstream]),
        _part(parts.secrets, "secrets", dict[str, str]),
        _part(parts.access, "access", dict[str, Access]),
    )


def _part(text: msgspec.Raw, name: str, kind: type[Field]) -> Field:
    try:
        return msgspec.json.decode(text, type=kind)
    except _DECODER_ERRORS as error:
        problem = str(error)
        where = problem.replace("`$", f"`$.{name}") if "`$" in problem else f"{problem} - at `$.{name}`"
        raise InvalidTable(f"not a table: {where}") from error
