"""Who may ask."""

from typing import Annotated

import msgspec

from switchover_dataplane.table.fields import Frozen
from switchover_dataplane.table.rules import Header


class Caller(Frozen, frozen=True):
    """One who may ask. `name` is the NAMESPACE/NAME of the Secret with the key, `digest` the key's SHA-256 in hex.

    The key itself is in no table. `headers` are set on the caller's requests.
    """

    name: str
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    headers: tuple[Header, ...] = ()


class ApiKeys(Frozen, frozen=True, tag_field="kind", tag="api-keys"):
    """Gloo `apiKeyAuth`: a request needs the key of one of the callers, in `header` or where LLM clients put theirs.

    `header` and `removed` are lower-case names; what stands in `removed` is taken from every request, as only the
    gateway may set it.
    """

    header: str
    callers: tuple[Caller, ...]
    removed: tuple[str, ...] = ()


class Closed(Frozen, frozen=True, tag_field="kind", tag="closed"):
    """An access control is written that is not served: nobody may ask. `reason` is for people, never for callers."""

    reason: str


Access = ApiKeys | Closed
