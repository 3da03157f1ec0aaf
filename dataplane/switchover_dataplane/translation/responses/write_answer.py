"""The neutral form → whole answers of the Responses API, and what the events of a stream share with them.

Source: OpenAI API reference, the response object.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from switchover_dataplane.translation import call_ids, tool_forms
from switchover_dataplane.translation.answers import (
    Answer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.neutral import Json, Refusal, Request, Text, Thinking, ToolCall
from switchover_dataplane.translation.responses.write_request import written_choice, written_format, written_tools


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer."""
    answer = tool_forms.restored(asked.request, answer)
    refuses = any(isinstance(block, Refusal) for block in answer.blocks)
    if answer.stop is Stop.REFUSAL and answer.refusal and not refuses:
        refuses = True
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
