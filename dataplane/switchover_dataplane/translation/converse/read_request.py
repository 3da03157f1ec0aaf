"""A body of Converse or ConverseStream → the neutral request.

Source: botocore's model of bedrock-runtime (ConverseRequest); Amazon Bedrock User Guide, "Using the Converse API".
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.fields import (
    a_flag,
    a_list,
    a_number,
    a_text,
    a_whole_number,
    an_object,
    as_object,
    items,
    member,
)
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    Block,
    CacheMark,
    HostedTool,
    Json,
    Media,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

_NO_PLACE: Final = "no other API has it"
_READ: Final = frozenset(
    (
        *("messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields", "requestMetadata"),
        *("additionalModelResponseFieldPaths", "serviceTier", "outputConfig", "modelId"),
    )
)
_HINTS: Final = frozenset(("performanceConfig", "projectIdentifier"))
_MEDIA: Final[tuple[Literal["image", "document", "video", "audio"], ...]] = ("image", "document", "video", "audio")
_STOP_SEQUENCE: Final = "/stop_sequence"
_THINKING: Final = ("thinking", "top_k", "reasoning_effort")


def read_request(body: Mapping[str, Json], path: str) -> Request:
    """Read a request; the model and whether it streams are in the path, `/model/ID/converse-stream`.

    Raises:
        BadRequest: a field has a type that Converse refuses.
    """
    losses = [
        (hint if name in _HINTS else grave)(name, value, _NO_PLACE)
        for name, value in body.items()
        if name not in _READ and value is not None
    ]
    paths = a_list(body, "additionalModelResponseFieldPaths", "")
    if any(each != _STOP_SEQUENCE for each in paths):
        losses.append(hint("additionalModelResponseFieldPaths", paths, _NO_PLACE))
    tools, hosted = _tools(body, losses)
    inference = an_object(body, "inferenceConfig", "") or {}
    extra = an_object(body, "additionalModelRequestFields", "") or {}
    losses += [
        grave(member("additionalModelRequestFields", name), value, "it is a field of one model")
        for name, value in extra.items()
        if name not in _THINKING
    ]
    return Request(
        model=unquote(path.partition("?")[0].rstrip("/").rpartition("/")[0].rpartition("/model/")[2]),
        system=_system(body, losses),
        turns=tuple(_turn(fields, at, losses) for at, fields in items(body, "messages", "")),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(body),
        schema=_schema(body),
        reasoning=_reasoning(body, extra),
        max_tokens=a_whole_number(inference, "maxTokens", "inferenceConfig"),
        stop=_stop(inference),
        temperature=a_number(inference, "temperature", "inferenceConfig"),
        top_p=a_number(inference, "topP", "inferenceConfig"),
        top_k=a_whole_number(extra, "top_k", "additionalModelRequestFields"),
        metadata=an_object(body, "requestMetadata", ""),
        service_tier=a_text(an_object(body, "serviceTier", "") or {}, "type", "serviceTier"),
        stream=path.partition("?")[0].rstrip("/").endswith("-stream"),
        losses=tuple(losses),
    )


def _stop(inference: Mapping[str, Json]) -> tuple[str, ...]:
    stops = a_list(inference, "stopSequences", "inferenceConfig")
    for number, stop in enumerate(stops):
        if not isinstance(stop, str):
            at = f"inferenceConfig.stopSequences[{number}]"
            raise BadRequest(at, f"`{at}` must be a string")
    return tuple(stops)


def _mark(fields: Mapping[str, Json], at: str) -> CacheMark | None:
    point = an_object(fields, "cachePoint", at)
    return None if point is None else CacheMark(a_text(point, "ttl", member(at, "cachePoint")))


def _system(body: Mapping[str, Json], losses: list[Loss]) -> tuple[Text, ...]:
    texts: list[Text] = []
    for at, fields in items(body, "system", ""):
        mark = _mark(fields, at)
        if mark is not None:
            if texts:
                texts[-1] = replace(texts[-1], cache=mark)
            else:
                losses.append(hint(at, fields, "a cache point must follow what it caches"))
        elif "text" in fields:
            texts.append(Text(a_text(fields, "text", at)))
        else:
            losses.append(grave(at, fields, _NO_PLACE))
    return tuple(texts)


def _turn(fields: Mapping[str, Json], at: str, losses: list[Loss]) -> Turn:
    role = a_text(fields, "role", at, is_needed=True)
    if role not in ("user", "assistant", "system"):
        raise BadRequest(member(at, "role"), f"`{member(at, 'role')}` must be user, assistant or system")
    blocks: list[Block] = []
    for where, content in items(fields, "content", at):
        mark = _mark(content, where)
        if mark is None:
            blocks += _block(content, where, losses)
        elif blocks and isinstance(blocks[-1], Text | Media | ToolCall | ToolResult):
            blocks[-1] = replace(blocks[-1], cache=mark)
        else:
            losses.append(hint(where, content, "a cache point must follow what it caches"))
    results = [block for block in blocks if isinstance(block, ToolResult)]
    others = [block for block in blocks if not isinstance(block, ToolResult)]
    kept: Role = "assistant" if role == "assistant" else "system" if role == "system" else "user"
    return Turn(kept, (*results, *others), at)


def _block(fields: Mapping[str, Json], at: str, losses: list[Loss]) -> list[Block]:
    """Read one block of a message; a block that the neutral form has not is a loss."""
    if "text" in fields:
        return [Text(a_text(fields, "text", at))]
    for name, read in _BLOCKS.items():
        inner = an_object(fields, name, at)
        if inner is not None:
            return read(inner, member(at, name), losses)
    media = _media(fields, at, losses)
    if media is not None:
        return [media]
    if not any(name in fields for name in _MEDIA):
        losses.append(grave(at, fields, _NO_PLACE))
    return []


def _tool_use(use: Mapping[str, Json], at: str, losses: list[Loss]) -> list[Block]:
    if use.get("type") == "server_tool_use":
        losses.append(grave(at, use, "it is a call of a tool that the provider runs"))
        return []
    arguments = use.get("input")
    text = msgspec.json.encode({} if arguments is None else arguments).decode()
    return [ToolCall(a_text(use, "toolUseId", at, is_needed=True), a_text(use, "name", at, is_needed=True), text)]


def _tool_result(result: Mapping[str, Json], at: str, losses: list[Loss]) -> list[Block]:
    parts: list[Text | Media] = []
    for where, content in items(result, "content", at):
        if "text" in content:
            parts.append(Text(a_text(content, "text", where)))
        elif "json" in content:
            parts.append(Text(msgspec.json.encode(content["json"]).decode()))
        else:
            media = _media(content, where, losses)
            if media is not None:
                parts.append(media)
            elif not any(name in content for name in _MEDIA):
                losses.append(grave(where, content, _NO_PLACE))
    call = a_text(result, "toolUseId", at, is_needed=True)
    return [ToolResult(call, tuple(parts), result.get("status") == "error")]


def _reasoning_content(content: Mapping[str, Json], at: str, losses: list[Loss]) -> list[Block]:
    thought = thinking_of(content)
    if thought is None:
        losses.append(grave(at, content, "it is no reasoning that is known"))
        return []
    return [thought]


def _citations(content: Mapping[str, Json], at: str, losses: list[Loss]) -> list[Block]:
    losses.append(hint(member(at, "citations"), content.get("citations"), "a request has no place for sources"))
    return [Text(a_text(part, "text", where)) for where, part in items(content, "content", at)]


_BLOCKS: Final[dict[str, Callable[[Mapping[str, Json], str, list[Loss]], list[Block]]]] = {
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning_content,
    "citationsContent": _citations,
}


def thinking_of(content: Mapping[str, Json]) -> Thinking | None:
    """Read a `reasoningContent`; None if it holds nothing that is known.

    Only Claude signs its reasoning or hides it, so that the maker follows from that.
    """
    text = content.get("reasoningText")
    if isinstance(text, dict) and isinstance(text.get("text"), str):
        signature = text.get("signature")
        if isinstance(signature, str) and signature:
            return Thinking(text["text"], "claude", signature)
        return Thinking(text["text"], "other")
    redacted = content.get("redactedContent")
    if isinstance(redacted, str):
        try:
            return Thinking("", "claude", words.signature_of(redacted), is_redacted=True)
        except ValueError:
            return None
    return None


def _media(fields: Mapping[str, Json], at: str, losses: list[Loss]) -> Media | None:
    """Read an image, a document, audio or video; None if it is none of them, or one that is a loss."""
    for kind in _MEDIA:
        inner = an_object(fields, kind, at)
        if inner is None:
            continue
        where = member(at, kind)
        media = Media(kind, name=a_text(inner, "name", where))
        source = as_object(inner.get("source"), member(where, "source"))
        losses.extend(
            hint(member(where, name), inner[name], _NO_PLACE) for name in ("context", "citations") if inner.get(name)
        )
        media_type = words.media_type_of(kind, a_text(inner, "format", where))
        data = a_text(source, "bytes", member(where, "source"))
        if data:
            return replace(media, media_type=media_type, data=data)
        if isinstance(source.get("text"), str):
            return replace(media, media_type=media_type or "text/plain", text=source["text"])
        losses.append(grave(member(where, "source"), source, "no other API reads from S3"))
        return None
    return None


def _tools(body: Mapping[str, Json], losses: list[Loss]) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    config = an_object(body, "toolConfig", "") or {}
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    for at, fields in items(config, "tools", "toolConfig"):
        spec, system = an_object(fields, "toolSpec", at), an_object(fields, "systemTool", at)
        mark = _mark(fields, at)
        if spec is not None:
            where = member(at, "toolSpec")
            schema = an_object(an_object(spec, "inputSchema", where) or {}, "json", member(where, "inputSchema"))
            name, description = a_text(spec, "name", where, is_needed=True), a_text(spec, "description", where)
            tools.append(Tool(name, description, schema, a_flag(spec, "strict", where), path=at))
        elif system is not None:
            hosted.append(HostedTool(a_text(system, "name", at), at))
        elif mark is not None and tools:
            tools[-1] = replace(tools[-1], cache=mark)
        else:
            losses.append(hint(at, fields, "it is no tool"))
    return tuple(tools), tuple(hosted)


def _tool_choice(body: Mapping[str, Json]) -> ToolChoice | None:
    choice = an_object(an_object(body, "toolConfig", "") or {}, "toolChoice", "toolConfig")
    if choice is None:
        return None
    tool = an_object(choice, "tool", "toolConfig.toolChoice")
    if tool is not None:
        return ToolChoice("tool", a_text(tool, "name", "toolConfig.toolChoice.tool", is_needed=True))
    return ToolChoice("any" if "any" in choice else "auto")


def _schema(body: Mapping[str, Json]) -> AnswerSchema | None:
    form = an_object(an_object(body, "outputConfig", "") or {}, "textFormat", "outputConfig")
    if form is None:
        return None
    at = "outputConfig.textFormat.structure"
    structure = an_object(form, "structure", "outputConfig.textFormat") or {}
    definition = as_object(structure.get("jsonSchema"), member(at, "jsonSchema"))
    at = member(at, "jsonSchema")
    try:
        schema = msgspec.json.decode(a_text(definition, "schema", at, is_needed=True))
    except msgspec.DecodeError:
        raise BadRequest(member(at, "schema"), f"`{at}.schema` must be a JSON schema as text") from None
    return AnswerSchema(
        as_object(schema, member(at, "schema")), a_text(definition, "name", at), a_text(definition, "description", at)
    )


def _reasoning(body: Mapping[str, Json], extra: Mapping[str, Json]) -> Reasoning | None:
    at = "additionalModelRequestFields"
    effort = a_text(an_object(body, "outputConfig", "") or {}, "effort", "outputConfig")
    effort = effort or a_text(extra, "reasoning_effort", at)
    thinking = an_object(extra, "thinking", at)
    kind = None if thinking is None else thinking.get("type")
    if thinking is not None and kind == "enabled":
        budget = a_whole_number(thinking, "budget_tokens", member(at, "thinking"))
        return Reasoning(effort, -1 if budget is None else budget)
    if kind == "disabled":
        return Reasoning("none", 0)
    if kind == "adaptive":
        return Reasoning(effort, is_adaptive=True)
    return Reasoning(effort) if effort else None
