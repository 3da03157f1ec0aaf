"""A body of Chat Completions as OpenAI has it → one that Mistral takes: it refuses every field that it does not know.

Sources: Mistral API reference, "Chat completion"; the SDK of Mistral (ChatCompletionRequest and its messages).
"""

from collections.abc import Mapping
from typing import Any, Final

from switchover_dataplane.translation import chat
from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import BadRequest, Json

_FIELDS: Final = frozenset((
    *("model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata"),
    *("response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "min_tokens", "top_k"),
    *("repetition_penalty", "logprobs", "top_logprobs", "prompt_logprobs", "top_prompt_logprobs", "n", "prediction"),
    *("parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key", "service_tier"),
    "safe_prompt",
))  # fmt: skip
_OF_TURNS: Final[Mapping[object, frozenset[str]]] = {
    "system": frozenset(("role", "content")),
    "user": frozenset(("role", "content")),
    "assistant": frozenset(("role", "content", "tool_calls", "prefix")),
    "tool": frozenset(("role", "content", "tool_call_id", "name")),
}

_OF_CALLS: Final = frozenset(("id", "type", "function", "index"))


def written_for_mistral(body: dict[str, Any], model: str) -> Mapping[str, Json] | None:
    """Return a body anew that has what only OpenAI knows; None if it can stay as it is.

    It stays, too, where something of it that may change the answer would be lost: then Mistral says what it refuses.
    `model` is the one that will answer, "" for that of the body.
    """
    if _is_of_mistral(body):
        return None
    named = model or body.get("model")
    try:
        request = chat.FORMAT.read_request(body, "")
    except BadRequest:
        return None
    written = chat.FORMAT.write_request(request, Asker("mistral", model_of(named if isinstance(named, str) else "")))
    if any(not loss.is_hint for loss in (*request.losses, *written.losses)):
        return None
    return written.body


def _is_of_mistral(body: dict[str, Any]) -> bool:
    if not _FIELDS.issuperset(body):
        return False
    turns = body.get("messages")
    if not _ends_well(turns) or not _have_parameters(body.get("tools")):
        return False
    return all(
        _OF_TURNS.get(turn.get("role"), frozenset()).issuperset(turn) and _are_of_mistral(turn.get("tool_calls"))
        for turn in (turns if isinstance(turns, list) else [])
        if isinstance(turn, dict) and isinstance(turn.get("role"), str)
    )


def _ends_well(turns: Any) -> bool:
    """Tell whether a user or a tool speaks last, or the assistant whose answer is to be continued."""
    last = turns[-1] if isinstance(turns, list) and turns else None
    return not isinstance(last, dict) or last.get("role") not in ("system", "assistant") or last.get("prefix") is True


def _have_parameters(tools: Any) -> bool:
    functions = [tool.get("function") for tool in (tools if isinstance(tools, list) else []) if isinstance(tool, dict)]
    return all("parameters" in function for function in functions if isinstance(function, dict))


def _are_of_mistral(calls: Any) -> bool:
    return all(
        _OF_CALLS.issuperset(call) for call in (calls if isinstance(calls, list) else []) if isinstance(call, dict)
    )


__all__ = ["written_for_mistral"]
