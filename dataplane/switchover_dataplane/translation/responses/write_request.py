"""The neutral form → the body of a Responses request.

Source: OpenAI API reference, "Create a model response".
"""

from collections.abc import Iterable, Sequence
from typing import Final

from switchover_dataplane.translation import call_ids
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import AnswerSchema, Json, Request, Tool, ToolChoice
from switchover_dataplane.translation.openai_targets import (
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
    tier_of,
)
from switchover_dataplane.translation.responses.write_items import Items
from switchover_dataplane.translation.tool_forms import flat_name

_SAMPLING: Final = {"temperature": "temperature", "top_p": "top_p"}
_LEAST_LIMIT: Final = 16
_MOST_METADATA: Final = 16


def write_request(request: Request, asker: Asker) -> Written:
    """Write a body for a target. Nothing is stored there, so that each request says all."""
    losses: list[Loss] = list(request.losses)
    request = call_ids.paired(request)
    items = Items(asker, losses)
    items.add(request)
    body: dict[str, Json] = {"model": asker.model.name, "input": items.written, "store": False}
    if request.system:
        body["instructions"] = "\n\n".join(text.text for text in request.system)
    _add_tools(body, request, asker, losses)
    _add_text(body, request, asker, losses)
    effort = effort_of(request, asker, losses)
    _add_reasoning(body, request, asker, effort, has_proof=items.has_proof)
    _add_limits(body, request, asker, losses)
    body |= sampling(request, asker.model, effort, _SAMPLING, losses)
    if request.stream:
        body["stream"] = True
    _add_hints(body, request, asker, losses)
    lose_many(request, losses)
    lose_hosted(request, losses)
    lose_cache_marks(request, losses)
    return Written(body, tuple(losses))


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_tools(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    choice, keeps_form = request.tool_choice, is_openai(asker)
    tools: Iterable[Tool] = request.tools
    if choice is not None and choice.allowed and not keeps_form:
        tools = [tool for tool in tools if tool.name in choice.allowed]
    written = written_tools(tools, keeps_form=keeps_form)
    if not written:
        return
    body["tools"] = written
    if choice is not None and not choice.is_hosted:
        body["tool_choice"] = written_choice(request, choice, keeps_form=keeps_form)
    if request.parallel is not None and asker.model.line == "o":
        if not request.parallel:
            losses.append(hint("parallel_tool_calls", False, "the model refuses the field"))
    elif request.parallel is not None:
        body["parallel_tool_calls"] = request.parallel


def written_tools(tools: Iterable[Tool], *, keeps_form: bool) -> Sequence[Json]:
    """Write tools; `keeps_form`: namespaces and custom tools as such, as OpenAI's own models know them."""
    written: list[Json] = []
    namespaces: dict[str, list[Json]] = {}
    for tool in tools:
        if not tool.namespace or not keeps_form:
            written.append(_tool(tool, flat_name(tool.namespace, tool.name), keeps_form=keeps_form))
            continue
        if tool.namespace not in namespaces:
            namespaces[tool.namespace] = []
            group = {"name": tool.namespace, "description": tool.namespace, "tools": namespaces[tool.namespace]}
            written.append({"type": "namespace", **group})
        namespaces[tool.namespace].append(_tool(tool, tool.name, keeps_form=keeps_form))
    return written


def _tool(tool: Tool, name: str, *, keeps_form: bool) -> Json:
    described = {"description": tool.description} if tool.description else {}
    if tool.is_custom and keeps_form:
        form = {"format": tool.grammar} if tool.grammar else {}
        return {"type": "custom", "name": name, **described, **form}
    # A function that does not say is made strict where its schema allows it; so it says.
    return {
        "type": "function",
        "name": name,
        **described,
        "parameters": parameters_of(tool),
        "strict": bool(tool.strict),
    }


def _named(request: Request, name: str, *, keeps_form: bool) -> Json:
    tool = next((tool for tool in request.tools if tool.name == name), None)
    if keeps_form:
        return {"type": "custom" if tool is not None and tool.is_custom else "function", "name": name}
    return {"type": "function", "name": flat_name(tool.namespace if tool is not None else "", name)}


def written_choice(request: Request, choice: ToolChoice, *, keeps_form: bool) -> Json:
    """Write which tools may or must be called."""
    if choice.is_hosted:
        return {"type": choice.name}
    if choice.mode == "tool":
        return _named(request, choice.name, keeps_form=keeps_form)
    word = "required" if choice.mode == "any" else choice.mode
    if not choice.allowed or not keeps_form or choice.mode == "none":
        return word
    tools = [_named(request, name, keeps_form=keeps_form) for name in choice.allowed]
    return {"type": "allowed_tools", "mode": word, "tools": tools}


# ── Answer ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_text(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    text: dict[str, Json] = {}
    asked = request.schema
    if asked is not None:
        text["format"] = written_format(asked)
        # The instructions do not count.
        if asked.schema is None and not says_json(request, with_system=False):
            body["input"] = [*body["input"], {"role": "developer", "content": "Answer with a JSON object."}]
    if request.verbosity and is_openai(asker) and asker.model.version >= (5, 0):
        text["verbosity"] = request.verbosity
    elif request.verbosity:
        losses.append(hint("verbosity", request.verbosity, "the model does not know it"))
    if text:
        body["text"] = text


def written_format(asked: AnswerSchema) -> Json:
    """Write the form that the answer must have."""
    if asked.schema is None:
        return {"type": "json_object"}
    written: dict[str, Json] = {"type": "json_schema", "name": schema_name(asked.name), "schema": asked.schema}
    if asked.description:
        written["description"] = asked.description
    if asked.strict is not None:
        written["strict"] = asked.strict
    return written


def _add_reasoning(body: dict[str, Json], request: Request, asker: Asker, effort: str, *, has_proof: bool) -> None:
    shows = request.reasoning is not None and request.reasoning.shows is True
    thinks = is_openai(asker) and asker.model.thinks
    reasoning: dict[str, Json] = {}
    if effort:
        reasoning["effort"] = effort
    if shows and thinks:
        reasoning["summary"] = "auto"
    if reasoning:
        body["reasoning"] = reasoning
    if has_proof or (shows and thinks):
        body["include"] = ["reasoning.encrypted_content"]


def _add_limits(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    limit = limit_of(request, asker.model, losses)
    if limit is not None:
        if limit < _LEAST_LIMIT:
            losses.append(hint("max_tokens", limit, f"the target takes no less than {_LEAST_LIMIT}"))
        body["max_output_tokens"] = max(limit, _LEAST_LIMIT)
    if request.stop:
        losses.append(grave("stop", list(request.stop), "the target's API has no stop sequences"))
    if request.logit_bias is not None:
        losses.append(grave("logit_bias", request.logit_bias, "the target's API has no such field"))


def _add_hints(body: dict[str, Json], request: Request, asker: Asker, losses: list[Loss]) -> None:
    """Write what changes no answer where the target takes it, and name it where it does not."""
    if request.user:
        body["user"] = short("user", request.user, losses)
    metadata = request.metadata
    if metadata is not None and len(metadata) <= _MOST_METADATA and all(map(_is_text, metadata.values())):
        body["metadata"] = metadata
    elif metadata is not None:
        losses.append(hint("metadata", metadata, "the target takes 16 texts or fewer"))
    if request.cache_key and is_openai(asker) and asker.provider == "openai":
        body["prompt_cache_key"] = short("prompt_cache_key", request.cache_key, losses)
    elif request.cache_key:
        losses.append(hint("prompt_cache_key", request.cache_key, "the target's API has no such field"))
    tier = tier_of(request, asker, losses)
    if tier:
        body["service_tier"] = tier


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= 512


__all__ = ["write_request", "written_choice", "written_format", "written_tools"]
