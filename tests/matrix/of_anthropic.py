"""Anthropic's Messages, and Claude at Vertex AI, as their recordings and documentation show them.

Sources: Anthropic API reference, "Messages", "Errors", "Versions", and its official SDK; Vertex AI, "Request
predictions with Claude models".
"""

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from matrix import judge
from matrix.fake import EVENTS, Wire, sse
from matrix.plan import Reason, Says, Stream
from serving import KEY, Seen
from switchover_dataplane.table.upstreams import Anthropic, VertexAi

NEWER = "2026-10-21"
SIGNED = "RXFRQ2xhdWRl"
ERRORS: dict[Reason, tuple[int, str]] = {
    "request": (400, "invalid_request_error"),
    "limit": (429, "rate_limit_error"),
    "overloaded": (529, "overloaded_error"),
    "credentials": (401, "authentication_error"),
    "not-found": (404, "not_found_error"),
}
_GOOGLE_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_NOT_IN_SCHEMAS = frozenset(
    ("minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "exclusiveMinimum")
)


@functools.cache
def _types(streamed: bool) -> Any:
    from anthropic.types import message_create_params as params  # noqa: PLC0415 - a second, for processes that need it

    return judge.adapter(params.MessageCreateParamsStreaming if streamed else params.MessageCreateParamsNonStreaming)


class Messages:
    """Messages, at Anthropic or at Vertex AI."""

    stream_type = EVENTS

    def __init__(self, *, at_vertex: bool = False) -> None:
        self.at_vertex = at_vertex

    def is_streamed(self, _seen: Seen, body: dict[str, Any]) -> bool:
        return body.get("stream") is True

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        found = self._of_place(seen, body)
        # The SDK has no types of the older version any more.
        older = {"anthropic_version", "temperature", "top_p", "top_k"}
        asked = {"model": "claude", **{name: body[name] for name in body if name not in older}}
        found += judge.faults_by_type(_types(self.is_streamed(seen, body)), asked)
        found += _of_turns(body["messages"]) + _of_thinking(body)
        for tool in body.get("tools", ()):
            if "input_schema" in tool and not _NAME.fullmatch(tool["name"]):
                found.append(f"the name of a tool is {tool['name']}")
            if tool.get("strict"):
                found += _of_schema(tool["input_schema"])
        form = body.get("output_config", {}).get("format")
        return found + (_of_schema(form["schema"]) if form else [])

    def _of_place(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        if self.at_vertex:
            found = [] if body.get("anthropic_version") == "vertex-2023-10-16" else ["no version in the body"]
            found += ["model: Extra inputs are not permitted"] if "model" in body else []
            found += [] if seen.headers.get("authorization") == f"Bearer {KEY}" else ["no token"]
            streamed = ":streamRawPredict" in seen.line
            return found + ([] if streamed is self.is_streamed(seen, body) else ["path and stream are at odds"])
        version = seen.headers.get("anthropic-version")
        found = [] if version in {"2023-06-01", NEWER} else [f"anthropic-version {version}"]
        if version == NEWER:
            found += [f"{name} is refused in {NEWER}" for name in ("temperature", "top_p", "top_k") if name in body]
        found += [f"{name} is sent" for name in ("authorization", "api-key", "x-goog-api-key") if name in seen.headers]
        found += [] if body.get("model") == "claude-sonnet-4-5" else [f"model: {body.get('model')}"]
        return found + ([] if seen.headers.get("x-api-key") == KEY else ["invalid x-api-key"])

    def whole(self, says: Says) -> Any:
        content: list[dict[str, Any]] = []
        if says.thinks:
            content.append({"type": "thinking", "thinking": "Let me see.", "signature": SIGNED})
        if says.pieces:
            content.append({"type": "text", "text": says.text})
        content += [
            {
                "type": "tool_use",
                "id": f"toolu_01T1x1fJ34qAmk2tNTrN7U{number}",
                "name": call.name,
                "input": call.arguments,
            }
            for number, call in enumerate(says.calls)
        ]
        answer = self._message(content, _stop(says), {"input_tokens": 7, "output_tokens": 5})
        return {**answer, "stop_details": DETAILS} if says.refuses else answer

    def _message(self, content: Sequence[Any], stop: str | None, usage: dict[str, int]) -> dict[str, Any]:
        head = {"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant"}
        usage = {**usage, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        end = {"stop_reason": stop, "stop_sequence": None, "usage": usage}
        return {**head, "model": "claude-sonnet-4-5-20250929", "content": list(content), **end}

    def stream(self, says: Says) -> Stream:
        def named(kind: str, **fields: Any) -> tuple[str, object]:
            return kind, {"type": kind, **fields}

        start = [named("message_start", message=self._message([], None, {"input_tokens": 7, "output_tokens": 1}))]
        start.append(named("ping"))
        content: list[tuple[str, object]] = []
        index = 0
        if says.thinks:
            thinking = {"type": "thinking", "thinking": "", "signature": ""}
            start.append(named("content_block_start", index=0, content_block=thinking))
            for delta in (
                {"type": "thinking_delta", "thinking": "Let me see."},
                {"type": "signature_delta", "signature": SIGNED},
            ):
                start.append(named("content_block_delta", index=0, delta=delta))
            start.append(named("content_block_stop", index=0))
            index = 1
        if says.pieces:
            start.append(named("content_block_start", index=index, content_block={"type": "text", "text": ""}))
            content += [
                named("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
                for piece in says.pieces
            ]
            index += 1
        end = [named("content_block_stop", index=index - 1)] if says.pieces else []
        for number, call in enumerate(says.calls):
            text = json.dumps(call.arguments)
            use = {"type": "tool_use", "id": f"toolu_01T1x1fJ34qAmk2tNTrN7U{number}", "name": call.name, "input": {}}
            content += [*end, named("content_block_start", index=index, content_block=use)]
            for piece in ("", text[:4], text[4:]):
                delta = {"type": "input_json_delta", "partial_json": piece}
                content.append(named("content_block_delta", index=index, delta=delta))
            end = [named("content_block_stop", index=index)]
            index += 1
        stopped: dict[str, Any] = {"stop_reason": _stop(says), "stop_sequence": None}
        if says.refuses:
            stopped["stop_details"] = DETAILS
        end += [named("message_delta", delta=stopped, usage={"output_tokens": 5}), named("message_stop")]
        return Stream(sse(*start), sse(*content), sse(*end))

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        status, kind = ERRORS[reason]
        return status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_7"}, ()

    def error_event(self) -> bytes:
        return sse(("error", self.error("overloaded", "Overloaded")[1]))[0]


DETAILS = {"type": "refusal", "category": "cyber", "explanation": "It was blocked."}


def _stop(says: Says) -> Any:
    return "refusal" if says.refuses else "tool_use" if says.calls else "end_turn"


def _blocks(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _of_turns(turns: list[dict[str, Any]]) -> list[str]:
    """Say what is wrong with the order: user first, results first in the very next turn, no text that is empty."""
    found = [] if turns and turns[0]["role"] == "user" else ["first message must use the user role"]
    merged: list[tuple[str, list[dict[str, Any]]]] = []
    for turn in turns:
        if merged and merged[-1][0] == turn["role"]:
            merged[-1][1].extend(_blocks(turn))
        else:
            merged.append((turn["role"], _blocks(turn)))
    open_calls: list[str] = []
    for role, blocks in merged:
        found += [
            "text content blocks must contain non-whitespace text"
            for each in blocks
            if each["type"] == "text" and not each["text"].strip()
        ]
        results = [each["tool_use_id"] for each in blocks if each["type"] == "tool_result"]
        if role == "user" and sorted(results) != sorted(open_calls):
            found.append(
                f"tool_use ids {open_calls} were found without tool_result blocks immediately after: {results}"
            )
        kinds = [each["type"] == "tool_result" for each in blocks]
        if kinds != sorted(kinds, reverse=True):
            found.append("tool_result blocks must come first")
        open_calls = [each["id"] for each in blocks if each["type"] == "tool_use"]
        found += [f"String should match pattern: {each}" for each in open_calls if not _ID.fullmatch(each)]
        if len(set(open_calls)) < len(open_calls):
            found.append("`tool_use` ids must be unique")
    last = merged[-1] if merged else ("", [])
    if last[0] == "assistant" and last[1][-1]["type"] == "text" and last[1][-1]["text"] != last[1][-1]["text"].rstrip():
        found.append("final assistant content cannot end with trailing whitespace")
    return found + (["calls without their results"] if open_calls else [])


def _of_thinking(body: dict[str, Any]) -> list[str]:
    found = []
    for turn in body["messages"]:
        for block in _blocks(turn):
            if block["type"] == "thinking" and block["signature"] != SIGNED:
                found.append("Invalid `signature` in `thinking` block")
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "enabled":
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            found.append("max_tokens must be greater than thinking.budget_tokens")
        if body.get("temperature", 1) != 1:
            found.append("temperature may only be set to 1 when thinking is enabled")
    return found


def _of_schema(schema: Any) -> list[str]:
    words = set(judge.words_of(schema)) & _NOT_IN_SCHEMAS
    return judge.unclosed(schema) + [f"{word} is not supported" for word in sorted(words)]


class OfAnthropic:
    """Anthropic."""

    name = "anthropic"
    provider = Anthropic("claude-sonnet-4-5")

    def wire(self, path: str) -> Wire | None:
        return Messages() if path.partition("?")[0] == "/v1/messages" else None


class ClaudeOfVertex:
    """Claude at Vertex AI."""

    name = "vertexAi/claude"
    provider = VertexAi("project", "us-east5", "claude-sonnet-4-5@20250929", publisher="anthropic")

    def wire(self, path: str) -> Wire | None:
        at = "/v1/projects/project/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:"
        return Messages(at_vertex=True) if path in {f"{at}rawPredict", f"{at}streamRawPredict"} else None
