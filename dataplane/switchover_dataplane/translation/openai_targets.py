"""What a target of Chat Completions or Responses takes: effort, sampling, limits, names of users, tools of providers.

Sources: OpenAI docs, "Reasoning models" and "Models" (what a reasoning model refuses); OpenAI API reference (lengths);
Mistral API reference.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Media, Request, Text, Tool, ToolResult
from switchover_dataplane.translation.tool_forms import custom_schema, flat_name

MOST_STOPS: Final = 4
_LONGEST_USER: Final = 64
_TIERS: Final = frozenset(("auto", "default", "flex", "priority", "scale"))
_REFUSES: Final = "the model refuses it, as it thinks before it answers"
_OTHER_LIMIT: Final = "the model writes fewer tokens, so its own limit is sent"


def is_openai(asker: Asker) -> bool:
    """Whether the model is known as one of OpenAI, or a deployment of Azure OpenAI, whose name may say nothing."""
    model = asker.model
    if asker.provider == "azure-openai":
        return model.family in ("openai", "other")
    return model.family == "openai" and model.version > (0, 0)


def takes_custom_tools(asker: Asker) -> bool:
    """Whether the model knows tools whose input is a text: OpenAI's from GPT-5 on, and no version of Azure's API that
    has deployments in its path (OpenAI docs, "Function calling", custom tools; Azure OpenAI REST API reference)."""
    return is_openai(asker) and asker.model.version >= (5, 0) and asker.provider != "azure-openai"


def limit_of(request: Request, model: Model, losses: list[Loss]) -> int | None:
    """Return the limit of the answer's tokens that the model takes."""
    asked, most = request.max_tokens, model.max_output
    if asked is not None and most is not None and asked > most:
        losses.append(hint("max_tokens", asked, f"{_OTHER_LIMIT}: {most}"))
        return most
    return asked


# ── Effort ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def effort_of(request: Request, asker: Asker, losses: list[Loss]) -> str:
    """Return the effort in the words that the model takes, "" if nothing is to be said."""
    asked, model = request.reasoning, asker.model
    if asked is None:
        return ""
    effort = asked.effort or _effort_of_budget(asked.budget)
    if not effort:
        return ""
    if model.thinks:
        return _known(effort, asker)
    is_known = is_openai(asker) or model.family == "mistral" or model.version > (0, 0)
    if is_known or not asked.effort or effort == "none":
        if effort != "none":
            losses.append(hint("reasoning", {}, "the model does not think before it answers"))
        return ""
    return effort


def _effort_of_budget(budget: int | None) -> str:
    """Return the effort for a budget of tokens: the nearest below, and no more than every model has."""
    if budget is None or budget < 0:
        return ""
    if budget == 0:
        return "none"
    return "low" if budget < 2_048 else "medium" if budget < 4_096 else "high"


def _known(effort: str, asker: Asker) -> str:
    """Return the nearest effort that a thinking model knows."""
    model = asker.model
    if model.family != "openai":
        return effort
    if model.version < (5, 0) or model.line == "o":
        return {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)
    if model.version < (5, 1):
        return {"none": "minimal", "xhigh": "high", "max": "high"}.get(effort, effort)
    if effort == "minimal":
        return "low"
    if model.version < (5, 2):
        return "high" if effort in ("xhigh", "max") else effort
    return "xhigh" if effort == "max" and model.version < (5, 6) else effort


# ── Sampling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def takes_sampling(model: Model, effort: str) -> bool:
    """Whether the model takes sampling: a reasoning model does where it is told not to think."""
    return model.takes_sampling or (effort == "none" and model.family == "openai" and model.version >= (5, 1))


def sampling(request: Request, model: Model, effort: str, names: Mapping[str, str], losses: list[Loss]) -> Json:
    """Return the fields of sampling; `names` are those that the API has, by their neutral names."""
    values = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "seed": request.seed,
    }
    written: dict[str, Json] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name not in names:
            losses.append(hint(name, value, "the target's API has no such field"))
        elif name != "seed" and not takes_sampling(model, effort):
            losses.append(hint(name, value, _REFUSES))
        else:
            written[names[name]] = value
    return written


