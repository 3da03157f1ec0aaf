"""A chat completion that broke off in a tool call and another model's answer to the same request → its calls.

It is for answers that cannot be continued, as reasoning was sent: a client that has read it, and the text behind it,
lacks the calls alone. What the other model thinks and says is left out, as the first one's words stand. What follows in
the blocks of a message is `other_blocks.py`'s.

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
    """Takes the chunks of the other model's answer, which has one choice.

    Nothing is handed on until its `finish_reason`: one that breaks off, too, was never seen.
    """

    __slots__ = ("_held", "_seam", "has_ended")

    def __init__(self, seam: bytes) -> None:
        self._seam = seam
        self._held = HeldCalls()
        self.has_ended = False

    def begin_anew(self, seam: bytes) -> None:
        """Take it that this answer broke off as well, and expect that of a third model."""
        self._seam = seam
        self._held.drop()

    def take(self, event: Event, chunk: Chunk) -> bytes:
        """Take the next chunk of the answer; return what goes to the client for it.

        Raises:
            Mismatch: the answer ended without a call, or its calls are more than may be held or read.
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
    """Write a chunk anew with nothing but its calls in it, or with nothing but its end."""
    body: dict[str, Any] = lenient_json.decode(event.data or b"{}")
    for choice in body.get("choices") or ():
        delta = choice.get("delta") or {}
        choice["delta"] = {} if ended else {name: value for name, value in delta.items() if name in _TAKEN}
    return b"data: " + lenient_json.encode(body) + b"\n\n"
