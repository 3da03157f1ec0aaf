"""What stands between the API of a client and that of a target: both formats, and how the target is asked."""

from typing import NamedTuple

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.format import Asker, Format
from switchover_dataplane.upstream.providers import Envelope


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


class Enveloped(NamedTuple):
    """How a target of the client's own API is asked that wants the body in another envelope; the answer is the API's.

    The paths are as those of a `Translation`.
    """

    api: Api
    envelope: Envelope
    value_path: str
    events_path: str

    def path(self, *, stream: bool) -> str:
        """Return the path and query that the target is asked for."""
        return self.events_path if stream else self.value_path
