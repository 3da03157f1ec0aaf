"""The neutral form → whole answers of Chat Completions, and what chunks share with them.

Source: OpenAI API reference, the chat completion object; Gemini API docs, "OpenAI compatibility" (extra_content).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from switchover_dataplane.translation import call_ids, tool_forms
from switchover_dataplane.translation.answers import (
    Answer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.neutral import Json, Refusal, Request, Text, Thinking, ToolCall

_WRITTEN_STOPS: Final = {
    Stop.END: "stop",
    Stop.STOP_TEXT: "stop",
    Stop.TOOLS: "tool_calls",
    Stop.LIMIT: "length",
    Stop.CONTEXT: "length",
    Stop.REFUSAL: "content_filter",
    Stop.PAUSE: "stop",
    Stop.FAILED: "error",
}


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer."""
    answer = tool_forms.restored(asked.request, answer)
    text = thinking = refusal = ""
    for block in answer.blocks:
        if isinstance(block, Text):
            text += block.text
        elif isinstance(block, Thinking):
            thinking += block.text
        elif isinstance(block, Refusal):
            refusal += block.text
    calls = [block for block in answer.blocks if isinstance(block, ToolCall)]
    message: dict[str, Json] = {
        "role": "assistant",
        "content": text if text or not (calls or refusal or answer.refusal) else None,
        "refusal": refusal or answer.refusal or None,
    }
    if answer.citations:
        message["annotations"] = written_citations(answer.citations, len(text))
    if thinking:
        message["reasoning_content"] = thinking
    is_older = calls_are_older(asked.request)
    if calls and is_older:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        message["tool_calls"] = [_written_call(call, asked, number) for number, call in enumerate(calls)]
    word = written_stop(answer.stop, refused=bool(refusal), is_older=is_older)
    whole: dict[str, Json] = {
        "id": f"chatcmpl-{asked.id}",
        "object": "chat.completion",
        "created": asked.created,
        "model": answer.model or asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": word}],
    }
    if answer.usage is not None:
        whole["usage"] = written_usage(answer.usage)
    return whole


def _written_call(call: ToolCall, asked: Asked, number: int) -> Json:
    written: dict[str, Json] = {
        "id": call_id(call.id, asked, number),
        "type": "custom" if call.is_custom else "function",
    }
    if call.is_custom:
        written["custom"] = {"name": call.name, "input": call.arguments}
    else:
        written["function"] = {"name": call.name, "arguments": call.arguments}
    if call.signature:
        written["extra_content"] = {"google": {"thought_signature": call.signature}}
    return written


def call_id(given: str, asked: Asked, number: int) -> str:
    """Return the id of a call for the client: its own, one that fits, or a new one."""
    return call_ids.fitting(call_ids.CHAT, given) if given else call_ids.made(call_ids.CHAT, f"{asked.id}/{number}")


def calls_are_older(request: Request) -> bool:
    """Whether the client offers its functions in the older way, and so expects a `function_call`."""
    return any(tool.path.startswith("functions[") for tool in request.tools)


def written_stop(stop: Stop, *, refused: bool, is_older: bool) -> str:
    """Return the finish reason; a refusal in words is a good end of its own."""
    if stop is Stop.REFUSAL and refused:
        return "stop"
    if stop is Stop.TOOLS and is_older:
        return "function_call"
    return _WRITTEN_STOPS[stop]


def written_usage(usage: Usage) -> dict[str, Json]:
    """Write the tokens of an answer."""
    given, output = usage.input or 0, usage.output or 0
    written: dict[str, Json] = {"prompt_tokens": given, "completion_tokens": output, "total_tokens": given + output}
    ins = {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_written}
    if any(count is not None for count in ins.values()):
        written["prompt_tokens_details"] = {name: count for name, count in ins.items() if count is not None}
    if usage.reasoning is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return written


def written_citations(citations: Iterable[Citation], length: int) -> Sequence[Json]:
    """Write citations of a text of this length; each belongs to all of it."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 0,
                "end_index": length,
                "title": each.title,
                "url": each.url,
                **({"content": each.quote} if each.quote else {}),
            },
        }
        for each in citations
    ]
