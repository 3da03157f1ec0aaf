"""How much a model is to think → the fields in which its family takes that on Bedrock.

Sources: Amazon Bedrock User Guide, "Adaptive thinking" and "Extended thinking"; botocore's model of bedrock-runtime
(OutputConfig); Claude docs, "Extended thinking" (a budget is at least 1024 and below the limit of the answer).
"""

from typing import Final

import msgspec

from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Reasoning, Request, Thinking, ToolCall, ToolResult

_ALWAYS_THINKS: Final = frozenset(("fable", "mythos"))
_FIRST_TO_THINK: Final = (3, 7)
_ADAPTIVE: Final = (4, 6)
_NO_BUDGET: Final = (4, 7)
_LEAST_BUDGET: Final = 1_024
_PATH: Final = "reasoning"


class Thought(msgspec.Struct, frozen=True):
    """What is written: the fields of the model's own, the effort of `outputConfig`, and the tokens to think.

    `thinks` is False only where the model surely does not think.
    """

    fields: dict[str, Json] = msgspec.field(default_factory=dict)
    effort: str = ""
    budget: int = 0
    thinks: bool = False
    losses: tuple[Loss, ...] = ()


def thought(request: Request, model: Model) -> Thought:
    """Say how a model is asked to think."""
    asked = request.reasoning
    if model.family == "claude":
        return _claude(request, model)
    if asked is None:
        return Thought(thinks=model.thinks)
    if model.family == "openai" and asked.effort not in ("", "none"):
        effort = {"minimal": "low", "xhigh": "high", "max": "high"}.get(asked.effort, asked.effort)
        return Thought({"reasoning_effort": effort}, thinks=True)
    if _is_off(asked):
        return Thought(thinks=model.thinks)
    return Thought(thinks=model.thinks, losses=(hint(_PATH, {}, "Bedrock has no field for how this model thinks"),))


def _is_off(asked: Reasoning) -> bool:
    return asked.effort == "none" or (not asked.effort and asked.budget == 0 and not asked.is_adaptive)


def _claude(request: Request, model: Model) -> Thought:
    asked = request.reasoning
    always = model.line in _ALWAYS_THINKS
    if asked is None:
        return Thought(thinks=always)
    if model.version < _FIRST_TO_THINK and not always:
        losses = () if _is_off(asked) else (hint(_PATH, {}, "this model does not think before it answers"),)
        return Thought(losses=losses)
    if _is_off(asked):
        if always:
            return Thought(thinks=True, losses=(hint(_PATH, {}, "this model always thinks"),))
        return Thought({"thinking": {"type": "disabled"}})
    if not always and _is_forced(request):
        return Thought(losses=(hint(_PATH, {}, "this model does not think where a tool is forced"),))
    if model.version >= _ADAPTIVE or always:
        return _adaptive(asked, model)
    if _lacks_thinking(request):
        return Thought(losses=(hint(_PATH, {}, "the model whose tools are being called did not think"),))
    return _enabled(asked, request, model)


def _is_forced(request: Request) -> bool:
    choice = request.tool_choice
    return choice is not None and choice.mode in ("any", "tool") and bool(request.tools)


def _lacks_thinking(request: Request) -> bool:
    """Whether results of calls come last whose turn does not begin with Claude's own reasoning, as it must have."""
    turns = [turn for turn in request.turns if turn.role in ("user", "assistant")]
    if not turns or not any(isinstance(block, ToolResult) for block in turns[-1].blocks):
        return False
    calling = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    if calling is None or not any(isinstance(block, ToolCall) for block in calling.blocks):
        return False
    return not any(
        isinstance(block, Thinking) and block.maker == "claude" and block.signature for block in calling.blocks
    )


def _adaptive(asked: Reasoning, model: Model) -> Thought:
    if asked.effort:
        effort = {"minimal": "low"}.get(asked.effort, asked.effort)
    else:
        effort = "" if asked.budget is None or asked.budget <= 0 else words.effort_of(asked.budget)
    if effort == "xhigh" and model.version < _NO_BUDGET:
        effort = "high"
    takes_budget = model.version < _NO_BUDGET and model.version != (0, 0)
    if takes_budget and asked.budget is not None and asked.budget > 0 and not asked.effort and not asked.is_adaptive:
        budget = max(asked.budget, _LEAST_BUDGET)
        return Thought({"thinking": {"type": "enabled", "budget_tokens": budget}}, budget=budget, thinks=True)
    return Thought({"thinking": {"type": "adaptive"}}, effort, thinks=True)


def _enabled(asked: Reasoning, request: Request, model: Model) -> Thought:
    if asked.budget is not None and asked.budget > 0:
        budget = max(asked.budget, _LEAST_BUDGET)
    else:
        budget = words.budget_of(asked.effort or "high")
    if model.max_output is not None:
        # Something must be left for the answer itself.
        budget = max(_LEAST_BUDGET, min(budget, model.max_output - _LEAST_BUDGET))
    if request.max_tokens is not None and request.max_tokens <= budget and asked.budget is None:
        # The client set a limit and no budget: an effort should not make the answer longer than need be.
        budget = max(_LEAST_BUDGET, min(budget, request.max_tokens // 2))
    return Thought({"thinking": {"type": "enabled", "budget_tokens": budget}}, budget=budget, thinks=True)
