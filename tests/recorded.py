"""Attempts and records of finished requests, as traces and metrics get them."""

from collections.abc import Iterable
from typing import Any

from switchover_dataplane.telemetry.trace import Attempt, Record


def attempted(priority: int, target: str, provider: str, model: str, wait_ms: float = 0.0, **became: Any) -> Attempt:
    """An attempt, and what became of it by the names of its fields."""
    made = Attempt(priority, target, provider, model, wait_ms)
    for name, value in became.items():
        setattr(made, name, value)
    return made


def recorded(attempts: Iterable[Attempt], *, request_id: str = "id", route: str = "ns/route", **became: Any) -> Record:
    """A finished request, and how it ended by the names of its fields."""
    made = Record(request_id, route, "0", 0.0)
    made.attempts = list(attempts)
    for name, value in became.items():
        setattr(made, name, value)
    return made