def lose_many(request: Request, losses: list[Loss]) -> None:
    """Name what an answer in another form has no place for: several answers, probabilities."""
    if request.n > 1:
        losses.append(grave("n", request.n, "an answer of another API is one answer"))
    if request.logprobs is not None:
        losses.append(grave("logprobs", request.logprobs, "an answer of another API has no probabilities"))


# ── Users, tiers ────────────────────────────────────────────────────────────────────────────────────────────────────


def short(name: str, text: str, losses: list[Loss]) -> str:
    """Return a text of at most 64 characters that stands for one that may be longer."""
    if len(text) <= _LONGEST_USER:
        return text
    losses.append(hint(name, text, "it is longer than 64 characters, so a digest stands for it"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def tier_of(request: Request, asker: Asker, losses: list[Loss]) -> str:
    """Return the service tier, whose words are OpenAI's."""
    tier = request.service_tier
    if not tier or (asker.provider == "openai" and asker.model.family == "openai" and tier in _TIERS):
        return tier
    losses.append(hint("service_tier", tier, "the tiers of providers differ"))
    return ""


# ── Tools, parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def lose_hosted(request: Request, losses: list[Loss]) -> None:
    """Name the tools that the client's provider would run.

    One that is merely offered beside functions of the client's own is a hint: agents offer a search in every request.
    """
    choice = request.tool_choice
    is_offered = bool(request.tools) and (choice is None or choice.mode in ("auto", "none"))
    for tool in request.hosted_tools:
        named = (hint if is_offered else grave)(tool.path or "tools", {}, "the client's own provider runs this tool")
        losses.append(named)
    if choice is not None and choice.is_hosted:
        losses.append(grave("tool_choice", {}, "it forces a tool that the client's own provider runs"))


def lose_cache_marks(request: Request, losses: list[Loss]) -> None:
    """Name the marks of what is worth caching, once: the target's provider caches by itself."""
    marked: list[Json] = [*request.system, *request.tools]
    for turn in request.turns:
        for block in turn.blocks:
            marked.append(block)
            if isinstance(block, ToolResult):
                marked.extend(block.parts)
    if any(getattr(each, "cache", None) is not None for each in marked):
        losses.append(hint("cache_control", {}, "the target's provider caches by itself"))


def says_json(request: Request, *, with_system: bool) -> bool:
    """Whether the conversation has the word JSON, which OpenAI demands for the form `json_object`."""
    texts = [text.text for text in request.system] if with_system else []
    texts += [block.text for turn in request.turns for block in turn.blocks if isinstance(block, Text)]
    return any("json" in text.lower() for text in texts)


def parameters_of(tool: Tool) -> Json:
    """Return the schema of a function: an object with properties, as the API refuses any other one."""
    schema = custom_schema(tool) if tool.is_custom else tool.schema
    if not schema:
        return {"type": "object", "properties": {}}
    if schema.get("type", "object") == "object" and not {"properties", "$ref"} & schema.keys():
        return {**schema, "type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object", **schema}


def schema_name(name: str) -> str:
    """Return a name for the form of an answer, which the API demands."""
    return flat_name("", name) if name else "answer"


def named_text(media: Media, text: str) -> str:
    """Return the text of a document with its name before it."""
    return f"{media.name}:\n{text}" if media.name else text


__all__ = [
    "MOST_STOPS",
    "effort_of",
    "is_openai",
    "limit_of",
    "lose_cache_marks",
    "lose_hosted",
    "lose_many",
    "named_text",
    "parameters_of",
    "sampling",
    "says_json",
    "schema_name",
    "short",
    "takes_custom_tools",
    "takes_sampling",
    "tier_of",
]
