"""The frames of ConverseStream → neutral events.

Source: botocore's model of bedrock-runtime (ConverseStreamOutput). Recordings show what it does not say: only a call
has a `contentBlockStart`, and at times a block ends without its `contentBlockStop`.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation.answers import (
    Alive,
    CallDelta,
    CallEnd,
    CallStart,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    Started,
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
)
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.answers import citation_of, stop_text_of, usage_of
from switchover_dataplane.translation.converse.errors import STATUSES
from switchover_dataplane.translation.neutral import Json

_EXCEPTION: Final = "exception:"
_ERROR: Final = "error:"


class StreamReader:
    """Reads one stream. The name of an event is its `:event-type`, `exception:TYPE` or `error:CODE`.

    `_open` is the block that the last delta belonged to: "text", "thinking", "call", "provider" (a tool that the
    provider runs), "" for none.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._call = -1
        self._block = -1
        self._is_stopped = False
        self._open = ""
        self._redacted: list[bytes] = []
        self._signature: list[str] = []

    @property
    def is_settled(self) -> bool:
        """Whether the message stopped, so that only its count of tokens may follow."""
        return self._is_stopped

    def take(self, data: bytes, name: str) -> Sequence[Event]:
        """Read one frame."""
        if name.startswith((_EXCEPTION, _ERROR)):
            return (_failed(data, name),)
        try:
            fields = lenient_json.decode(data)
        except (ValueError, RecursionError):
            return (Failed(f"the payload of {_shown(name)} is no JSON"),)
        if not isinstance(fields, dict):
            return (Failed(f"the payload of {_shown(name)} is no object"),)
        match name:
            case "messageStart":
                return (Started(),)
            case "contentBlockStart":
                return self._begin(fields)
            case "contentBlockDelta":
                return self._delta(fields)
            case "contentBlockStop":
                return self._end_block() or (Alive(),)
            case "messageStop":
                return self._stop(fields)
            case "metadata":
                usage = usage_of(fields.get("usage"))
                return (Alive(),) if usage is None else (Counted(usage),)
        return (Alive(),)

    def end(self) -> Sequence[Event]:
        """Read the end of the body, which is the end of an answer that has stopped."""
        return (Ended(),) if self._is_stopped else ()

    def _begin(self, fields: Mapping[str, Json]) -> Sequence[Event]:
        ended = self._at(fields)
        match fields.get("start"):
            case {"toolUse": {"type": "server_tool_use"}} | {"toolResult": dict()}:
                self._open = "provider"
                return (*ended, Alive())
            case {"toolUse": {"toolUseId": str(call), "name": str(name)}}:
                self._open, self._call = "call", self._calls
                self._calls += 1
                return (*ended, CallStart(self._call, call, name))
            case {"image": _}:
                return (*ended, Failed("the answer holds an image, which no other API has"))
            case {"toolUse": _}:
                return (*ended, Failed("a tool call begins without its name or id"))
        return (*ended, Alive())

    def _delta(self, fields: Mapping[str, Json]) -> Sequence[Event]:
        ended = self._at(fields)
        match fields.get("delta"):
            case {"text": str(text)}:
                return (*ended, *self._switched("text"), TextDelta(text) if text else Alive())
            case {"toolUse": {"input": str(piece)}}:
                if self._open == "call":
                    return (*ended, CallDelta(self._call, piece) if piece else Alive())
                if self._open == "provider":
                    return (*ended, Alive())
                return (*ended, Failed("arguments came for a tool call that has not begun"))
            case {"reasoningContent": dict(piece)}:
                return (*ended, *self._switched("thinking"), *self._thinking(piece))
            case {"citation": dict(citation)}:
                return (*ended, Cited(citation_of(citation)))
            case {"toolResult": _}:
                return (*ended, Alive())
        return (*ended, Failed("a delta has no form that another API has"))

    def _thinking(self, piece: Mapping[str, Json]) -> Sequence[Event]:
        match piece:
            case {"text": str(text)}:
                # Whose reasoning it is shows at its end, by the signature; Claude's is the one that matters.
                return (ThinkingDelta(text, "claude"),)
            case {"signature": str(signature)}:
                self._signature.append(signature)
                return (Alive(),)
            case {"redactedContent": str(redacted)}:
                try:
                    self._redacted.append(base64.b64decode(redacted, validate=True))
                except ValueError:
                    return (Failed("hidden reasoning is no base64"),)
                return (Alive(),)
        return (Alive(),)

    def _stop(self, fields: Mapping[str, Json]) -> Sequence[Event]:
        ended = self._end_block()
        reason = fields.get("stopReason")
        if not isinstance(reason, str):
            return (*ended, Failed("messageStop has no reason"))
        self._is_stopped = True
        return (*ended, Stopped(words.STOPS.get(reason, Stop.FAILED), stop_text_of(fields)))

    def _at(self, fields: Mapping[str, Json]) -> Sequence[Event]:
        """Go to the block of an event; one that was open before has ended, also without a word of it."""
        index = fields.get("contentBlockIndex")
        if not isinstance(index, int) or index == self._block:
            return ()
        ended = self._end_block()
        self._block = index
        return ended

    def _switched(self, kind: str) -> Sequence[Event]:
        if self._open == kind:
            return ()
        ended = self._end_block()
        self._open = kind
        return ended

    def _end_block(self) -> Sequence[Event]:
        kind, self._open = self._open, ""
        if kind == "call":
            return (CallEnd(self._call),)
        if kind != "thinking":
            return ()
        signature, redacted = "".join(self._signature), tuple(self._redacted)
        self._signature, self._redacted = [], []
        if redacted:
            return (ThinkingEnd("claude", words.joined_blob(redacted), is_redacted=True),)
        return (ThinkingEnd("claude" if signature else "other", signature),)


def _failed(data: bytes, name: str) -> Failed:
    """Read an exception in the midst of a stream; it has the status that it would have as an answer."""
    code = name.removeprefix(_EXCEPTION).removeprefix(_ERROR)
    try:
        fields = lenient_json.decode(data)
    except (ValueError, RecursionError):
        fields = None
    message, own = "", 0
    if isinstance(fields, dict):
        text = fields.get("message", fields.get("Message"))
        message = text if isinstance(text, str) else ""
        given = fields.get("originalStatusCode")
        own = given if isinstance(given, int) and not isinstance(given, bool) and 400 <= given <= 599 else 0
    return Failed(message or code, own or STATUSES.get(code.lower(), 0), code, code)


def _shown(name: str) -> str:
    return name if name.isalnum() and len(name) <= 40 else "an event"
