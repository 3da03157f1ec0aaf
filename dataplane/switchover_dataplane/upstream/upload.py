"""A request body that is too large for one write → bytes on the wire, no faster than the target takes them.

It runs beside the answer, which may come before the body was sent to its end (RFC 9112, section 9.5).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

SLICE: Final = 64 * 1024
"""Bytes that are written at once; a body up to this size needs no upload of its own."""


class Upload:
    """Writes `body` to `transport` until it ends, the transport closes, or `cancel` is called.

    `failed` is called with what stopped an iterator; its body must then not look complete. `pause` and `resume` hand
    the transport's flow control on.
    """

    __slots__ = ("_drained", "_failed", "_loop", "_paused", "_task", "_transport")

    def __init__(
        self, transport: asyncio.Transport, body: bytes | AsyncIterator[bytes], failed: Callable[[Exception], None]
    ) -> None:
        self._transport = transport
        self._failed = failed
        self._paused = False
        self._drained: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        writing = self._write_slices(body) if isinstance(body, bytes) else self._write_chunks(body)
        self._task = self._loop.create_task(writing)

    @property
    def done(self) -> bool:
        """Whether nothing more will be written."""
        return self._task.done()

    def pause(self) -> None:
        """Hold the rest back."""
        self._paused = True

    def resume(self) -> None:
        """Go on, or notice that the transport is closed."""
        self._paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def cancel(self) -> None:
        """Write nothing more."""
        self._task.cancel()

    async def _write_slices(self, body: bytes) -> None:
        view = memoryview(body)
        for start in range(0, len(body), SLICE):
            if self._transport.is_closing():
                return
            self._transport.write(view[start : start + SLICE])
            await self._drain()

    async def _write_chunks(self, body: AsyncIterator[bytes]) -> None:
        """Frame the pieces as chunks (RFC 9112, section 7.1); an empty one is left out, as it would read as the end."""
        try:
            async for piece in body:
                if self._transport.is_closing():
                    return
                if piece:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await self._drain()
        except Exception as error:  # noqa: BLE001 - whatever stopped the caller's iterator is raised to the caller
            self._failed(error)
        else:
            if not self._transport.is_closing():
                self._transport.write(b"0\r\n\r\n")

    async def _drain(self) -> None:
        if self._paused:
            self._drained = self._loop.create_future()
            await self._drained
