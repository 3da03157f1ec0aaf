"""The neutral request → a body of the Messages API.

Sources: Anthropic API reference, Messages; Claude docs, "Extended thinking", "Adaptive thinking", "Effort", "Migration
guide" (sampling); Anthropic SDK, AnthropicVertex (body without a model).
"""

from typing import Final, NamedTuple

from switchover_dataplane.translation import call_ids
from switchover_dataplane.translation.claude import is_forced, why_not_thinking
from switchover_dataplane.translation.conversation import (
    Conversation,
    Message,
    Placed,
    arranged,
    begins_with_user,
    prefill,
)
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.messages import write_tools
from switchover_dataplane.translation.messages.write_turns import TurnWriter, limit_marks
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Reasoning, Request, Text

_VERTEX_VERSION: Final = "vertex-2023-10-16"
_BEGIN: Final = "(The conversation begins.)"
_USUAL_LIMIT: Final = 4_096
_LEAST_BUDGET: Final = 1_024
_BUDGETS: Final = {"minimal": 1_024, "low": 1_024, "medium": 2_048, "high": 4_096, "xhigh": 8_192, "max": 16_384}
_TIERS: Final = frozenset(("auto", "standard_only"))


def write_request(request: Request, asker: Asker) -> Written:
    """Write a request for a target of this API: Anthropic's own, or Claude on Vertex AI."""
    model = asker.model
    request = call_ids.paired(request)
    conversation = arranged(request, takes_system_turns=model.takes_system_turns)
    losses = [*_not_there(request), *conversation.losses, *_user_first(conversation)]
    turns = TurnWriter(model)
    messages = turns.messages(conversation.messages)
    losses += [*turns.losses, *prefill(conversation.messages, is_taken=model.takes_prefill)]
    body: dict[str, Json] = (
        {"anthropic_version": _VERTEX_VERSION} if asker.provider == "vertex" else {"model": model.name}
    )
    if conversation.system:
        body["system"] = turns.system(conversation.system)
    body["messages"] = messages
    tools = write_tools.write_tools(request, model, losses)
    choice = write_tools.write_choice(request, tools, losses)
    if tools:
        body["tools"] = tools
    thought = _thinking(request, model, conversation.messages, losses)
    if choice is not None:
        body["tool_choice"] = choice
    body["max_tokens"] = _limit(request, model, thought.budget, losses)
    body.update(thought.fields)
    form = write_tools.write_format(request, model, losses)
    config = {**thought.config, **({"format": form} if form is not None else {})}
    if config:
        body["output_config"] = config
    body.update(_sampling(request, model, losses, thinks=thought.is_on))
    body.update(_rest(request, losses))
    losses += limit_marks(body)
    return Written(body, tuple(losses))


def _not_there(request: Request) -> list[Loss]:
    """Name the fields that the API has not."""
    losses: list[Loss] = []
    if request.n != 1:
        losses.append(grave("n", request.n, "Claude gives one answer"))
    if request.logprobs is not None:
        losses.append(grave("logprobs", request.logprobs, "Claude says no probabilities"))
    if request.logit_bias:
        losses.append(grave("logit_bias", dict(request.logit_bias), "Claude's tokens are not those of the client"))
    for name in ("seed", "presence_penalty", "frequency_penalty", "metadata", "cache_key", "verbosity"):
        value = getattr(request, name)
        if value:
            losses.append(hint(_PATHS.get(name, name), value, "the Messages API has no such field"))
    return losses


def _user_first(conversation: Conversation) -> list[Loss]:
    """Let the user speak first, as Claude demands: with a prompt of the system, or with words that say nothing."""
    system, messages = conversation.system, conversation.messages
    if begins_with_user(messages):
        return []
    if not messages and system:
        messages.append(Message("user", [Placed(system.pop(), "system")]))
        return [hint("system", {}, "a prompt of the system alone is asked as the user's")]
    path = messages[0].blocks[0].path if messages else "messages"
    messages.insert(0, Message("user", [Placed(Text(_BEGIN), path)]))
    return [hint(path, {}, "the user speaks first there, so a text without meaning stands before it")]


_PATHS: Final = {"cache_key": "prompt_cache_key"}


class _Thought(NamedTuple):
    """What a request says of thinking: fields of the body, those of `output_config`, and the tokens for it."""

    fields: dict[str, Json]
    config: dict[str, Json]
    budget: int = 0
    is_on: bool = False


