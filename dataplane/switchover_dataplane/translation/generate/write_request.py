"""The neutral request → a body of generateContent or streamGenerateContent.

Sources: Gemini API reference, GenerateContentRequest, GenerationConfig, Tool; Gemini API docs, "Thinking" and
"Structured output"; Vertex AI docs, "OpenAI compatibility" (tokens for an effort).
"""

from typing import Final

from switchover_dataplane.translation import call_ids, chosen_tools, json_schemas, tool_forms
from switchover_dataplane.translation.conversation import Message, Placed, arranged, begins_with_user, prefill
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.generate import schemas
from switchover_dataplane.translation.generate.write_contents import ContentWriter, is_gemini_3
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Reasoning, Request, Text, Tool

_MOST_STOPS: Final = 5
_MOST_SEED: Final = 2**31 - 1
_BUDGETS: Final = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_LEVELS: Final = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def write_request(request: Request, asker: Asker) -> Written:
    """Write a request for Gemini, on Google's Gemini API or on Vertex AI; the path names the model."""
    model = asker.model
    request = call_ids.paired(request)
    conversation = arranged(request, takes_system_turns=False)
    losses = [*_not_there(request), *conversation.losses]
    writer = ContentWriter(model)
    if not begins_with_user(conversation.messages):
        # Gemini takes a user who says nothing, as recordings show, and refuses a call that nobody asked for.
        conversation.messages.insert(0, Message("user", [Placed(Text(""), "")]))
    body: dict[str, Json] = {"contents": writer.contents(conversation.messages)}
    losses += [*writer.losses, *prefill(conversation.messages, is_taken=model.takes_prefill)]
    if conversation.system:
        body["systemInstruction"] = {"parts": [{"text": text.text} for text in conversation.system]}
    declared = _tools(request, losses)
    if declared:
        body["tools"] = [{"functionDeclarations": declared}]
    choice = _choice(request, declared, losses)
    if choice is not None:
        body["toolConfig"] = {"functionCallingConfig": choice}
    config = _config(request, model, losses)
    if declared and request.schema is not None and not is_gemini_3(model):
        # Gemini API docs, "Structured output": Gemini 3 is the first that takes both.
        losses.append(grave("response_format", {}, "the model takes no form of the answer beside tools"))
    if config:
        body["generationConfig"] = config
    return Written(body, tuple(losses))


def _not_there(request: Request) -> list[Loss]:
    """Name the fields that the API has not, and those whose answers the neutral form has no place for."""
    losses: list[Loss] = []
    if request.n != 1:
        losses.append(grave("n", request.n, "one answer is translated"))
    if request.logprobs is not None:
        losses.append(grave("logprobs", request.logprobs, "probabilities are not translated"))
    if request.logit_bias:
        losses.append(grave("logit_bias", dict(request.logit_bias), "Gemini's tokens are not those of the client"))
    if request.parallel is False and request.tools:
        losses.append(grave("parallel_tool_calls", False, "Gemini may make several calls at a time"))
    names = {"cache_key": "prompt_cache_key", "user": "user", "metadata": "metadata", "verbosity": "verbosity"}
    for name, path in {**names, "service_tier": "service_tier"}.items():
        value = getattr(request, name)
        if value:
            losses.append(hint(path, value, "generateContent has no such field"))
    if _has_cache_marks(request):
        losses.append(hint("cache_control", {}, "Gemini caches without being told"))
    return losses


def _has_cache_marks(request: Request) -> bool:
    blocks = (block for turn in request.turns for block in turn.blocks)
    return any(getattr(each, "cache", None) is not None for each in (*request.system, *request.tools, *blocks))


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(request: Request, losses: list[Loss]) -> list[dict[str, Json]]:
    losses += chosen_tools.hosted(request)
    is_auto = request.tool_choice is None or request.tool_choice.mode == "auto"
    # Gemini takes names of allowed functions with the mode ANY alone.
    tools = chosen_tools.allowed(request) if is_auto else request.tools
    written: dict[str, dict[str, Json]] = {}
    for tool in tools:
        one = _function(tool, losses)
        written.setdefault(one["name"], one)
    return list(written.values())


def _function(tool: Tool, losses: list[Loss]) -> dict[str, Json]:
    path = tool.path or "tools"
    written: dict[str, Json] = {"name": tool_forms.flat_name(tool.namespace, tool.name)}
    if tool.description:
        written["description"] = tool.description
    schema = tool_forms.custom_schema(tool) if tool.is_custom else tool.schema
    if tool.is_custom and tool.grammar is not None:
        losses.append(hint(path, tool.grammar, "the form of the text is said to the model, and not held"))
    if tool.strict:
        losses.append(hint(path, True, "the model is not held to the schema of a tool"))
    if schema is not None:
        whole, _ = json_schemas.of_object(schema) if schema.get("type") != "object" else (dict(schema), False)
        written["parametersJsonSchema"] = whole
    return written


