"""Whole answers of the Responses API, both ways, and what the events of a stream share with them.

Source: OpenAI API reference, the response object.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.translation import call_ids, tool_forms
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    BadAnswer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.neutral import Json, Refusal, Request, Text, Thinking, ToolCall
from switchover_dataplane.translation.responses.read_items import thinking_of
from switchover_dataplane.translation.responses.write_request import written_choice, written_format, written_tools

CLIENT_CALLS: Final = frozenset(
    (
        *("computer_call", "local_shell_call", "shell_call", "apply_patch_call"),
        *("mcp_approval_request", "tool_search_call", "image_generation_call"),
    )
)
"""Items that hold content, or that the client must handle, in a form that is this API's alone."""


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_answer(body: Json) -> Answer:
    """Read a whole answer.

    Raises:
        BadAnswer: it is none, an error, or not whole yet.
    """
    if not isinstance(body, dict) or body.get("error"):
        raise BadAnswer("it is no response")
    output = body.get("output")
    if body.get("status") not in ("completed", "incomplete", None) or not isinstance(output, list):
        raise BadAnswer("it is no response that has ended")
    blocks: list[AnswerBlock] = []
    citations: dict[Citation, None] = {}
    for item in output:
        if isinstance(item, dict):
            blocks.extend(blocks_of(item))
            citations.update(dict.fromkeys(citations_of(item)))
    model = body.get("model")
    return Answer(
        tuple(blocks),
        stop_of(
            body,
            has_calls=any(isinstance(block, ToolCall) for block in blocks),
            refuses=any(isinstance(block, Refusal) for block in blocks),
        ),
        model if isinstance(model, str) else "",
        usage=usage_of(body),
        citations=tuple(citations),
    )


def blocks_of(item: Mapping[str, Json]) -> Iterator[AnswerBlock]:
    """Yield the blocks of an item.

    Raises:
        BadAnswer: it has content that no other API has in this form.
    """
    kind = type_of(item)
    match kind:
        case "message":
            for part in parts_of(item):
                block = block_of(part)
                if block is not None:
                    yield block
        case "function_call" | "custom_tool_call":
            yield call_of(item)
        case "reasoning":
            thinking = thinking_of(item.get)
            if thinking is not None:
                yield thinking
        case _ if kind in CLIENT_CALLS:
            raise BadAnswer("it has an item that no other API has in this form")
        case _:
            pass


