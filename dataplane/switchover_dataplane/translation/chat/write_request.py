"""The neutral form → the body of a Chat Completions request for OpenAI, Azure OpenAI, Mistral and servers like them.

Sources: OpenAI API reference, "Create chat completion"; Mistral API reference, "Chat completion".
"""

from collections.abc import Iterable
from typing import Final

from switchover_dataplane.translation import call_ids
from switchover_dataplane.translation.chat.write_messages import Messages
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import Json, Request, Tool
from switchover_dataplane.translation.openai_schemas import held_to
from switchover_dataplane.translation.openai_targets import (
    MOST_STOPS,
    effort_of,
    is_openai,
    limit_of,
    lose_cache_marks,
    lose_hosted,
    lose_many,
    parameters_of,
    sampling,
    says_json,
    schema_name,
    short,
    takes_custom_tools,
    takes_sampling,
    tier_of,
)
from switchover_dataplane.translation.tool_forms import flat_name

_NO_FIELD: Final = "the target's API has no such field"
_SAMPLING: Final = {name: name for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")}
_MISTRAL_SAMPLING: Final = {**_SAMPLING, "seed": "random_seed", "top_k": "top_k"}
_HOTTEST_MISTRAL: Final = 1.5


def write_request(request: Request, asker: Asker) -> Written:
    """Write a body for a target."""
    losses: list[Loss] = list(request.losses)
    request = call_ids.paired(request)
    messages = Messages(asker, losses)
    messages.add(request)
    body: dict[str, Json] = {"model": asker.model.name, "messages": messages.written}
    effort = effort_of(request, asker, losses)
    _add_tools(body, request, asker, losses)
    _add_schema(body, request, asker, losses)
    _add_limits(body, request, asker, losses)
    body |= _sampling(request, asker, effort, losses)
    if effort:
        body["reasoning_effort"] = effort
    _add_stream(body, request, asker)
    _add_hints(body, request, asker, losses)
    lose_many(request, losses)
    lose_hosted(request, losses)
    lose_cache_marks(request, losses)
    return Written(body, tuple(losses))


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_tools(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    choice = request.tool_choice
    tools: Iterable[Tool] = request.tools
    is_narrowed = choice is not None and bool(choice.allowed) and not is_openai(asker)
    if choice is not None and is_narrowed:
        tools = [tool for tool in tools if tool.name in choice.allowed]
    written = [_tool(tool, asker, losses) for tool in tools]
    if not written:
        return
    body["tools"] = written
    if choice is not None and not choice.is_hosted:
        body["tool_choice"] = _choice(request, asker)
    if request.parallel is not None and asker.model.line == "o":
        if not request.parallel:
            losses.append(hint("parallel_tool_calls", False, "the model refuses the field"))
    elif request.parallel is not None:
        body["parallel_tool_calls"] = request.parallel


def _tool(tool: Tool, asker: Asker, losses: list[Loss]) -> Json:
    name = flat_name(tool.namespace, tool.name)
    described = {"description": tool.description} if tool.description else {}
    if tool.is_custom and takes_custom_tools(asker):
        custom: dict[str, Json] = {"name": name, **described}
        if isinstance(tool.grammar, dict) and tool.grammar.get("type") == "grammar":
            grammar = {key: value for key, value in tool.grammar.items() if key != "type"}
            custom["format"] = {"type": "grammar", "grammar": grammar}
        return {"type": "custom", "custom": custom}
    schema, strict = parameters_of(tool), tool.strict
    if is_openai(asker):
        schema, strict = held_to(schema, strict=strict, path=tool.path or "tools", losses=losses)
    function: dict[str, Json] = {"name": name, **described, "parameters": schema}
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


def _named(request: Request, name: str, asker: Asker) -> Json:
    """Name a tool as the API forces or allows it."""
    tool = next((tool for tool in request.tools if tool.name == name), None)
    flat = flat_name(tool.namespace if tool is not None else "", name)
    kind = "custom" if tool is not None and tool.is_custom and takes_custom_tools(asker) else "function"
    return {"type": kind, kind: {"name": flat}}


def _choice(request: Request, asker: Asker) -> Json:
    choice = request.tool_choice
    if choice is None:
        return "auto"
    if choice.mode == "tool":
        return _named(request, choice.name, asker)
    word = {"auto": "auto", "none": "none", "any": "any" if asker.provider == "mistral" else "required"}[choice.mode]
    if not choice.allowed or not is_openai(asker) or choice.mode == "none":
        return word
    tools = [_named(request, name, asker) for name in choice.allowed]
    return {"type": "allowed_tools", "allowed_tools": {"mode": word, "tools": tools}}


# ── Answer ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_schema(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    asked = request.schema
    if asked is None:
        return
    if asked.schema is None:
        body["response_format"] = {"type": "json_object"}
        if not says_json(request, with_system=True):
            body["messages"] = [{"role": "system", "content": "Answer with a JSON object."}, *body["messages"]]
        return
    held, strict = asked.schema, asked.strict
    if is_openai(asker):
        held, strict = held_to(held, strict=strict, path="response_format", losses=losses)
    schema: dict[str, Json] = {"name": schema_name(asked.name), "schema": held}
    if asked.description:
        schema["description"] = asked.description
    if strict is not None:
        schema["strict"] = strict
    body["response_format"] = {"type": "json_schema", "json_schema": schema}


def _add_limits(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    limit = limit_of(request, asker.model, losses)
    if limit is not None:
        body["max_completion_tokens" if is_openai(asker) else "max_tokens"] = limit
    if not request.stop:
        return
    if is_openai(asker) and asker.model.thinks:
        losses.append(grave("stop", list(request.stop), "the model takes no stop sequences"))
    elif is_openai(asker) and len(request.stop) > MOST_STOPS:
        losses.append(grave("stop", list(request.stop), f"the target takes at most {MOST_STOPS} stop sequences"))
    else:
        body["stop"] = list(request.stop)


def _sampling(request: Request, asker: Asker, effort: str, losses: list[Loss]) -> Json:
    names = _MISTRAL_SAMPLING if asker.provider == "mistral" else _SAMPLING
    written = sampling(request, asker.model, effort, names, losses)
    if asker.provider == "mistral" and written.get("temperature", 0) > _HOTTEST_MISTRAL:
        losses.append(hint("temperature", request.temperature, f"the target takes at most {_HOTTEST_MISTRAL}"))
        written["temperature"] = _HOTTEST_MISTRAL
    if request.logit_bias is None:
        return written
    if is_openai(asker) and takes_sampling(asker.model, effort):
        written["logit_bias"] = request.logit_bias
    else:
        losses.append(grave("logit_bias", request.logit_bias, "tokens of another model have other numbers"))
    return written


def _add_stream(body: dict[str, Json], request: Request, asker: Asker) -> None:
    if not request.stream:
        return
    body["stream"] = True
    if asker.provider != "mistral":  # it counts its tokens unasked, and has no such field
        body["stream_options"] = {"include_usage": True}


# ── Hints ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_hints(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    """Write what changes no answer where the target takes it, and name it where it does not."""
    is_known, is_mistral = is_openai(asker), asker.provider == "mistral"
    if request.user and is_mistral:
        losses.append(hint("user", request.user, _NO_FIELD))
    elif request.user:
        body["user"] = short("user", request.user, losses)
    if request.metadata is not None and is_mistral:
        body["metadata"] = request.metadata
    elif request.metadata is not None:
        losses.append(hint("metadata", request.metadata, "the target takes it with stored answers alone"))
    if request.cache_key and (is_mistral or (is_known and asker.provider == "openai")):
        body["prompt_cache_key"] = short("prompt_cache_key", request.cache_key, losses)
    elif request.cache_key:
        losses.append(hint("prompt_cache_key", request.cache_key, _NO_FIELD))
    if request.verbosity and is_known and asker.model.version >= (5, 0):
        body["verbosity"] = request.verbosity
    elif request.verbosity:
        losses.append(hint("verbosity", request.verbosity, "the model does not know it"))
    tier = tier_of(request, asker, losses)
    if tier:
        body["service_tier"] = tier


__all__ = ["write_request"]
