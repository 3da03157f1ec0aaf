"""The body of a Responses request → the neutral form.

Source: OpenAI API reference, "Create a model response".
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    HostedTool,
    Json,
    Request,
    Text,
    Tool,
    ToolChoice,
)
from switchover_dataplane.translation.openai_fields import (
    lost,
    number_in,
    reasoning_of,
    rest_lost,
    user_of,
)
from switchover_dataplane.translation.responses.read_items import Items

_KEPT: Final = ("previous_response_id", "conversation", "prompt")
_GRAVE: Final = {
    "previous_response_id": "the conversation so far is kept at the client's own provider",
    "conversation": "the conversation is kept at the client's own provider",
    "prompt": "the prompt is kept at the client's own provider",
    "background": "another API answers at once",
    "moderation": "the provider's own moderation of the answer",
}
_HINTS: Final = {
    "store": "answers are stored at the client's own provider alone",
    "client_metadata": "it is for the client's own provider",
    "context_management": "another provider keeps the whole conversation",
    "max_tool_calls": "the provider's own tools are not offered elsewhere",
    "prompt_cache_options": "another provider caches in its own way",
    "prompt_cache_retention": "another provider caches in its own way",
}
_ENCRYPTED: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"


def read_request(body: Mapping[str, Json], _path: str) -> Request:
    """Read a body.

    Raises:
        BadRequest: it is no request of the Responses API.
    """
    fields, losses = Fields(body), list[Loss]()
    has_more = any(fields.has(name) for name in _KEPT)
    if not fields.has("input") and not has_more:
        raise BadRequest("input", "must be a text or a list of items, and is missing")
    items = Items(losses, has_more=has_more)
    turns = items.read(fields)
    tools, hosted = _tools([*fields.parts("tools"), *items.extra_tools])
    text = fields.part("text")
    reasoning = fields.part("reasoning")
    logprobs = _include(fields, losses)
    top = fields.whole("top_logprobs", 0)
    request = Request(
        model=fields.text("model"),
        system=_instructions(fields),
        turns=turns,
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(fields, tools, losses),
        parallel=fields.flag("parallel_tool_calls"),
        schema=_schema(text, losses) if text is not None else None,
        reasoning=reasoning_of(reasoning, losses) if reasoning is not None else None,
        max_tokens=fields.whole("max_output_tokens", 1),
        temperature=number_in(fields, "temperature", 0, 2),
        top_p=number_in(fields, "top_p", 0, 1),
        logprobs=(top or 0) if logprobs or top else None,
        user=user_of(fields),
        metadata=fields.object("metadata") or None,
        service_tier=fields.text("service_tier"),
        cache_key=fields.text("prompt_cache_key"),
        verbosity=text.text("verbosity") if text is not None else "",
        stream=fields.flag("stream") or False,
        wants_usage=True,
    )
    _lose(fields, losses)
    return replace(request, losses=tuple(losses))


def _lose(fields: Fields, losses: list[Loss]) -> None:
    """Name what has no place in the neutral form."""
    lost(fields, _GRAVE, losses, is_hint=False)
    lost(fields, _HINTS, losses, is_hint=True)
    if fields.text("truncation") == "auto":
        losses.append(hint("truncation", "auto", "a conversation that is too long is refused elsewhere"))
    fields.raw("stream_options")  # whether events are padded
    rest_lost(fields, losses)


def _include(fields: Fields, losses: list[Loss]) -> bool:
    """Read what the answer is to include; return whether that is probabilities."""
    included = fields.items("include")
    for each in included:
        if not isinstance(each, str):
            raise fields.wrong("include", "a list of texts")
        if each == _ENCRYPTED:
            losses.append(hint("include", list(included), "encrypted reasoning is of OpenAI's models alone"))
        elif each != _LOGPROBS:
            losses.append(hint("include", list(included), "the provider's own tools are not offered elsewhere"))
    return _LOGPROBS in included


def _instructions(fields: Fields) -> tuple[Text, ...]:
    text = fields.text("instructions")
    return (Text(text),) if text else ()


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(given: Iterable[Fields]) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Read tools; one that comes again, as it was found once more, is offered once."""
    tools: dict[tuple[str, str], Tool] = {}
    hosted: list[HostedTool] = []
    for tool in given:
        kind = tool.needed_text("type")
        read: list[Tool] = []
        if kind in ("function", "custom"):
            read = [_tool(tool)]
        elif kind == "namespace":
            namespace = tool.needed_text("name")
            read = [_tool(inner, namespace) for inner in tool.parts("tools")]
        else:
            hosted.append(HostedTool(kind, tool.path))
        for each in read:
            tools.setdefault((each.namespace, each.name), each)
    return tuple(tools.values()), tuple(hosted)


def _tool(tool: Fields, namespace: str = "") -> Tool:
    name, description = tool.needed_text("name"), tool.text("description")
    if tool.text("type") == "custom":
        form = tool.object("format")
        grammar = form if form and form.get("type") == "grammar" else None
        return Tool(name, description, namespace=namespace, is_custom=True, grammar=grammar, path=tool.path)
    return Tool(name, description, tool.object("parameters"), tool.flag("strict"), namespace, path=tool.path)


def _tool_choice(fields: Fields, tools: tuple[Tool, ...], losses: list[Loss]) -> ToolChoice | None:
    match fields.raw("tool_choice"):
        case None:
            return None
        case "auto":
            return ToolChoice("auto")
        case "none":
            return ToolChoice("none")
        case "required":
            return ToolChoice("any")
        case dict():
            choice = fields.needed_part("tool_choice")
        case _:
            raise fields.wrong("tool_choice", "auto, none, required or an object")
    kind = choice.needed_text("type")
    if kind == "allowed_tools":
        return _allowed(choice, losses)
    if kind not in ("function", "custom"):
        return ToolChoice("tool", kind, is_hosted=True)
    name = choice.needed_text("name")
    if all(tool.name != name for tool in tools):
        raise BadRequest(choice.at("name"), "must be the name of a tool of this request")
    return ToolChoice("tool", name)


def _allowed(choice: Fields, losses: list[Loss]) -> ToolChoice:
    mode = choice.text("mode")
    if mode not in ("auto", "required"):
        raise choice.wrong("mode", "auto or required")
    names: list[str] = []
    for tool in choice.parts("tools"):
        if tool.text("type") in ("function", "custom"):
            names.append(tool.needed_text("name"))
        else:
            losses.append(hint(tool.path, {}, "the provider's own tools are not offered elsewhere"))
    return ToolChoice("auto" if mode == "auto" else "any", allowed=tuple(names))


# ── Answer ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _schema(text: Fields, losses: list[Loss]) -> AnswerSchema | None:
    form = text.part("format")
    match form.text("type") if form is not None else "text":
        case "json_object":
            return AnswerSchema()
        case "json_schema" if form is not None:
            schema = form.object("schema") or {}
            return AnswerSchema(schema, form.text("name"), form.text("description"), form.flag("strict"))
        case "text":
            return None
        case _:
            losses.append(grave("text.format", {}, "another API has no form of this kind"))
            return None
