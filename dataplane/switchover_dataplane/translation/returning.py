"""A conversation that comes back from other providers → what its own API takes, though the request is not translated.

A client keeps what each answer said and sends it with the next request. What another provider's model said may have no
place in the API that the client itself speaks: ids of another form, reasoning that nobody signed. Such parts are made
to fit, or left out. A request without them keeps its bytes. Sources: Mistral API (tool call ids); OpenAI API reference
(messages); Claude docs, "Extended thinking" (signatures); OpenAI docs, "Reasoning models" (encrypted reasoning);
Gemini API docs, "Thought signatures".
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.call_ids import MISTRAL, fitting
from switchover_dataplane.translation.for_mistral import written_for_mistral
from switchover_dataplane.translation.models import model_of

NO_SIGNATURE: Final = "skip_thought_signature_validator"
"""What stands in the place of a signature that no Gemini model made (Gemini API docs, "Thought signatures")."""

Returning = Callable[[bytes], bytes]
"""The bytes of a body → the same bytes, or those of a body that fits."""

_NOTHING: Final = object()
_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()

_NOT_OPENAIS: Final = re.compile(rb'"(?:reasoning_content|extra_content|prefix)"\s*:')
_OF_OTHERS: Final = ("reasoning_content", "extra_content", "prefix", "index")
_UNSIGNED: Final = re.compile(rb'"signature"\s*:\s*""|"encrypted_index"\s*:\s*""')
_REASONING: Final = re.compile(rb'"type"\s*:\s*"reasoning"')
_CALLS: Final = re.compile(rb'"function_?[cC]all"')


def returning_to(provider: str, api: Api | None, model: str) -> Returning | None:
    """Return what a provider's own API needs; None where nothing has to be made fit.

    `provider` is the provider's name in traces, `model` the one that will answer, "" where the caller's is kept.
    """
    match provider, api:
        case "mistral", Api.CHAT:
            return _of_mistral(model)
        case (("openai" | "azure-openai"), Api.CHAT) if provider != "openai" or model_of(model).family == "openai":
            return _edited(_NOT_OPENAIS, _with_openais_alone)
        case (("anthropic" | "vertex"), Api.MESSAGES):
            return _edited(_UNSIGNED, _without_unsigned)
        case (("openai" | "azure-openai"), Api.RESPONSES):
            return _edited(_REASONING, _without_unproved)
        case (("gemini" | "vertex"), Api.GENERATE) if not model or _needs_signatures(model):
            return _edited(_CALLS, _with_signatures)
        case _:
            return None


def _needs_signatures(model: str) -> bool:
    known = model_of(model)
    return known.family == "gemini" and (known.version >= (3, 0) or known.version == (0, 0))


def _edited(mark: "re.Pattern[bytes]", edit: Callable[[dict[str, Any]], bool]) -> Returning:
    """Return a function that edits a body in which `mark` is found; `edit` tells whether it changed anything."""

    def returned(content: bytes) -> bytes:
        if not mark.search(content):
            return content
        try:
            body = _decoder.decode(content)
        except (ValueError, RecursionError):
            return content
        return _encoder.encode(body) if isinstance(body, dict) and edit(body) else content

    return returned


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


# ── Mistral ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_mistral(model: str) -> Returning:
    """Return a function that makes ids fit, and writes a body anew that has what only OpenAI knows."""

    def returned(content: bytes) -> bytes:
        try:
            body = _decoder.decode(content)
        except (ValueError, RecursionError):
            return content
        if not isinstance(body, dict):
            return content
        anew = written_for_mistral(body, model)
        if anew is not None:
            return _encoder.encode(anew)
        return _encoder.encode(body) if _with_fitting_ids(body) else content

    return returned


def _with_fitting_ids(body: dict[str, Any]) -> bool:
    changed = False
    for message in _objects(body.get("messages")):
        holders = [(call, "id") for call in _objects(message.get("tool_calls"))]
        for holder, name in [*holders, (message, "tool_call_id")]:
            given = holder.get(name)
            if isinstance(given, str) and (fits := fitting(MISTRAL, given)) != given:
                holder[name] = fits
                changed = True
    return changed


# ── OpenAI ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_openais_alone(body: dict[str, Any]) -> bool:
    """Leave out what other servers of Chat Completions write into a message, and OpenAI refuses."""
    changed = False
    for message in _objects(body.get("messages")):
        if message.get("role") != "assistant":
            continue
        for holder in (message, *_objects(message.get("tool_calls"))):
            for name in _OF_OTHERS:
                changed = holder.pop(name, _NOTHING) is not _NOTHING or changed
    return changed


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_unsigned(body: dict[str, Any]) -> bool:
    """Leave out reasoning and citations that Claude did not make. A message of nothing else goes with them."""
    messages = _objects(body.get("messages"))
    changed = False
    kept: list[dict[str, Any]] = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            signed = [block for block in content if not _is_unsigned(block)]
            changed = changed or len(signed) < len(content)
            message["content"] = signed
            for block in _objects(signed):
                changed = _without_foreign_citations(block) or changed
            if content and not signed:
                continue
        kept.append(message)
    if changed:
        body["messages"] = kept
    return changed


def _is_unsigned(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and not block.get("signature")


def _without_foreign_citations(block: dict[str, Any]) -> bool:
    citations = block.get("citations")
    own = [each for each in _objects(citations) if each.get("encrypted_index") != ""]
    if not isinstance(citations, list) or len(own) == len(citations):
        return False
    block["citations"] = own
    return True


# ── Responses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_unproved(body: dict[str, Any]) -> bool:
    """Leave out reasoning that has no proof, as another model's has none: OpenAI looks for it by its id in vain.

    A caller whose answers are stored refers to them by id alone, and its reasoning stays.
    """
    items = body.get("input")
    if not isinstance(items, list) or body.get("store") is not False:
        return False
    proved = [item for item in items if not _is_unproved(item)]
    body["input"] = proved
    return len(proved) < len(items)


def _is_unproved(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning" and not item.get("encrypted_content")


# ── generateContent ─────────────────────────────────────────────────────────────────────────────────────────────────


def _with_signatures(body: dict[str, Any]) -> bool:
    """Mark the first call of each turn of the model that no Gemini model signed."""
    changed = False
    for content in _objects(body.get("contents")):
        calls = [part for part in _objects(content.get("parts")) if "functionCall" in part or "function_call" in part]
        if calls and not any(call.get("thoughtSignature") or call.get("thought_signature") for call in calls):
            calls[0]["thoughtSignature"] = NO_SIGNATURE
            changed = True
    return changed
