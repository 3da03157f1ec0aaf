"""All that one data plane serves, in one table."""

from switchover_dataplane.table.access import Access
from switchover_dataplane.table.fields import Frozen
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Port
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.upstreams import Upstream

VERSION = 5
"""The one table version that this data plane serves. Other fields have a policy of version 1 and a header of version 2;
in version 3 nothing can be disabled; in version 4 all models have OpenAI's API."""


class Table(Frozen, frozen=True):
    """All that one data plane serves. `revision` is a digest of everything else."""

    version: int
    revision: str
    ports: tuple[Port, ...] = ()
    rules: dict[str, Rule] = {}
    policies: dict[str, Policy] = {}
    upstreams: dict[str, Upstream] = {}
    secrets: dict[str, str] = {}
    access: dict[str, Access] = {}
