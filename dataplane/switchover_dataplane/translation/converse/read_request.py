"""A body of Converse or ConverseStream → the neutral request.

Source: botocore's model of bedrock-runtime (ConverseRequest); Amazon Bedrock User Guide, "Using the Converse API".
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import unquote

from msgspec.structs import replace

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.fields import Fields
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
_HINTS: Final = frozenset(("performanceConfig", "projectIdentifier"))
_MEDIA: Final[tuple[Literal["image", "document", "video", "audio"], ...]] = ("image", "document", "video", "audio")
_STOP_SEQUENCE: Final = "/stop_sequence"
_ROLES: Final[Mapping[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}


def read_request(body: Mapping[str, Json], path: str) -> Request:
    """Read a request; the model and whether it streams are in the path, `/model/ID/converse-stream`.

    Raises:
        BadRequest: a field has a type that Converse refuses.
    """
    asked = path.partition("?")[0].rstrip("/")
    fields = Fields(body)
    losses: list[Loss] = []
    tool_config = fields.part("toolConfig") or Fields({}, "toolConfig")
    tools, hosted = _tools(tool_config, losses)
    inference = fields.part("inferenceConfig") or Fields({}, "inferenceConfig")
    output = fields.part("outputConfig") or Fields({}, "outputConfig")
    extra = fields.part("additionalModelRequestFields") or Fields({}, "additionalModelRequestFields")
    tier = fields.part("serviceTier") or Fields({}, "serviceTier")
    fields.raw("modelId")
    request = Request(
        model=unquote(asked.rpartition("/")[0].rpartition("/model/")[2]),
        system=_system(fields, losses),
        turns=tuple([_turn(message, losses) for message in fields.parts("messages")]),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(tool_config),
        schema=_schema(output),
        reasoning=_reasoning(output, extra),
        max_tokens=inference.whole("maxTokens"),
        stop=_stop(inference),
        temperature=inference.number("temperature"),
        top_p=inference.number("topP"),
        top_k=extra.whole("top_k"),
        metadata=fields.object("requestMetadata"),
        service_tier=tier.text("type"),
        stream=asked.endswith("-stream"),
    )
    paths = fields.items("additionalModelResponseFieldPaths")
    if any(each != _STOP_SEQUENCE for each in paths):
        losses.append(hint("additionalModelResponseFieldPaths", paths, _NO_PLACE))
    for part in (fields, inference, output, extra, tier, tool_config):
        _lose_rest(part, losses)
    return replace(request, losses=tuple(losses))


def _lose_rest(fields: Fields, losses: list[Loss]) -> None:
    """Name the fields of an object that nobody read."""
    for name in fields.rest():
        losses.append((hint if name in _HINTS else grave)(fields.at(name), fields.raw(name), _NO_PLACE))


def _stop(inference: Fields) -> tuple[str, ...]:
    stops = inference.items("stopSequences")
    if not all(isinstance(stop, str) for stop in stops):
        raise BadRequest(inference.at("stopSequences"), "must be a list of texts")
    return tuple(stops)


def _mark(fields: Fields) -> CacheMark | None:
    point = fields.part("cachePoint")
    return None if point is None else CacheMark(point.text("ttl"))


def _lose(fields: Fields, losses: list[Loss], why: str = _NO_PLACE) -> None:
    losses.append(grave(fields.path, {}, why))


def _system(body: Fields, losses: list[Loss]) -> tuple[Text, ...]:
    texts: list[Text] = []
    for fields in body.parts("system"):
        mark = _mark(fields)
        if mark is not None and texts:
            texts[-1] = replace(texts[-1], cache=mark)
        elif mark is not None:
            losses.append(hint(fields.path, {}, "a cache point must follow what it caches"))
        elif fields.has("text"):
            texts.append(Text(fields.text("text")))
        else:
            _lose(fields, losses)
    return tuple(texts)


def _turn(message: Fields, losses: list[Loss]) -> Turn:
    role = _ROLES.get(message.text("role"))
    if role is None:
        raise BadRequest(message.at("role"), "must be user, assistant or system")
    blocks: list[Block] = []
    for content in message.parts("content"):
        mark = _mark(content)
        if mark is None:
            blocks += _block(content, losses)
        elif blocks and isinstance(blocks[-1], Text | Media | ToolCall | ToolResult):
            blocks[-1] = replace(blocks[-1], cache=mark)
        else:
            losses.append(hint(content.path, {}, "a cache point must follow what it caches"))
    _lose_rest(message, losses)
    results = [block for block in blocks if isinstance(block, ToolResult)]
    others = [block for block in blocks if not isinstance(block, ToolResult)]
    return Turn(role, (*results, *others), message.path)


def _block(fields: Fields, losses: list[Loss]) -> list[Block]:
    """Read one block of a message; a block that the neutral form has not is a loss."""
    if fields.has("text"):
        return [Text(fields.text("text"))]
    for name, read in _BLOCKS.items():
        inner = fields.part(name)
        if inner is not None:
            return read(inner, losses)
    return list(_media(fields, losses))


def _tool_use(use: Fields, losses: list[Loss]) -> list[Block]:
    if use.text("type") == "server_tool_use":
        _lose(use, losses, "it is a call of a tool that the provider runs")
        return []
    arguments = use.raw("input")
    text = json_schemas.as_text({} if arguments is None else arguments)
    return [ToolCall(use.needed_text("toolUseId"), use.needed_text("name"), text)]


def _tool_result(result: Fields, losses: list[Loss]) -> list[Block]:
    parts: list[Text | Media] = []
    for content in result.parts("content"):
        if content.has("text"):
            parts.append(Text(content.text("text")))
        elif content.has("json"):
            parts.append(Text(json_schemas.as_text(content.raw("json"))))
        else:
            parts += _media(content, losses)
    return [ToolResult(result.needed_text("toolUseId"), tuple(parts), result.text("status") == "error")]


def _reasoning_content(content: Fields, losses: list[Loss]) -> list[Block]:
    thought = thinking_of({name: content.raw(name) for name in ("reasoningText", "redactedContent")})
    if thought is None:
        _lose(content, losses, "it is no reasoning that is known")
    return [] if thought is None else [thought]


def _citations(content: Fields, losses: list[Loss]) -> list[Block]:
    losses.append(hint(content.at("citations"), content.raw("citations"), "a request has no place for sources"))
    return [Text(part.text("text")) for part in content.parts("content")]


_BLOCKS: Final[dict[str, Callable[[Fields, list[Loss]], list[Block]]]] = {
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


def _media(fields: Fields, losses: list[Loss]) -> list[Media]:
    """Read an image, a document, audio or video; what is none of them, or cannot be carried, is a loss."""
    for kind in _MEDIA:
        inner = fields.part(kind)
        if inner is None:
            continue
        source = inner.needed_part("source")
        media = Media(kind, words.media_type_of(kind, inner.text("format")), name=inner.text("name"))
        losses += [hint(inner.at(name), {}, _NO_PLACE) for name in ("context", "citations") if inner.raw(name)]
        if source.has("bytes"):
            return [replace(media, data=source.needed_text("bytes"))]
        if source.has("text"):
            return [replace(media, media_type=media.media_type or "text/plain", text=source.text("text"))]
        _lose(source, losses, "no other API reads from there")
        return []
    _lose(fields, losses)
    return []


def _tools(config: Fields, losses: list[Loss]) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    for fields in config.parts("tools"):
        spec, system, mark = fields.part("toolSpec"), fields.part("systemTool"), _mark(fields)
        if spec is not None:
            schema = (spec.part("inputSchema") or Fields({})).object("json")
            name, described = spec.needed_text("name"), spec.text("description")
            tools.append(Tool(name, described, schema, spec.flag("strict"), path=fields.path))
            _lose_rest(spec, losses)
        elif system is not None:
            hosted.append(HostedTool(system.text("name"), fields.path))
        elif mark is not None and tools:
            tools[-1] = replace(tools[-1], cache=mark)
        elif mark is not None:
            losses.append(hint(fields.path, {}, "a cache point must follow what it caches"))
        else:
            _lose(fields, losses)
    return tuple(tools), tuple(hosted)


def _tool_choice(config: Fields) -> ToolChoice | None:
    choice = config.part("toolChoice")
    if choice is None:
        return None
    tool = choice.part("tool")
    if tool is not None:
        return ToolChoice("tool", tool.needed_text("name"))
    return ToolChoice("any" if choice.has("any") else "auto")


def _schema(output: Fields) -> AnswerSchema | None:
    form = output.part("textFormat")
    if form is None:
        return None
    definition = form.needed_part("structure").needed_part("jsonSchema")
    try:
        schema = lenient_json.decode(definition.needed_text("schema").encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        schema = None
    if not isinstance(schema, dict):
        raise BadRequest(definition.at("schema"), "must be a JSON schema as text")
    return AnswerSchema(schema, definition.text("name"), definition.text("description"))


def _reasoning(output: Fields, extra: Fields) -> Reasoning | None:
    effort = output.text("effort") or extra.text("reasoning_effort")
    thinking = extra.part("thinking")
    if thinking is None:
        return Reasoning(effort) if effort else None
    budget, display = thinking.whole("budget_tokens"), thinking.text("display")
    shows = {"summarized": True, "omitted": False}.get(display)
    match thinking.text("type"):
        case "enabled":
            return Reasoning(effort, -1 if budget is None else budget, shows=shows)
        case "adaptive":
            return Reasoning(effort, is_adaptive=True, shows=shows)
        case "disabled":
            return Reasoning("none", 0)
    raise BadRequest(thinking.at("type"), "must be enabled, adaptive or disabled")
