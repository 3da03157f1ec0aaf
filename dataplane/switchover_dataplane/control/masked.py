"""A table → a copy for display, without secrets and without texts of users."""

from typing import Any, Final

import msgspec

from switchover_dataplane.table.access import Caller
from switchover_dataplane.table.ports import ValueMatch
from switchover_dataplane.table.rules import BodyDefault, Header, PromptMessage, Redirect, Rewrite
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Target

MASK: Final = "***"


def masked(table: Table) -> Table:
    """Return a table with a mask for secrets, values of headers, matches and body fields, queries and prompts.

    Digests of callers' keys are masked as well, as a weak key could be guessed from its digest. Names of hosts, routes,
    models, header fields and Secrets stay.
    """
    shown: Table = _masked(msgspec.structs.replace(table, secrets=dict.fromkeys(table.secrets, MASK)))
    return shown


def _masked(part: Any) -> Any:
    match part:
        case str():
            return part
        case tuple():
            return tuple(map(_masked, part))
        case dict():
            return {key: _masked(value) for key, value in part.items()}
        case Header() | ValueMatch() | BodyDefault():
            return msgspec.structs.replace(part, value=part.value and MASK)
        case Caller():
            return msgspec.structs.replace(part, digest=MASK, headers=_masked(part.headers))
        case PromptMessage():
            return msgspec.structs.replace(part, content=MASK)
        case Rewrite(regex=(pattern, substitution)):
            return msgspec.structs.replace(part, regex=(pattern, _without_query(substitution)))
        case Rewrite() | Redirect():
            return msgspec.structs.replace(
                part, full_path=_without_query(part.full_path), prefix=_without_query(part.prefix)
            )
        case Target():
            paths = {"full_path": _without_query(part.full_path), "base_path": _without_query(part.base_path)}
            return msgspec.structs.replace(part, **paths)
        case msgspec.Struct():
            return msgspec.structs.replace(
                part, **{name: _masked(getattr(part, name)) for name in part.__struct_fields__}
            )
        case _:
            return part


def _without_query(path: str | None) -> str | None:
    before, mark, query = (path or "").partition("?")
    return f"{before}?{MASK}" if mark and query else path
