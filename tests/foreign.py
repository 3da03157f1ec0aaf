"""Targets of every API: tables with them, and what they answer, whole and as streams."""

from collections.abc import Sequence

import msgspec

from as_written import AsWritten, resolved_policy
from serving import KEY, Answering, chunks, json, raw
from switchover_dataplane.formats.event_stream_frames import event as frame
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port
from switchover_dataplane.table.rules import Backend, Filters, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import (
    Anthropic,
    Auth,
    Bedrock,
    Gemini,
    Mistral,
    OpenAI,
    Provider,
    Target,
    Upstream,
)
from switchover_dataplane.table.wire import sealed

OPENAI = OpenAI("gpt-4o", has_responses=False)
ANTHROPIC = Anthropic("claude-sonnet-4-5")
GEMINI = Gemini("gemini-2.5-flash")
BEDROCK = Bedrock("anthropic.claude-sonnet-4-5-v1:0", "us-east-1")
MISTRAL = Mistral("mistral-large-latest")


def mixed(port: int, models: Sequence[tuple[Provider, int]], policy: Policy | AsWritten | None = None) -> Table:
    """A route for every path to one model a priority: each a provider and the port of its target."""
    pools = tuple(
        (Target(f"ns/up/{number}/0", "127.0.0.1", at, provider, auth=Auth("token", "key")),)
        for number, (provider, at) in enumerate(models)
    )
    rule = Rule("ns/route", "0", Filters(), (Backend(1, "ns/up", "policy"),))
    upstream = Upstream("ns/up", True, pools)
    return sealed(
        (Port(port, "HTTP", (Listener("ns/gw/http", hosts=(Host("", (Match("rule", PathMatch("/")),)),)),)),),
        {"rule": rule},
        {"policy": resolved_policy(policy, upstream)},
        {"ns/up": upstream},
        {"key": KEY},
    )


# ── What they answer ────────────────────────────────────────────────────────────────────────────────────────────────


def _sse(*events: tuple[str, object]) -> list[bytes]:
    return [
        (f"event: {name}\n" if name else "").encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"
        for name, data in events
    ]


def message(text: str = "hello", stop: str = "end_turn") -> Answering:
    """A whole answer of Anthropic's."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    content = [{"type": "text", "text": text}]
    return json(
        200,
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        },
    )


def message_events(*texts: str, ends: bool = True) -> list[bytes]:
    """The events of a streamed answer of Anthropic's."""
    start: dict[str, object] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    begun = _sse(
        ("message_start", {"type": "message_start", "message": start}),
        (
            "content_block_start",
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        ),
        *(
            (
                "content_block_delta",
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            )
            for text in texts
        ),
    )
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    end = _sse(
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        ("message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}),
        ("message_stop", {"type": "message_stop"}),
    )
    return begun + end if ends else begun


def chunk_events(*texts: str, ends: bool = True) -> list[bytes]:
    """The events of a streamed chat completion."""

    def chunk(delta: dict[str, object], finish: str | None = None) -> tuple[str, object]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return "", {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-4o",
            "choices": [choice],
        }

    begun = _sse(chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts))
    return [*begun, *_sse(chunk({}, "stop")), b"data: [DONE]\n\n"] if ends else begun


def gemini_events(*texts: str, ends: bool = True) -> list[bytes]:
    """The events of a streamed answer of Gemini's."""

    def response(text: str, finish: str | None = None) -> tuple[str, object]:
        candidate: dict[str, object] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        return "", {
            "candidates": [{**candidate, **({"finishReason": finish} if finish else {})}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
            "modelVersion": "gemini-2.5-flash",
        }

    begun = _sse(*(response(text) for text in texts))
    return begun + _sse(response("", "STOP")) if ends else begun


def converse_events(*texts: str, ends: bool = True) -> list[bytes]:
    """The frames of a streamed answer of Bedrock's."""

    def written(name: str, data: object) -> bytes:
        return frame(name, msgspec.json.encode(data))

    begun = [
        written("messageStart", {"role": "assistant"}),
        *(written("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}) for text in texts),
    ]
    end = [
        written("contentBlockStop", {"contentBlockIndex": 0}),
        written("messageStop", {"stopReason": "end_turn"}),
        written("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, "metrics": {}}),
    ]
    return begun + end if ends else begun


def streamed(
    events: Sequence[bytes], *, kind: str = "text/event-stream", ends: bool = True, then: str = "go on"
) -> Answering:
    """Send events as a stream, one chunk each."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return raw(head + chunks(*events, end=ends), then=then)


FRAMES = "application/vnd.amazon.eventstream"
