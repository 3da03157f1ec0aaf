"""Whole answers of the Responses API → the neutral form, and what the events of a stream share with them.

Source: OpenAI API reference, the response object.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    BadAnswer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.neutral import Json, Refusal, Text, ToolCall
from switchover_dataplane.translation.responses.read_items import thinking_of

CLIENT_CALLS: Final = frozenset(
    (
        *("computer_call", "local_shell_call", "shell_call", "apply_patch_call"),
        *("mcp_approval_request", "tool_search_call", "image_generation_call"),
    )
)
"""Items that hold content, or that the client must handle, in a form that is this API's alone."""


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
