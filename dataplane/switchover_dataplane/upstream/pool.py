"""The connections to one destination: which is used next, which is kept, which is closed.

Newest first, so that under less load the others age and are closed.
"""

from switchover_dataplane.upstream.connection import Connection


class ConnectionPool:
    """Idle connections, at most `limit`, and counts: `used` (or being opened) now, `opened` and `reused` in total."""

    __slots__ = ("_idle", "limit", "opened", "reused", "used")

    def __init__(self, limit: int) -> None:
        self._idle: list[Connection] = []
        self.limit = limit
        self.used = 0
        self.opened = 0
        self.reused = 0

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return sum(connection.open for connection in self._idle)

    def take(self) -> Connection | None:
        """Return the idle connection that was used last, if one is still open; it counts as used now."""
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                self.used += 1
                self.reused += 1
                return connection
        return None

    def give_back(self, connection: Connection, now: float) -> None:
        """Keep a connection whose answer is over if it can carry another request; `now` is in seconds."""
        self.used -= 1
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = now
        self._idle.append(connection)
        if len(self._idle) > self.limit:
            self._idle.pop(0).close()

    def drop(self, connection: Connection) -> None:
        """Close a connection in the middle of an exchange."""
        self.used -= 1
        connection.close()

    def close_idle(self, before: float) -> bool:
        """Close what has been idle since `before` or longer; return whether any connection is left."""
        kept = []
        for connection in self._idle:
            if connection.open and connection.idle_since > before:
                kept.append(connection)
            else:
                connection.close()
        self._idle = kept
        return bool(kept or self.used)
