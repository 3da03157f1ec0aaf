"""A chat completion that broke off in a tool call, and another model's answer to the same request → its calls.

It is for answers with reasoning, which cannot be continued: the client has the reasoning and the text and lacks only
the calls. Text and reasoning of the other model are left out. `other_blocks.py` does the same for Messages.

Source: OpenAI API reference, chat completion chunk object.
"""

from typing import Any, Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk_kind import Chunk
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.held_calls import HeldCalls
from switchover_dataplane.streams.splice import Mismatch

_TAKEN: Final = ("tool_calls", "function_call")


class OtherCalls:
    """Reads the chunks of the other model's answer, which has one choice.

    Nothing is sent until its `finish_reason`, so the client never sees an answer that breaks off.
    """

    __slots__ = ("_held", "_seam", "has_ended")

    def __init__(self, seam: bytes) -> None:
        self._seam = seam
        self._held = HeldCalls()
        self.has_ended = False

    def begin_anew(self, seam: bytes) -> None:
        """Drop this answer, which broke off as well, and expect the answer of the next model."""
        self._seam = seam
        self._held.drop()

    def take(self, event: Event, chunk: Chunk) -> bytes:
        """Read the next chunk of the answer; return the bytes for the client.

        Raises:
            Mismatch: the answer ended without a call, or its calls are larger than the limits.
        """
        if self.has_ended:
            return event.raw
        if event.is_part:
            raise Mismatch
        if chunk.calls:
            self._held.hold(event, chunk)
        if self._held.is_too_much:
            raise Mismatch
        if not chunk.finished:
            return b""
        if not self._held:
            raise Mismatch
        self.has_ended = True
        calls = [_written(held, ended=False) for held, _ in self._held.release()]
        return b"".join((self._seam, *calls, b"" if chunk.calls else _written(event, ended=True)))


def _written(event: Event, *, ended: bool) -> bytes:
    """Write a chunk with its calls alone, or with its end alone."""
    body: dict[str, Any] = lenient_json.decode(event.data or b"{}")
    for choice in body.get("choices") or ():
        delta = choice.get("delta") or {}
        choice["delta"] = {} if ended else {name: value for name, value in delta.items() if name in _TAKEN}
    return b"data: " + lenient_json.encode(body) + b"\n\n"
