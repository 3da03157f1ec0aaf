"""The body of a Chat Completions request → the neutral form.

Source: OpenAI API reference, "Create chat completion", with the fields that Mistral and other servers add.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from msgspec.structs import replace

from switchover_dataplane.translation.chat.read_content import Conversation
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    HostedTool,
    Json,
    Reasoning,
    Request,
    Tool,
    ToolChoice,
)
from switchover_dataplane.translation.openai_fields import (
    effort_of,
    lost,
    number_in,
    reasoning_of,
    rest_lost,
    strings,
    user_of,
)

_DEPLOYMENT: Final = re.compile(r"/deployments/([^/?]+)/")
_GRAVE: Final = {
    "audio": "the answer would be audio",
    "moderation": "the provider's own moderation of the answer",
    "guardrails": "the provider's own guard of the answer",
}
_HINTS: Final = {
    "store": "answers are stored at the client's own provider alone",
    "prediction": "another API takes no predicted text",
    "prompt_cache_options": "another provider caches in its own way",
    "prompt_cache_retention": "another provider caches in its own way",
}


def read_request(body: Mapping[str, Json], path: str) -> Request:
    """Read a body; `path` names the model where the body does not (Azure OpenAI).

    Raises:
        BadRequest: it is no request of Chat Completions.
    """
    fields, losses = Fields(body), list[Loss]()
    messages = list(fields.parts("messages"))
    if not messages:
        raise BadRequest("messages", "must be a list with a message or more")
    conversation = Conversation(losses)
    turns = tuple([conversation.turn(message) for message in messages])
    tools, hosted = _tools(fields)
    options = fields.part("stream_options")
    request = Request(
        model=fields.text("model") or _deployment(path),
        turns=turns,
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(fields, tools, losses),
        parallel=fields.flag("parallel_tool_calls"),
        schema=_schema(fields, losses),
        reasoning=_reasoning(fields, losses),
        max_tokens=_limit(fields),
        stop=strings(fields, "stop"),
        temperature=number_in(fields, "temperature", 0, 2),
        top_p=number_in(fields, "top_p", 0, 1),
        top_k=fields.whole("top_k"),
        presence_penalty=number_in(fields, "presence_penalty", -2, 2),
        frequency_penalty=number_in(fields, "frequency_penalty", -2, 2),
        seed=_seed(fields),
        n=fields.whole("n", 1) or 1,
        logprobs=_logprobs(fields),
        logit_bias=fields.object("logit_bias") or None,
        user=user_of(fields),
        metadata=fields.object("metadata") or None,
        service_tier=fields.text("service_tier"),
        cache_key=fields.text("prompt_cache_key"),
        verbosity=fields.text("verbosity"),
        stream=fields.flag("stream") or False,
        wants_usage=bool(options and options.flag("include_usage")),
    )
    _lose(fields, losses)
    return replace(request, losses=tuple(losses)) if losses else request


def _lose(fields: Fields, losses: list[Loss]) -> None:
    """Name what has no place in the neutral form."""
    modalities = fields.items("modalities")
    if any(each != "text" for each in modalities):
        losses.append(grave("modalities", modalities, "the answer would be more than text"))
    lost(fields, _GRAVE, losses, is_hint=False)
    lost(fields, _HINTS, losses, is_hint=True)
    rest_lost(fields, losses)


def _deployment(path: str) -> str:
    found = _DEPLOYMENT.search(path)
    return unquote(found[1]) if found is not None else ""


def _limit(fields: Fields) -> int | None:
    older = fields.whole("max_tokens", 1)
    newer = fields.whole("max_completion_tokens", 1)
    return older if newer is None else newer


def _seed(fields: Fields) -> int | None:
    mistral = fields.whole("random_seed")
    seed = fields.whole("seed")
    return mistral if seed is None else seed


def _logprobs(fields: Fields) -> int | None:
    number = fields.whole("top_logprobs", 0)
    return (number or 0) if fields.flag("logprobs") else None


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(fields: Fields) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    for tool in fields.parts("tools"):
        kind = tool.text("type")
        if kind == "custom":
            tools.append(_custom(tool))
        elif kind == "function" or (not kind and tool.has("function")):
            tools.append(_function(tool.needed_part("function"), tool.path))
        else:
            hosted.append(HostedTool(tool.needed_text("type"), tool.path))
    tools.extend(_function(function, function.path) for function in fields.parts("functions"))
    if fields.object("web_search_options") is not None:
        hosted.append(HostedTool("web_search", "web_search_options"))
    return tuple(tools), tuple(hosted)


def _function(function: Fields, path: str) -> Tool:
    return Tool(
        function.needed_text("name"),
        function.text("description"),
        function.object("parameters"),
        function.flag("strict"),
        path=path,
    )


def _custom(tool: Fields) -> Tool:
    custom = tool.needed_part("custom")
    form = custom.object("format")
    nested = form.get("grammar") if form else None
    grammar = {"type": "grammar", **nested} if isinstance(nested, dict) else None
    name, description = custom.needed_text("name"), custom.text("description")
    return Tool(name, description, is_custom=True, grammar=grammar, path=tool.path)


def _tool_choice(fields: Fields, tools: tuple[Tool, ...], losses: list[Loss]) -> ToolChoice | None:
    name = "tool_choice" if fields.has("tool_choice") else "function_call"
    fields.raw("function_call")
    value = fields.raw(name)
    match value:
        case None:
            return None
        case "auto" | "none":
            return ToolChoice(value)
        case "required" | "any":
            return ToolChoice("any")
        case dict():
            choice = fields.needed_part(name)
        case _:
            raise fields.wrong(name, "auto, none, required or an object")
    kind = "function" if name == "function_call" else choice.text("type") or "function"
    if kind == "allowed_tools":
        return _allowed(choice.part("allowed_tools") or choice, losses)
    if kind not in ("function", "custom"):
        return ToolChoice("tool", kind, is_hosted=True)
    named = choice if name == "function_call" else choice.needed_part(kind)
    forced = named.needed_text("name")
    if all(tool.name != forced for tool in tools):
        raise BadRequest(named.at("name"), "must be the name of a tool of this request")
    return ToolChoice("tool", forced)


def _allowed(allowed: Fields, losses: list[Loss]) -> ToolChoice:
    mode = allowed.text("mode")
    if mode not in ("auto", "required"):
        raise allowed.wrong("mode", "auto or required")
    names: list[str] = []
    for tool in allowed.parts("tools"):
        named = tool.part(tool.text("type") or "function")
        if named is None:
            losses.append(hint(tool.path, {}, "the provider's own tools are not offered elsewhere"))
        else:
            names.append(named.needed_text("name"))
    return ToolChoice("auto" if mode == "auto" else "any", allowed=tuple(names))


# ── Answer ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _schema(fields: Fields, losses: list[Loss]) -> AnswerSchema | None:
    form = fields.part("response_format")
    if form is None:
        return None
    match form.text("type"):
        case "text":
            return None
        case "json_object":
            return AnswerSchema()
        case "json_schema":
            schema = form.needed_part("json_schema")
            return AnswerSchema(
                schema.object("schema") or {},
                schema.text("name"),
                schema.text("description"),
                schema.flag("strict"),
            )
        case kind:
            losses.append(grave("response_format", {}, "another API has no form of this kind" if kind else "no kind"))
            return None


def _reasoning(fields: Fields, losses: list[Loss]) -> Reasoning | None:
    """Read how much the model is to think: in OpenAI's word, or in an object of OpenRouter, Z.ai or Moonshot."""
    effort = effort_of(fields, "reasoning_effort", losses)
    nested = fields.part("reasoning")
    asked = reasoning_of(nested, losses) if nested is not None else None
    thinking = fields.part("thinking")
    if thinking is not None and asked is None:
        budget = thinking.whole("budget_tokens", 0)
        if thinking.text("type") == "disabled":
            asked = Reasoning("none")
        elif budget is not None:
            asked = Reasoning(budget=budget)
    if not effort:
        return asked
    return Reasoning(effort, asked.budget if asked else None, shows=asked.shows if asked else None)
