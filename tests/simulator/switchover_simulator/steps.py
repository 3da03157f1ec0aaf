"""The steps of a connection: bytes, pauses and ends as data."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Write nothing for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AwaitRelease:
    """Write nothing until `POST /__release`."""


@dataclass(frozen=True, slots=True)
class AwaitPeer:
    """Write nothing until the peer closes."""


@dataclass(frozen=True, slots=True)
class SendReset:
    """End the connection by TCP RST."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in order."""


Step = Send | Pause | AwaitRelease | AwaitPeer | SendReset | Close

ENDS: Final[dict[str, Step]] = {"rst": SendReset(), "fin": Close(), "hang": AwaitPeer()}
"""How a connection can end, by the word of a scenario file."""
