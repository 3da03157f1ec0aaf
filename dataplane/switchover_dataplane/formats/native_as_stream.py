"""A whole answer of the Messages or the Responses API → the events that its SDK joins to the same answer.

Sources: Anthropic, Streaming Messages; OpenAI API reference, Responses streaming events.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from switchover_dataplane.formats import lenient_json


def _event(kind: str, fields: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), lenient_json.encode({"type": kind, **fields}))


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────

_STOPPED: Final = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management")
"""The fields of `message_delta`, which are known only at the end."""

_CALLS: Final = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))


def message(answer: Mapping[str, Any]) -> bytes | None:
    """Write a message as events; None if it has no list of blocks."""
    blocks = answer.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return None
    usage = answer.get("usage") or {"input_tokens": 0, "output_tokens": 0}
    ended = {name: answer[name] for name in _STOPPED if name in answer}
    if not ended.get("stop_reason"):
        ended["stop_reason"] = "tool_use" if any(block.get("type") == "tool_use" for block in blocks) else "end_turn"
    begun = {name: value for name, value in answer.items() if name not in _STOPPED}
    begun |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events = [_event("message_start", {"message": begun})]
    for index, block in enumerate(blocks):
        started, deltas = _block(block)
        events.append(_event("content_block_start", {"index": index, "content_block": started}))
        events += (_event("content_block_delta", {"index": index, "delta": delta}) for delta in deltas)
        events.append(_event("content_block_stop", {"index": index}))
    events.append(_event("message_delta", {"delta": {"stop_sequence": None, **ended}, "usage": usage}))
    events.append(_event("message_stop", {}))
    return b"".join(events)


def _block(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the start of a block and its deltas; a block of a kind without deltas is sent whole."""
    kind = str(block.get("type"))
    if kind == "text" and isinstance(block.get("text"), str):
        cited = block.get("citations")
        citations = cited if isinstance(cited, list) else []
        deltas = [{"type": "text_delta", "text": block["text"]}]
        deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
        return {**block, "text": "", **({"citations": []} if citations else {})}, deltas
    if kind == "thinking" and isinstance(block.get("thinking"), str):
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
        if block.get("signature"):
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    if kind in _CALLS:
        given = lenient_json.encode(block.get("input") or {}).decode()
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": given}]
    return dict(block), []


# ── Responses ───────────────────────────────────────────────────────────────────────────────────────────────────────

_ENDED: Final = frozenset(("completed", "incomplete"))
_PIECED: Final = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
}
"""The type of an item → its field that is sent in pieces, and the name of the events of the pieces."""

_TEXT_PARTS: Final[dict[str, tuple[str, str, dict[str, list[object]]]]] = {
    "output_text": ("text", "response.output_text", {"logprobs": []}),
    "refusal": ("refusal", "response.refusal", {}),
    "reasoning_text": ("text", "response.reasoning_text", {}),
}
"""The type of a part → its text field, the name of its events, and their other fields."""


def response(answer: Mapping[str, Any]) -> bytes | None:
    """Write a response as events; None if it has no list of items, or has not ended."""
    items, status = answer.get("output"), str(answer.get("status") or "completed")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or status not in _ENDED:
        return None
    begun = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
    ]
    for index, item in enumerate(items):
        events += _item(index, item)
    events.append((f"response.{status}", {"response": {**answer, "status": status}}))
    return b"".join(_event(kind, {**fields, "sequence_number": at}) for at, (kind, fields) in enumerate(events))


def _item(index: int, item: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    at = {"item_id": item.get("id") or f"item_{index}", "output_index": index}
    kind = item.get("type")
    pieced, named = _PIECED.get(kind, ("", "")) if isinstance(kind, str) else ("", "")
    begun = {**item, "status": "in_progress"} if "status" in item else dict(item)
    begun |= {name: [] for name in ("content", "summary") if isinstance(item.get(name), list)}
    if pieced:
        begun[pieced] = ""
    yield "response.output_item.added", {"output_index": index, "item": begun}
    if pieced:
        yield f"{named}.delta", {**at, "delta": item.get(pieced) or ""}
        yield f"{named}.done", {**at, pieced: item.get(pieced) or ""}
    for number, part in enumerate(_parts(item, "summary")):
        yield from _summary({**at, "summary_index": number}, part)
    for number, part in enumerate(_parts(item, "content")):
        yield from _part({**at, "content_index": number}, part)
    yield "response.output_item.done", {"output_index": index, "item": item}


def _parts(item: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    parts = item.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _summary(at: dict[str, Any], part: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    text = part.get("text") or ""
    yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    yield "response.reasoning_summary_text.delta", {**at, "delta": text}
    yield "response.reasoning_summary_text.done", {**at, "text": text}
    yield "response.reasoning_summary_part.done", {**at, "part": part}


def _part(at: dict[str, Any], part: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    name, named, more = _TEXT_PARTS.get(str(part.get("type")), ("", "", {}))
    empty = {**part, **({name: ""} if name else {})}
    empty |= {each: [] for each in ("annotations", "logprobs") if part.get(each)}
    yield "response.content_part.added", {**at, "part": empty}
    if name:
        text = part.get(name) or ""
        yield f"{named}.delta", {**at, "delta": text, **more}
        yield f"{named}.done", {**at, name: text, **more}
    annotations = part.get("annotations")
    for number, annotation in enumerate(annotations if isinstance(annotations, list) else []):
        added = {**at, "annotation_index": number, "annotation": annotation}
        yield "response.output_text.annotation.added", added
    yield "response.content_part.done", {**at, "part": part}
