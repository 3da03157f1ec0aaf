"""Amazon Bedrock, as its recordings and documentation show Converse.

Sources: Amazon Bedrock API Reference, "Converse", "ConverseStream"; botocore's model of it; Smithy, "Amazon Event
Stream Specification".
"""

import itertools
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from bedrock_recordings import faults
from matrix import judge
from matrix.fake import FRAMES, Wire
from matrix.of_anthropic import SIGNED
from matrix.plan import Reason, Says, Stream
from serving import KEY, Seen
from switchover_dataplane.table.upstreams import Bedrock

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ERRORS: dict[Reason, tuple[int, str]] = {
    "request": (400, "ValidationException"),
    "limit": (429, "ThrottlingException"),
    "overloaded": (503, "ServiceUnavailableException"),
    "credentials": (403, "AccessDeniedException"),
    "not-found": (404, "ResourceNotFoundException"),
}
BLOCKED = "Sorry, this is blocked by the guardrail."


def frame(kind: str, payload: object, *, message: str = "event") -> bytes:
    """Write one frame of the event stream."""
    content = json.dumps(payload).encode()
    names = {":message-type": message, f":{message}-type": kind, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in names.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(content), len(headers))
    begun = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + content
    return begun + struct.pack(">I", zlib.crc32(begun))


class Converse:
    """Converse and ConverseStream."""

    stream_type = FRAMES

    def is_streamed(self, seen: Seen, _body: dict[str, Any]) -> bool:
        return seen.line.split(" ")[1].endswith("/converse-stream")

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        report = faults(body, "ConverseStream" if self.is_streamed(seen, body) else "Converse")
        found = [report] if report else []
        found += [] if seen.headers.get("authorization") == f"Bearer {KEY}" else ["no API key"]
        found += [f"{name} is sent" for name in ("x-api-key", "api-key", "x-goog-api-key") if name in seen.headers]
        found += _of_turns(body)
        text = (
            body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {}).get("schema")
        )
        return found + (judge.unclosed(json.loads(text)) if text else [])

    def whole(self, says: Says) -> Any:
        content: list[dict[str, Any]] = []
        if says.thinks:
            thought = {"text": "Let me see.", "signature": SIGNED}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if says.pieces:
            content.append({"text": says.text})
        if says.refuses:
            content.append({"text": BLOCKED})
        content += [
            {
                "toolUse": {
                    "toolUseId": f"tooluse_kZJMlvQmRJ6eAyJE5GIl7{number}",
                    "name": call.name,
                    "input": call.arguments,
                }
            }
            for number, call in enumerate(says.calls)
        ]
        message = {"role": "assistant", "content": content}
        return {"metrics": {"latencyMs": 9}, "output": {"message": message}, "stopReason": _stop(says), "usage": USAGE}

    def stream(self, says: Says) -> Stream:
        def delta(index: int, what: dict[str, Any]) -> bytes:
            return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": what, "p": "abcdefgh"})

        def stop(index: int) -> bytes:
            return frame("contentBlockStop", {"contentBlockIndex": index, "p": "abc"})

        start, content, index = [frame("messageStart", {"role": "assistant", "p": "abcd"})], list[bytes](), 0
        if says.thinks:
            for piece in ({"text": "Let me see."}, {"signature": SIGNED}):
                start.append(delta(0, {"reasoningContent": piece}))
            start.append(stop(0))
            index = 1
        pieces = (BLOCKED,) if says.refuses else says.pieces
        content += [delta(index, {"text": piece}) for piece in pieces]
        end = [stop(index)] if pieces else []
        index += bool(pieces)
        for number, call in enumerate(says.calls):
            use = {"toolUseId": f"tooluse_kZJMlvQmRJ6eAyJE5GIl7{number}", "name": call.name}
            content += [*end, frame("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": use}})]
            text = json.dumps(call.arguments)
            content += [delta(index, {"toolUse": {"input": piece}}) for piece in (text[:4], text[4:])]
            end = [stop(index)]
            index += 1
        end += [frame("messageStop", {"stopReason": _stop(says)})]
        return Stream(start, content, [*end, frame("metadata", {"metrics": {"latencyMs": 9}, "usage": USAGE})])

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        status, name = ERRORS[reason]
        return status, {"message": message}, [f"x-amzn-errortype: {name}:http://internal.amazon.com/coral/"]

    def error_event(self) -> bytes:
        return frame("throttlingException", {"message": "scripted"}, message="exception")


USAGE = {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}


def _stop(says: Says) -> str:
    return "guardrail_intervened" if says.refuses else "tool_use" if says.calls else "end_turn"


def _of_turns(body: dict[str, Any]) -> list[str]:
    """Say what is wrong with the turns: they alternate, the user's first, each call has its result in the next one."""
    turns = body["messages"]
    roles = [turn["role"] for turn in turns]
    found = [] if roles[:1] == ["user"] else ["A conversation must start with a user message."]
    if any(one == other for one, other in itertools.pairwise(roles)):
        found.append("roles must alternate")
    blocks = [block for turn in turns for block in turn["content"]]
    if any("toolUse" in block or "toolResult" in block for block in blocks) and "toolConfig" not in body:
        found.append("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    found += [
        "The text field in the ContentBlock object is blank."
        for block in blocks
        if block.get("text", "x").strip() == ""
    ]
    open_calls: list[str] = []
    for turn in turns:
        results = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        if turn["role"] == "user" and sorted(results) != sorted(open_calls):
            found.append(f"Expected toolResult blocks for {open_calls}, not {results}")
        open_calls = [block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block]
        if len(set(open_calls)) < len(open_calls):
            found.append("toolUse ids must be unique")
    for block in blocks:
        thought = block.get("reasoningContent", {}).get("reasoningText", {})
        if thought and thought.get("signature") != SIGNED:
            found.append("Invalid `signature` in `thinking` block")
        result = block.get("toolResult", {})
        if result.get("status") == "error" and not result.get("content"):
            found.append("an error without content")
        found += [
            "json that is no object" for each in result.get("content", ()) if not isinstance(each.get("json", {}), dict)
        ]
    return found + (["calls without their results"] if open_calls else [])


class OfBedrock:
    """Claude at Amazon Bedrock."""

    name = "bedrock"
    provider = Bedrock(MODEL, "us-east-1")

    def wire(self, path: str) -> Wire | None:
        at = f"/model/{MODEL.replace(':', '%3A')}/"
        return Converse() if path in {f"{at}converse", f"{at}converse-stream"} else None
