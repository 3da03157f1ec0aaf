"""A message that broke off in a tool call, and another model's answer to the same request → the blocks that follow.

The client has the first model's text and reasoning. The other model gets the same request, and the calls of its answer
are sent as the next blocks of the message, with its end. Its other blocks are left out. If it makes no call, its text
is sent instead.

Source: Anthropic, Streaming Messages (content blocks are numbered from 0).
"""

from typing import Any, Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.held_calls import MOST_EVENTS, MOST_HELD
from switchover_dataplane.streams.splice import Mismatch

_TAKEN: Final = ("tool_use", "text")


class OtherBlocks:
    """Reads the events of the other model's message.

    `before` is the part of the first message that was not sent, up to its first call; `number` is the index of that
    call's block. Nothing is sent until the other message has ended, so the client never sees one that breaks off.
    """

    __slots__ = ("_before", "_first", "_held", "_kinds", "_seam", "_size", "has_ended")

    def __init__(self, before: bytes, number: int, seam: bytes) -> None:
        self._before = before
        self._first = number
        self._seam = seam
        self._kinds: dict[int, str] = {}
        self._held: list[tuple[int, dict[str, Any]]] = []
        self._size = 0
        self.has_ended = False

    def begin_anew(self, seam: bytes) -> None:
        """Drop this message, which broke off as well, and expect the message of the next model."""
        self._seam = seam
        self._kinds.clear()
        self._held.clear()
        self._size = 0

    def take(self, event: Event, chunk: Chunk) -> bytes:
        """Read the next event of the message; return the bytes for the client.

        Raises:
            Mismatch: the message ended without a usable block, or is larger than the limits.
        """
        if chunk.kind is ChunkKind.DONE or self.has_ended:
            return event.raw
        if event.is_part:
            raise Mismatch
        if chunk.finished:
            return self._ended(event)
        body = _decoded(event)
        number = body.get("index", -1)
        if isinstance(block := body.get("content_block"), dict):
            self._kinds[number] = block.get("type", "")
        if self._kinds.get(number) in _TAKEN:
            self._hold(event, number, body)
        return b""

    def _ended(self, event: Event) -> bytes:
        kind = next((kind for kind in _TAKEN if kind in self._kinds.values()), None)
        if kind is None:
            raise Mismatch
        self.has_ended = True
        numbers = [number for number, of in self._kinds.items() if of == kind]
        places = {number: self._first + place for place, number in enumerate(numbers)}
        blocks = [_written({**body, "index": places[number]}) for number, body in self._held if number in places]
        return b"".join((self._before, self._seam, *blocks, event.raw))

    def _hold(self, event: Event, number: int, body: dict[str, Any]) -> None:
        self._held.append((number, body))
        self._size += len(event.raw)
        if self._size > MOST_HELD or len(self._held) > MOST_EVENTS:
            raise Mismatch


def _decoded(event: Event) -> dict[str, Any]:
    try:
        body = lenient_json.decode(event.data or b"")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("index", 0), int) else {}


def _written(body: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(body.get("type", "")).encode(), lenient_json.encode(body))
