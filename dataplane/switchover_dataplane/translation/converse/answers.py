"""A whole answer of Converse → the neutral answer, and back.

Source: botocore's model of bedrock-runtime (ConverseResponse, TokenUsage, CitationsContentBlock).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    BadAnswer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.call_ids import CONVERSE, fitting, made
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.read_request import thinking_of
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall

_OF_THE_PROVIDER: Final = frozenset(("toolResult", "cachePoint", "searchResult", "toolAddition", "toolRemoval"))
"""Blocks about tools that the provider ran; they are no part of what the model says to the client."""


def read_answer(document: Json) -> Answer:
    """Read a whole answer.

    Raises:
        BadAnswer: it is none, or it holds content that no other API has.
    """
    output = document.get("output") if isinstance(document, dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    reason = document.get("stopReason") if isinstance(document, dict) else None
    if not isinstance(content, list) or not isinstance(reason, str):
        raise BadAnswer("it has no `output.message.content` or no `stopReason`")
    blocks: list[AnswerBlock] = []
    citations: list[Citation] = []
    for block in content:
        if not isinstance(block, dict):
            raise BadAnswer("a block of its content is no object")
        blocks += _blocks(block, citations)
    return Answer(
        tuple(_joined(blocks)),
        words.STOPS.get(reason, Stop.FAILED),
        stop_text=stop_text_of(document),
        usage=usage_of(document.get("usage")),
        citations=tuple(citations),
    )


def _blocks(block: Mapping[str, Json], citations: list[Citation]) -> list[AnswerBlock]:
    match block:
        case {"text": str(text)}:
            return [Text(text)] if text else []
        case {"toolUse": {"type": "server_tool_use"}}:
            return []
        case {"toolUse": {"toolUseId": str(call), "name": str(name)} as use}:
            arguments = use.get("input")
            return [ToolCall(call, name, json_schemas.as_text({} if arguments is None else arguments))]
        case {"reasoningContent": dict(reasoning)}:
            thought = thinking_of(reasoning)
            if thought is None:
                raise BadAnswer("its reasoning has no form that is known")
            return [thought] if thought.text or thought.signature else []
        case {"citationsContent": dict(cited)}:
            citations += [citation_of(each) for each in _dicts(cited.get("citations"))]
            text = "".join(each["text"] for each in _dicts(cited.get("content")) if isinstance(each.get("text"), str))
            return [Text(text)] if text else []
        case _ if not _OF_THE_PROVIDER.isdisjoint(block):
            return []
    raise BadAnswer("a block of its content has no form that another API has")


def _joined(blocks: list[AnswerBlock]) -> Iterator[AnswerBlock]:
    """Join neighbours that are text, as a stream of the same answer does."""
    texts: list[str] = []
    for block in blocks:
        if isinstance(block, Text):
            texts.append(block.text)
            continue
        if texts:
            yield Text("".join(texts))
            texts = []
        yield block
    if texts:
        yield Text("".join(texts))


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def citation_of(fields: Mapping[str, Json]) -> Citation:
    """Read a source of a text, whole or as it comes in a stream."""
    location = fields.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    url = _text(web.get("url")) if isinstance(web, dict) else ""
    source = _text(fields.get("source"))
    quote = "".join(_text(each.get("text")) for each in _dicts(fields.get("sourceContent")))
    return Citation(url or (source if "://" in source else ""), _text(fields.get("title")), quote)


def citation_fields(citation: Citation) -> dict[str, Json]:
    """Write a source of a text."""
    fields: dict[str, Json] = {"title": citation.title} if citation.title else {}
    if citation.url:
        fields["location"] = {"web": {"url": citation.url}}
    if citation.quote:
        fields["sourceContent"] = [{"text": citation.quote}]
    return fields


def stop_text_of(fields: Mapping[str, Json]) -> str:
    """Return the stop sequence that came, if the request asked for it (`additionalModelResponseFieldPaths`)."""
    extra = fields.get("additionalModelResponseFields")
    return _text(extra.get("stop_sequence")) if isinstance(extra, dict) else ""


def usage_of(usage: Json) -> Usage | None:
    """Read the tokens: Converse counts those that came from a cache, or went into one, beside the input."""
    if not isinstance(usage, dict):
        return None
    given, output = _count(usage.get("inputTokens")), _count(usage.get("outputTokens"))
    cached, written = _count(usage.get("cacheReadInputTokens")), _count(usage.get("cacheWriteInputTokens"))
    if given is None and output is None:
        return None
    return Usage(None if given is None else given + (cached or 0) + (written or 0), output, cached, written)


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def usage_fields(usage: Usage | None) -> dict[str, Json]:
    """Write the tokens; the total counts all of them. What is not known is 0, as the fields are needed."""
    known = usage or Usage()
    cached, written, output = known.cached or 0, known.cache_written or 0, known.output or 0
    given = max((known.input or 0) - cached - written, 0)
    fields: dict[str, Json] = {
        "inputTokens": given,
        "outputTokens": output,
        "totalTokens": given + output + cached + written,
    }
    if known.cached is not None:
        fields["cacheReadInputTokens"] = known.cached
    if known.cache_written is not None:
        fields["cacheWriteInputTokens"] = known.cache_written
    return fields


def tool_use_id(asked: Asked, call: str, number: int) -> str:
    """Return the id of a call as Converse takes it; a call without one gets an id of its own."""
    return fitting(CONVERSE, call) if call else made(CONVERSE, f"{asked.id}/{number}")


def stop_fields(stop: Stop, stop_text: str) -> dict[str, Json]:
    """Write why an answer ended."""
    fields: dict[str, Json] = {"stopReason": words.STOP_WORDS[stop]}
    if stop_text:
        fields["additionalModelResponseFields"] = {"stop_sequence": stop_text}
    return fields


def write_answer(answer: Answer, asked: Asked) -> Json:
    """Write a whole answer; the sources of a text stand beside the last text."""
    content: list[dict[str, Json]] = []
    for block in answer.blocks:
        match block:
            case Text(text) | Refusal(text):
                if text:
                    content.append({"text": text})
            case ToolCall():
                use = {"toolUseId": tool_use_id(asked, block.id, len(content)), "name": block.name}
                content.append({"toolUse": {**use, "input": arguments_of(block)}})
            case Thinking():
                content += _reasoning(block)
    if answer.refusal and not any("text" in block for block in content):
        content.append({"text": answer.refusal})
    if answer.citations:
        last = next((block for block in reversed(content) if "text" in block), None)
        if last is not None:
            cited = [citation_fields(citation) for citation in answer.citations]
            last["citationsContent"] = {"content": [{"text": last.pop("text")}], "citations": cited}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        **stop_fields(answer.stop, answer.stop_text),
        "usage": usage_fields(answer.usage),
        "metrics": {"latencyMs": 0},
    }


def arguments_of(call: ToolCall) -> Json:
    """Return the arguments as an object; any other value stands in a field of one."""
    return {"input": call.arguments} if call.is_custom else json_schemas.as_object(call.arguments)


def _reasoning(block: Thinking) -> list[dict[str, Json]]:
    """Write reasoning; the signature of any maker but Claude is no signature here."""
    signature = block.signature if block.maker == "claude" else ""
    if block.is_redacted and signature:
        return [{"reasoningContent": {"redactedContent": words.redacted_of(signature)}}]
    if not block.text and not signature:
        return []
    text = {"text": block.text, "signature": signature} if signature else {"text": block.text}
    return [{"reasoningContent": {"reasoningText": text}}]
