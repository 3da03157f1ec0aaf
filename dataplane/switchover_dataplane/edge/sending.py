"""One client's connection as far as answers go out on it: how long they wait for the client, and how they are cut."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from typing import Any, Final

from aiohttp import HttpVersion11, web

LEAST_RATE: Final = 1024
"""Bytes a second that a body must bring while it is held in memory, on average over each `body_timeout`; and that a
client must take of what waits for it, over each `send_timeout`."""

_RESET: Final = struct.pack("ii", 1, 0)


class Sending(web.RequestHandler):
    """aiohttp's protocol, for clients that may take their time, but not for ever: `send_timeout` is in seconds."""

    __slots__ = ("_send_timeout", "_send_timer")

    def __init__(self, server: web.Server, *, send_timeout: float, **of_aiohttp: Any) -> None:
        self._send_timeout = send_timeout
        self._send_timer: asyncio.TimerHandle | None = None
        super().__init__(server, **of_aiohttp)

    async def start(self) -> None:
        """Serve requests until the connection ends; what was written and is not taken then does not keep it open."""
        transport = self.transport
        try:
            await super().start()
        finally:
            if transport is not None and transport.get_write_buffer_size() > 0:
                self._loop.call_later(self._send_timeout, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the client."""
        self._client_took()
        super().connection_lost(exc)

    async def flush(self) -> None:
        """Wait until the system has taken all that was written."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.set_write_buffer_limits(0)
            await self._drain_helper()

    def cut(self, *, reset: bool = False) -> None:
        """End the connection so that no answer in flight looks complete; `reset` says so by a reset in any case."""
        if self.transport is None:
            return
        request, raw = self._current_request, self.transport.get_extra_info("socket")
        # Without chunks an orderly end of the connection would be the end of the answer.
        reset = reset or (request is not None and request.version < HttpVersion11)
        if reset and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def pause_writing(self) -> None:
        """Hold the answer back; the client has not taken what was written so far."""
        super().pause_writing()
        self._expect_client()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._client_took()
        super().resume_writing()

    def _expect_client(self) -> None:
        self._send_timer = self._loop.call_later(self._send_timeout, self._client_is_late, self._waiting())

    def _waiting(self) -> int:
        """Return how many bytes the client has not taken: those held here, and those that the system holds."""
        transport = self.transport
        if transport is None:
            return 0
        return transport.get_write_buffer_size() + _queued(transport.get_extra_info("socket"))

    def _client_took(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _client_is_late(self, waited: int) -> None:
        self._send_timer = None
        if self.transport is None:
            return
        if waited - self._waiting() >= LEAST_RATE * self._send_timeout:
            self._expect_client()
        else:
            self.cut()


def _queued(connected: socket.socket | None) -> int:
    """Return how many bytes the system has not brought to the peer (tcp(7), SIOCOUTQ); 0 where it does not tell."""
    try:
        count = fcntl.ioctl(connected.fileno() if connected is not None else -1, termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(count, sys.byteorder)
