"""A neutral answer → a whole response of generateContent.

Source: Gemini API reference, GenerateContentResponse.
"""

from switchover_dataplane.translation import json_schemas, tool_forms
from switchover_dataplane.translation.answers import Answer, Stopped
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.generate import words
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer."""
    answer = tool_forms.restored(asked.request, answer)
    parts: list[dict[str, Json]] = []
    for block in answer.blocks:
        match block:
            case Text(text) | Refusal(text):
                if text:
                    parts.append({"text": text})
            case Thinking(text="", maker="gemini") if parts and set(parts[-1]) == {"text"} and block.signature:
                parts[-1]["thoughtSignature"] = block.signature
            case Thinking():
                parts += thinking_parts(block, asked)
            case ToolCall():
                parts.append(call_part(block))
    refused = any(isinstance(block, Refusal) for block in answer.blocks)
    content: dict[str, Json] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    candidate: dict[str, Json] = {
        "content": content,
        **words.write_stop(Stopped(answer.stop, answer.stop_text, answer.refusal), refused=refused),
        "index": 0,
        **words.write_citations(answer.citations),
    }
    written: dict[str, Json] = {"candidates": [candidate]}
    if answer.usage is not None:
        written["usageMetadata"] = words.write_usage(answer.usage)
    return {**written, "modelVersion": answer.model or asked.model, "responseId": asked.id}


def thinking_parts(thinking: Thinking, asked: Asked) -> list[dict[str, Json]]:
    """Return reasoning as parts, none where the client is not to see it, or there is nothing to see."""
    if not words.shows_thinking(asked, thinking.maker):
        return []
    signed = {"thoughtSignature": thinking.signature} if thinking.maker == "gemini" and thinking.signature else {}
    if thinking.text:
        return [{"text": thinking.text, "thought": True, **signed}]
    return [{"text": "", **signed}] if signed else []


def call_part(call: ToolCall) -> dict[str, Json]:
    """Return a call as a part; its id is left out where it has none."""
    name = tool_forms.flat_name(call.namespace, call.name) if call.namespace else call.name
    made: dict[str, Json] = {"name": name, "args": json_schemas.as_object(call.arguments)}
    if call.id:
        made["id"] = call.id
    return {"functionCall": made, **({"thoughtSignature": call.signature} if call.signature else {})}
