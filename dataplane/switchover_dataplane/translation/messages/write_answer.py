"""A neutral answer → a whole message of the Messages API.

Source: Anthropic API reference, Messages (Message). Its SDK's type says what a message must have.
"""

from typing import Final

from switchover_dataplane.translation import call_ids, json_schemas, tool_forms
from switchover_dataplane.translation.answers import Answer, Stopped
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.messages import words
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall

PREFIX: Final = "msg_"


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer."""
    answer = tool_forms.restored(asked.request, answer)
    content: list[dict[str, Json]] = []
    for place, block in enumerate(answer.blocks):
        match block:
            case Text(text) | Refusal(text):
                if text:
                    content.append({"type": "text", "text": text})
            case Thinking():
                written = write_thinking(block, asked)
                if written is not None:
                    content.append(written)
            case ToolCall():
                content.append(
                    {
                        **start_of_call(call_id(block.id, asked, place), block.namespace, block.name),
                        "input": json_schemas.as_object(block.arguments),
                    }
                )
    texts = [block for block in content if block["type"] == "text"]
    citations = [words.write_citation(citation) for citation in answer.citations if citation.url]
    if citations and texts:
        texts[-1]["citations"] = citations
    refused = any(isinstance(block, Refusal) for block in answer.blocks)
    return {
        "id": PREFIX + asked.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model or asked.model,
        "content": content,
        **words.write_stop(Stopped(answer.stop, answer.stop_text, answer.refusal), refused=refused),
        "usage": words.write_usage(answer.usage),
    }


def write_thinking(thinking: Thinking, asked: Asked) -> dict[str, Json] | None:
    """Write reasoning; None where the client is not to see it, or there is nothing to see.

    That of another maker has no signature, so that it is known when the client sends it back.
    """
    if not words.shows_thinking(asked, thinking.maker):
        return None
    signature = thinking.signature if thinking.maker == "claude" else ""
    if thinking.is_redacted:
        return {"type": "redacted_thinking", "data": signature} if signature else None
    if not thinking.text and not signature:
        return None
    return {"type": "thinking", "thinking": thinking.text, "signature": signature}


def call_id(given: str, asked: Asked, place: int) -> str:
    """Return the id of a call; one without an id gets one that no other answer has."""
    return call_ids.fitting(call_ids.MESSAGES, given or call_ids.made(call_ids.MESSAGES, f"{asked.id}/{place}"))


def start_of_call(own_id: str, namespace: str, name: str) -> dict[str, Json]:
    """Return a call without its arguments."""
    flat = tool_forms.flat_name(namespace, name) if namespace else name
    return {"type": "tool_use", "id": own_id, "name": flat, "input": {}}