def _thinking(request: Request, model: Model, messages: list[Message], losses: list[Loss]) -> _Thought:
    reasoning = request.reasoning
    if not model.stops_thinking and is_forced(request):
        losses.append(grave("tool_choice", {}, "the model always thinks, and cannot be made to call a tool"))
    if reasoning is None:
        return _Thought({}, {})
    if reasoning.budget == 0 or reasoning.effort == "none":
        if not model.stops_thinking:
            losses.append(hint("reasoning", {}, "the model always thinks"))
            return _Thought({}, {"effort": "low"})
        return _Thought({"thinking": {"type": "disabled"}} if model.thinking else {}, {})
    if not model.thinking:
        losses.append(hint("reasoning", {}, "the model does not think before it answers"))
        return _Thought({}, {})
    why = why_not_thinking(request, messages, model)
    if why and model.stops_thinking:
        losses.append(hint("reasoning", {}, why))
        config = _adaptive(reasoning, model, losses).config if model.thinking == "effort" else {}
        return _Thought({"thinking": {"type": "disabled"}}, config)
    if model.thinking == "effort":
        return _adaptive(reasoning, model, losses)
    return _with_budget(reasoning, model, losses)


def _adaptive(reasoning: Reasoning, model: Model, losses: list[Loss]) -> _Thought:
    effort = reasoning.effort or _effort_of(reasoning.budget)
    effort = "low" if effort == "minimal" else effort
    if effort == "xhigh" and model.version < (4, 7) and model.version != (0, 0):
        losses.append(hint("reasoning", effort, "the model's next lower effort is high"))
        effort = "high"
    thinking: dict[str, Json] = {"type": "adaptive"}
    if reasoning.shows is not None:
        thinking["display"] = "summarized" if reasoning.shows else "omitted"
    config = {"effort": effort} if effort in _BUDGETS else {}
    return _Thought({"thinking": thinking}, config, is_on=True)


def _effort_of(budget: int | None) -> str:
    """Return the effort whose budget is the nearest below, "" where the model is free."""
    if budget is None or budget < 0:
        return ""
    return next((effort for effort, tokens in reversed(_BUDGETS.items()) if tokens <= budget), "low")


def _with_budget(reasoning: Reasoning, model: Model, losses: list[Loss]) -> _Thought:
    asked = reasoning.budget
    budget = asked if asked is not None and asked > 0 else _BUDGETS.get(reasoning.effort, _BUDGETS["high"])
    most = (model.max_output or 2 * _USUAL_LIMIT) - 1
    fitting = max(_LEAST_BUDGET, min(budget, most))
    if fitting != budget:
        losses.append(hint("reasoning", budget, f"the model takes {_LEAST_BUDGET} to {most} tokens to think"))
    return _Thought({"thinking": {"type": "enabled", "budget_tokens": fitting}}, {}, fitting, is_on=True)


def _limit(request: Request, model: Model, budget: int, losses: list[Loss]) -> int:
    """Return the limit of the answer, which counts reasoning, too, and must be above its tokens."""
    limit = request.max_tokens or model.max_output or _USUAL_LIMIT
    if limit <= budget:
        limit += budget
        losses.append(hint("max_tokens", limit, "it was raised above the tokens for reasoning"))
    if model.max_output is not None and limit > model.max_output:
        limit = model.max_output
        losses.append(hint("max_tokens", limit, f"the model writes {limit} tokens at most"))
    return limit


def _sampling(request: Request, model: Model, losses: list[Loss], *, thinks: bool) -> dict[str, Json]:
    values = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
    given: dict[str, Json] = {name: value for name, value in values.items() if value is not None}
    if not model.takes_sampling:
        losses += [hint(name, value, "the model takes no sampling") for name, value in given.items()]
        return {}
    if given.get("temperature", 0) > 1:
        losses.append(hint("temperature", given["temperature"], "it ends at 1 there"))
        given["temperature"] = 1
    if thinks:
        refused = [name for name in given if (given[name] < 0.95 if name == "top_p" else given[name] != 1)]
        losses += [hint(name, given.pop(name), "the model takes no sampling where it thinks") for name in refused]
    if "temperature" in given and "top_p" in given and model.version >= (4, 1):
        losses.append(hint("top_p", given.pop("top_p"), "the model takes it or the temperature"))
    return given


def _rest(request: Request, losses: list[Loss]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    stops = [stop for stop in request.stop if stop.strip()]
    if len(stops) < len(request.stop):
        losses.append(grave("stop", list(request.stop), "Claude does not stop at white space"))
    if stops:
        body["stop_sequences"] = stops
    if request.user:
        body["metadata"] = {"user_id": request.user}
    if request.service_tier in _TIERS:
        body["service_tier"] = request.service_tier
    elif request.service_tier:
        losses.append(hint("service_tier", request.service_tier, "the provider has no such tier"))
    if request.stream:
        body["stream"] = True
    return body
