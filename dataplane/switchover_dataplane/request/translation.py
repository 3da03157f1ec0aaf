"""What stands between the API of a client and that of a target: both formats, and how the target is asked."""

from typing import NamedTuple

from switchover_dataplane.translation.format import Asker, Format


class Translation(NamedTuple):
    """How a target of another API is asked.

    `asker` says what a request is written for. `value_path` is asked for a whole answer, `events_path` for a stream.
    """

    client: Format
    target: Format
    asker: Asker
    value_path: str
    events_path: str

    def path(self, *, stream: bool) -> str:
        """Return the path and query that the target is asked for."""
        return self.events_path if stream else self.value_path
