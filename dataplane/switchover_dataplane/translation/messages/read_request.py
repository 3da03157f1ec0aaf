"""A body of the Messages API → the neutral request.

Source: Anthropic API reference, Messages (MessageCreateParams).
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from switchover_dataplane.translation.call_ids import demand_calls
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.messages.blocks import NO_PLACE, BlockReader, cache_mark, on_last
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    HostedTool,
    Json,
    Reasoning,
    Request,
    Role,
    Tool,
    ToolChoice,
    Turn,
)

_CHANGES_THE_ANSWER: Final = ("mcp_servers", "container", "fallbacks")
_ROLES: Final[Mapping[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}


def read_request(body: Mapping[str, Json], path: str) -> Request:  # noqa: ARG001  the path of this API says nothing
    """Read a request; all of it is in the body.

    Raises:
        BadRequest: a field has a type that Anthropic refuses, a result has no call, or the body is nested too deeply.
    """
    try:
        return _read(Fields(body))
    except RecursionError:
        raise BadRequest("body", "nested too deeply to be translated") from None


def _read(fields: Fields) -> Request:
    reader = BlockReader()
    turns = _turns(fields, reader)
    tools, hosted = _tools(fields, reader)
    choice, parallel = _tool_choice(fields, hosted)
    schema, reasoning = _output(fields, reader)
    metadata = fields.part("metadata")
    request = Request(
        model=fields.text("model"),
        system=reader.texts(fields, "system"),
        turns=turns,
        tools=tools,
        hosted_tools=tuple(HostedTool(kind, at) for kind, _, at in hosted),
        tool_choice=choice,
        parallel=parallel,
        schema=schema,
        reasoning=reasoning,
        max_tokens=fields.whole("max_tokens", 1),
        stop=_stop(fields),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        user="" if metadata is None else metadata.text("user_id"),
        service_tier=fields.text("service_tier"),
        stream=fields.flag("stream") is True,
        wants_usage=True,
    )
    if metadata is not None:
        reader.rest(metadata)
    # The version of the API in the body (Vertex AI, Bedrock) is that of the client's own provider.
    fields.raw("anthropic_version")
    return replace(request, losses=(*reader.losses, *_unread(fields)))


def _unread(fields: Fields) -> list[Loss]:
    """Name the fields of the body that nobody read."""
    losses: list[Loss] = []
    for name in fields.rest():
        value = fields.raw(name)
        if name in _CHANGES_THE_ANSWER:
            if value:
                losses.append(grave(name, value, NO_PLACE))
        else:
            losses.append(hint(name, value, NO_PLACE))
    return losses


def _turns(fields: Fields, reader: BlockReader) -> tuple[Turn, ...]:
    if not fields.has("messages"):
        raise fields.wrong("messages", "a list")
    turns: list[Turn] = []
    for message in fields.parts("messages"):
        role = message.needed_text("role")
        if role not in _ROLES:
            raise BadRequest(message.at("role"), f"must be one of {', '.join(_ROLES)}")
        blocks = reader.content(message, "content")
        reader.rest(message)
        turns.append(Turn(_ROLES[role], tuple(blocks), message.path))
    mark = cache_mark(fields)
    if mark is not None and turns:
        turns[-1] = replace(turns[-1], blocks=tuple(on_last(list(turns[-1].blocks), mark)))
    if not turns:
        raise BadRequest("messages", "must be a list with a message or more")
    demand_calls(turns)
    return tuple(turns)


def _tools(fields: Fields, reader: BlockReader) -> tuple[tuple[Tool, ...], list[tuple[str, str, str]]]:
    """Return the client's own tools, and the type, name and path of those that have a dated type of Anthropic's."""
    own: list[Tool] = []
    hosted: list[tuple[str, str, str]] = []
    for tool in fields.parts("tools"):
        kind = tool.text("type")
        if kind not in ("", "custom"):
            hosted.append((kind, tool.text("name"), tool.path))
            continue
        own.append(
            Tool(
                tool.needed_text("name"),
                tool.text("description"),
                tool.object("input_schema"),
                tool.flag("strict"),
                cache=cache_mark(tool),
                path=tool.path,
            )
        )
        reader.rest(tool)
    return tuple(own), hosted


def _tool_choice(fields: Fields, hosted: list[tuple[str, str, str]]) -> tuple[ToolChoice | None, bool | None]:
    choice = fields.part("tool_choice")
    if choice is None:
        return None, None
    one_by_one = choice.flag("disable_parallel_tool_use")
    parallel = None if one_by_one is None else not one_by_one
    match choice.needed_text("type"):
        case "auto":
            return ToolChoice("auto"), parallel
        case "any":
            return ToolChoice("any"), parallel
        case "none":
            return ToolChoice("none"), parallel
        case "tool":
            name = choice.needed_text("name")
            return ToolChoice("tool", name, is_hosted=any(each == name for _, each, _ in hosted)), parallel
        case _:
            raise BadRequest("tool_choice.type", "must be one of auto, any, none, tool")


def _output(fields: Fields, reader: BlockReader) -> tuple[AnswerSchema | None, Reasoning | None]:
    """Read the form of the answer, and how much the model is to think."""
    config = fields.part("output_config")
    form = fields.part("output_format")
    effort = ""
    if config is not None:
        effort = config.text("effort")
        form = config.part("format") or form
        reader.rest(config)
    schema = None
    if form is not None:
        if form.needed_text("type") == "json_schema":
            form.needed_part("schema")
            schema = AnswerSchema(form.object("schema"), strict=True)
        else:
            reader.losses.append(grave(form.at("type"), form.raw("type"), NO_PLACE))
    return schema, _reasoning(fields, effort, reader)


def _reasoning(fields: Fields, effort: str, reader: BlockReader) -> Reasoning | None:
    thinking = fields.part("thinking")
    if thinking is None:
        return Reasoning(effort) if effort else None
    display = thinking.text("display")
    shows = None if not display else display != "omitted"
    match thinking.needed_text("type"):
        case "enabled":
            return Reasoning(effort, thinking.whole("budget_tokens", 0) or 1_024, shows=shows)
        case "adaptive":
            return Reasoning(effort, -1, is_adaptive=True, shows=shows)
        case "disabled":
            return Reasoning(effort, 0)
        case kind:
            reader.losses.append(hint(thinking.path, {}, f"{NO_PLACE} (thinking of the type {kind[:64]})"))
            return Reasoning(effort) if effort else None


def _stop(fields: Fields) -> tuple[str, ...]:
    stops = fields.items("stop_sequences")
    for number, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise BadRequest(f"stop_sequences[{number}]", "must be a text")
    return tuple(stops)