def _choice(request: Request, declared: list[dict[str, Json]], losses: list[Loss]) -> dict[str, Json] | None:
    choice = request.tool_choice
    refused = chosen_tools.unchoosable(request)
    losses += refused
    if choice is None or refused or not declared:
        return None
    match choice.mode:
        case "auto":
            return None
        case "none":
            return {"mode": "NONE"}
        case "any" if not choice.allowed:
            return {"mode": "ANY"}
        case mode:
            names = choice.allowed if mode == "any" else (choice.name,)
            return {"mode": "ANY", "allowedFunctionNames": [chosen_tools.flat_name(request, name) for name in names]}


# ── generationConfig ────────────────────────────────────────────────────────────────────────────────────────────────


def _config(request: Request, model: Model, losses: list[Loss]) -> dict[str, Json]:
    config: dict[str, Json] = {}
    limit = request.max_tokens
    if limit is not None and model.max_output is not None and limit > model.max_output:
        limit = model.max_output
        losses.append(hint("max_tokens", limit, f"the model writes {limit} tokens at most"))
    seed = request.seed
    if seed is not None and not -_MOST_SEED <= seed <= _MOST_SEED:
        losses.append(hint("seed", seed, "Gemini takes numbers of 32 bits"))
        seed = None
    if len(request.stop) > _MOST_STOPS:
        losses.append(grave("stop", list(request.stop), f"Gemini takes {_MOST_STOPS} texts to stop at"))
    values = {
        "maxOutputTokens": limit,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        # Some models refuse any penalty, and 0 is none.
        "presencePenalty": request.presence_penalty or None,
        "frequencyPenalty": request.frequency_penalty or None,
        "seed": seed,
        "stopSequences": list(request.stop[:_MOST_STOPS]) or None,
    }
    config.update({name: value for name, value in values.items() if value is not None})
    thinking = _thinking(request.reasoning, model, losses)
    if thinking:
        config["thinkingConfig"] = thinking
    if request.schema is not None:
        config["responseMimeType"] = "application/json"
        if request.schema.schema is not None:
            config["responseJsonSchema"] = schemas.for_answers(request.schema.schema, losses)
    return config


def _thinking(reasoning: Reasoning | None, model: Model, losses: list[Loss]) -> dict[str, Json]:
    if reasoning is None:
        return {}
    is_off = reasoning.budget == 0 or reasoning.effort == "none"
    if not model.thinking:
        if not is_off:
            losses.append(hint("reasoning", {}, "the model does not think before it answers"))
        return {}
    if is_off and not model.stops_thinking:
        losses.append(hint("reasoning", {}, "the model always thinks, so it thinks as little as it can"))
    shown = {} if is_off or not _is_shown(reasoning) else {"includeThoughts": True}
    if model.thinking == "effort":
        level = _level(reasoning, model, losses, is_off=is_off)
        return {**({"thinkingLevel": level} if level else {}), **shown}
    return {"thinkingBudget": _budget(reasoning, model, is_off=is_off), **shown}


def _is_shown(reasoning: Reasoning) -> bool:
    """Whether the client is to see the reasoning: it says so, or its API shows it where it is asked for."""
    if reasoning.shows is not None:
        return reasoning.shows
    return reasoning.is_adaptive or bool(reasoning.budget and reasoning.budget > 0)


def _level(reasoning: Reasoning, model: Model, losses: list[Loss], *, is_off: bool) -> str:
    least = "minimal" if model.line.startswith("flash") else "low"
    if is_off:
        return least
    effort = reasoning.effort
    if not effort and reasoning.budget is not None and reasoning.budget > 0:
        steps = reversed([(word, _BUDGETS[word]) for word in ("low", "medium", "high")])
        effort = next((word for word, tokens in steps if tokens <= (reasoning.budget or 0)), "low")
    if effort == "medium" and model.version == (3, 0) and model.line.startswith("pro"):
        losses.append(hint("reasoning", effort, "the model's next lower effort is low"))
        return "low"
    return least if effort == "minimal" else _LEVELS.get(effort, "")


def _budget(reasoning: Reasoning, model: Model, *, is_off: bool) -> int:
    """Return tokens within the model's range (Gemini API docs, "Thinking")."""
    is_pro = model.line.startswith("pro")
    least = 128 if is_pro else 512 if model.line.startswith("flash-lite") else 1
    if is_off:
        return least if is_pro else 0
    asked = reasoning.budget
    if reasoning.effort and (asked is None or asked < 0):
        asked = _BUDGETS.get(reasoning.effort, -1)
    if asked is None or asked < 0:
        return -1
    return max(least, min(asked, 32_768 if is_pro else 24_576))