def parts_of(item: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    """Return the parts of a message."""
    content = item.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else ()


def block_of(part: Mapping[str, Json]) -> Text | Refusal | None:
    """Return the block of a part of a message; None if it is empty.

    Raises:
        BadAnswer: it is of an unknown kind.
    """
    kind = part.get("type")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind not in ("output_text", "text", "refusal"):
        raise BadAnswer("its message has a part of an unknown kind")
    if not isinstance(text, str) or not text:
        return None
    return Refusal(text) if kind == "refusal" else Text(text)


def call_of(item: Mapping[str, Json]) -> ToolCall:
    """Return the call of an item.

    Raises:
        BadAnswer: it has no name.
    """
    is_custom = item.get("type") == "custom_tool_call"
    name, call_id, namespace = item.get("name"), item.get("call_id"), item.get("namespace")
    arguments = item.get("input" if is_custom else "arguments")
    if not isinstance(name, str) or not name:
        raise BadAnswer("it has a tool call without a name")
    if isinstance(arguments, dict):
        arguments = lenient_json.encode(arguments).decode()
    text = arguments if isinstance(arguments, str) else ""
    return ToolCall(
        call_id if isinstance(call_id, str) else "",
        name,
        text if text or is_custom else "{}",
        namespace if isinstance(namespace, str) else "",
        is_custom,
    )


def citations_of(item: Mapping[str, Json]) -> Iterator[Citation]:
    """Yield the sources that the parts of a message name."""
    for part in parts_of(item):
        annotations = part.get("annotations")
        for annotation in annotations if isinstance(annotations, list) else ():
            citation = citation_of(annotation)
            if citation is not None:
                yield citation


def citation_of(annotation: Json) -> Citation | None:
    """Return the source that an annotation names; None for a file of the provider."""
    if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
        return None
    url, title = annotation.get("url"), annotation.get("title")
    return Citation(url if isinstance(url, str) else "", title if isinstance(title, str) else "")


def stop_of(body: Mapping[str, Json], *, has_calls: bool, refuses: bool) -> Stop:
    """Return why an answer ended: its status, and what it holds where that says more."""
    if body.get("status") == "incomplete":
        details = body.get("incomplete_details")
        word = details.get("reason") if isinstance(details, dict) else None
        finish = finish_of(Api.RESPONSES, word) if isinstance(word, str) else Finish.LIMITED
        match finish:
            case Finish.REFUSED:
                return Stop.REFUSAL
            case None:
                return Stop.FAILED
            case _:
                return Stop.LIMIT
    return Stop.TOOLS if has_calls else Stop.REFUSAL if refuses else Stop.END


def usage_of(body: Mapping[str, Json]) -> Usage | None:
    """Return the tokens of an answer."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    ins, outs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return Usage(
        _count(usage, "input_tokens"),
        _count(usage, "output_tokens"),
        _count(ins, "cached_tokens"),
        _count(ins, "cache_write_tokens"),
        _count(outs, "reasoning_tokens"),
    )


def _count(counts: Json, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer."""
    answer = tool_forms.restored(asked.request, answer)
    if answer.stop is Stop.REFUSAL and answer.refusal:
        answer = replace(answer, blocks=(*answer.blocks, Refusal(answer.refusal)))
    output: list[dict[str, Json]] = []
    calls = 0
    for block in answer.blocks:
        match block:
            case Text() | Refusal():
                if not output or output[-1]["type"] != "message":
                    output.append(message(item_id("msg", asked, len(output))))
                output[-1]["content"].append(written_part(block))
            case Thinking():
                if is_shown(asked.request, block.maker, block.signature):
                    output.append(reasoning(block, asked, len(output)))
            case ToolCall():
                output.append(written_call(block, asked, len(output), calls))
                calls += 1
    _add_citations(output, answer.citations)
    refuses = any(isinstance(block, Refusal) for block in answer.blocks)
    status, details, error = ending(answer.stop, refuses=refuses)
    if status != "completed" and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    return response(asked, answer.model, status, output, usage=answer.usage, details=details, error=error)


def _add_citations(output: Sequence[dict[str, Json]], citations: Sequence[Citation]) -> None:
    texts = [part for item in output for part in item.get("content") or () if part["type"] == "output_text"]
    if texts:
        texts[-1]["annotations"] = [annotation(each, len(texts[-1]["text"])) for each in citations]


def ending(stop: Stop, *, refuses: bool) -> tuple[str, Json, Json]:
    """Return the status, the details of an incomplete answer, and the error of a failed one."""
    match stop:
        case Stop.LIMIT | Stop.CONTEXT:
            return "incomplete", {"reason": "max_output_tokens"}, None
        case Stop.REFUSAL if not refuses:
            return "incomplete", {"reason": "content_filter"}, None
        case Stop.FAILED:
            return "failed", None, {"code": "server_error", "message": "the model's answer failed"}
        case _:
            return "completed", None, None


def is_shown(request: Request, maker: str, signature: str) -> bool:
    """Whether reasoning is written: where the client asked for it, or needs it in the next request.

    OpenAI's API looks for an item without encrypted content by its id, and refuses a request that brings one back.
    """
    asks = request.reasoning is not None and request.reasoning.shows is True
    return asks or (maker == "openai" and bool(signature))


def item_id(prefix: str, asked: Asked, index: int) -> str:
    """Return the id of an item, which is the same in each event of it."""
    return f"{prefix}_{asked.id}{index:04d}"


def message(given_id: str, status: str = "completed") -> dict[str, Json]:
    """Return a message without content."""
    return {"id": given_id, "type": "message", "status": status, "role": "assistant", "content": []}


def written_part(block: Text | Refusal) -> dict[str, Json]:
    """Write a part of a message."""
    if isinstance(block, Refusal):
        return {"type": "refusal", "refusal": block.text}
    return {"type": "output_text", "text": block.text, "annotations": [], "logprobs": []}


def annotation(citation: Citation, length: int) -> Json:
    """Write a source of a text of this length; it belongs to all of it."""
    place = {"start_index": 0, "end_index": length}
    return {"type": "url_citation", "url": citation.url, "title": citation.title, **place}


def reasoning(thinking: Thinking, asked: Asked, index: int) -> dict[str, Json]:
    """Write an item of reasoning; OpenAI's own keeps its id, to which its proof is tied."""
    is_own = thinking.maker == "openai"
    written: dict[str, Json] = {
        "id": thinking.id if is_own and thinking.id else item_id("rs", asked, index),
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": thinking.text}] if thinking.text else [],
    }
    if is_own and thinking.signature:
        written["encrypted_content"] = thinking.signature
    return written


def written_call(call: ToolCall, asked: Asked, index: int, number: int, status: str = "completed") -> dict[str, Json]:
    """Write the item of a call, the call of this number."""
    if call.id:
        call_id = call_ids.fitting(call_ids.RESPONSES, call.id)
    else:
        call_id = call_ids.made(call_ids.RESPONSES, f"{asked.id}/{number}")
    if call.is_custom:
        own: dict[str, Json] = {"id": item_id("ctc", asked, index), "type": "custom_tool_call", "status": status}
        own |= {"call_id": call_id, "name": call.name, "input": call.arguments}
    else:
        own = {"id": item_id("fc", asked, index), "type": "function_call", "status": status}
        own |= {"call_id": call_id, "name": call.name, "arguments": call.arguments}
    return own | ({"namespace": call.namespace} if call.namespace else {})


def written_usage(usage: Usage) -> Json:
    """Write the tokens of an answer; the API demands all of these fields."""
    given, output = usage.input or 0, usage.output or 0
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": usage.cache_written or 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": given + output,
    }


def response(
    asked: Asked,
    model: str,
    status: str,
    output: Sequence[Json],
    *,
    usage: Usage | None = None,
    details: Json = None,
    error: Json = None,
) -> dict[str, Json]:
    """Write a response object with what the client asked for, as the API repeats it."""
    request = asked.request
    asks = request.reasoning
    choice = request.tool_choice
    tools = [*written_tools(request.tools, keeps_form=True), *({"type": each.kind} for each in request.hosted_tools)]
    return {
        "id": f"resp_{asked.id}",
        "object": "response",
        "created_at": asked.created,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": details,
        "instructions": "\n\n".join(text.text for text in request.system) or None,
        "max_output_tokens": request.max_tokens,
        "metadata": request.metadata or {},
        "model": model or asked.model,
        "output": list(output),
        "parallel_tool_calls": request.parallel is not False,
        "previous_response_id": None,
        "reasoning": {
            "effort": (asks.effort or None) if asks is not None else None,
            "summary": "auto" if asks is not None and asks.shows else None,
        },
        "service_tier": "default",
        "store": False,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"} if request.schema is None else written_format(request.schema)},
        "tool_choice": "auto" if choice is None else written_choice(request, choice, keeps_form=True),
        "tools": tools,
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": None if usage is None else written_usage(usage),
        "user": request.user or None,
    }
