"""One snapshot → the table that data planes serve, and what is to be said about every object: one call, one truth."""

from collections.abc import Mapping
from dataclasses import dataclass

from switchover_dataplane.table import Table
from switchover_operator.admission import Admitted
from switchover_operator.identity import Identity
from switchover_operator.reports import Report


@dataclass(frozen=True, slots=True)
class Compiled:
    """The table, a report for each object of ours, and each object as it is good now: `last_good` next time."""

    table: Table
    reports: tuple[Report, ...]
    accepted: Mapping[Identity, Admitted]
