"""The fields of the log line of a failover trace, in the order in which they are written."""

import msgspec

from switchover_dataplane.telemetry.line import Line
from switchover_dataplane.telemetry.trace import Ending


class AttemptFields(msgspec.Struct, omit_defaults=True, gc=False):
    """An attempt as it stands in the log line; what has its default is left out."""

    priority: int
    target: str
    provider: str
    model: str
    status: int | None
    error_class: str | None
    wait_ms: float
    first_token_ms: float | None
    duration_ms: float
    bytes: int
    decision: str
    detail: str = ""
    continues: bool = False
    dropped_events: int = 0
    handed_on: bool = False
    not_carried: tuple[str, ...] = ()


class TraceLine(Line, kw_only=True, omit_defaults=True, gc=False):
    """A record as its log line has it; what has its default is left out."""

    request_id: str
    caller: str = ""
    route: str
    rule: str
    outcome: Ending
    status: int
    duration_ms: float
    attempts: list[AttemptFields]
    passed_by: tuple[str, ...] = ()
