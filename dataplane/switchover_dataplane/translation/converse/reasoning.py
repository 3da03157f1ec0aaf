"""How much a model is to think → the fields in which its family takes that on Bedrock.

Sources: Amazon Bedrock User Guide, "Adaptive thinking" and "Extended thinking"; botocore's model of bedrock-runtime
(OutputConfig); Claude docs, "Extended thinking" (a budget is at least 1024 and below the limit of the answer).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from switchover_dataplane.translation.claude import why_not_thinking
from switchover_dataplane.translation.conversation import Message
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Reasoning, Request

_NEXT_TO_MAX: Final = (4, 7)
"""The first Claude with the effort xhigh."""
_LEAST_BUDGET: Final = 1_024
_USUAL_LIMIT: Final = 8_192
_PATH: Final = "reasoning"
_OF_GPT: Final = {"minimal": "low", "xhigh": "high", "max": "high"}


class Thought(msgspec.Struct, frozen=True):
    """What is written: the fields of the model's own, the effort of `outputConfig`, and the tokens to think.

    `is_on`: the model thinks before it answers this request.
    """

    fields: dict[str, Json] = msgspec.field(default_factory=dict)
    effort: str = ""
    budget: int = 0
    is_on: bool = False
    losses: tuple[Loss, ...] = ()


def thought(request: Request, messages: Sequence[Message], model: Model) -> Thought:
    """Say how a model is asked to think."""
    asked = request.reasoning
    if asked is None:
        return Thought(is_on=not model.stops_thinking)
    if model.family == "claude":
        return _claude(asked, request, messages, model)
    if model.family == "openai" and asked.effort not in ("", "none"):
        return Thought({"reasoning_effort": _OF_GPT.get(asked.effort, asked.effort)}, is_on=True)
    if _is_off(asked):
        return Thought()
    return Thought(losses=(hint(_PATH, {}, "Bedrock has no field for how this model thinks"),))


def _is_off(asked: Reasoning) -> bool:
    return asked.effort == "none" or (not asked.effort and asked.budget == 0)


def _claude(asked: Reasoning, request: Request, messages: Sequence[Message], model: Model) -> Thought:
    if _is_off(asked):
        if not model.stops_thinking:
            return Thought(effort="low", is_on=True, losses=(hint(_PATH, {}, "this model always thinks"),))
        return Thought(_disabled(model))
    if not model.thinking:
        return Thought(losses=(hint(_PATH, {}, "this model does not think before it answers"),))
    why = why_not_thinking(request, messages, model)
    if why and model.stops_thinking:
        return Thought(_disabled(model), losses=(hint(_PATH, {}, why),))
    return _adaptive(asked, model) if model.thinking == "effort" else _with_budget(asked, model)


def _disabled(model: Model) -> dict[str, Json]:
    return {"thinking": {"type": "disabled"}} if model.thinking else {}


def _adaptive(asked: Reasoning, model: Model) -> Thought:
    budget = -1 if asked.budget is None else asked.budget
    effort = {"minimal": "low"}.get(asked.effort, asked.effort) or (words.effort_of(budget) if budget > 0 else "")
    thinking: dict[str, Json] = {"type": "adaptive"}
    if asked.shows is not None:
        thinking["display"] = "summarized" if asked.shows else "omitted"
    if effort == "xhigh" and (0, 0) < model.version < _NEXT_TO_MAX:
        lost = hint(_PATH, effort, "the next lower effort of this model is high")
        return Thought({"thinking": thinking}, "high", is_on=True, losses=(lost,))
    return Thought({"thinking": thinking}, effort, is_on=True)


def _with_budget(asked: Reasoning, model: Model) -> Thought:
    wanted = asked.budget if asked.budget is not None and asked.budget > 0 else words.budget_of(asked.effort or "high")
    most = (model.max_output or _USUAL_LIMIT) - 1
    budget = max(_LEAST_BUDGET, min(wanted, most))
    lost = hint(_PATH, wanted, f"this model takes {_LEAST_BUDGET} to {most} tokens to think")
    fields = {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return Thought(fields, budget=budget, is_on=True, losses=() if budget == wanted else (lost,))
