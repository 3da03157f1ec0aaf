"""A request and a model → how long it may be silent before another one starts beside it.

Where the request asks for reasoning, or the model is known to think unasked, a long time without a word is no silence.
Sources: OpenAI, Mistral and Anthropic API references, the fields by which reasoning is asked for.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from switchover_dataplane.formats.json_body import SMALL, is_literal
from switchover_dataplane.request.call import RequestBody
from switchover_dataplane.table.policies import Policy

_THINKS_FIRST: Final = re.compile(
    r"(?:o[1-9]|gpt-[5-9]|magistral|deepseek-(?:r|reasoner)|qwq|gemini-(?:2\.5|[3-9])|claude-(?:fable|mythos))(?:\b|[^a-z])"
)
_FIELDS: Final = ("reasoning", "reasoning_effort", "thinking", "thinking_config", "output_config", "enable_thinking")
_OFF: Final = (None, False, "", "none", "disabled", 0)

_decoder: Final = msgspec.json.Decoder()


class SoftTimeout:
    """A soft limit in seconds, 0 for none, and the field that says so."""

    __slots__ = ("limit", "seconds")

    def __init__(self, limit: Literal["firstTokenTimeout", "answerTimeout"], seconds: float) -> None:
        self.limit: Final = limit
        self.seconds: Final = seconds


WITHOUT_END: Final = SoftTimeout("answerTimeout", 0.0)


def soft_timeout(policy: Policy, body: RequestBody, model: str) -> SoftTimeout:
    """Return how long a target may be silent before another is started beside it: without end where none is."""
    if not policy.hedges:
        return WITHOUT_END
    if not body.stream:
        return SoftTimeout("answerTimeout", policy.answer_timeout)
    thinks = thinks_first(model) or is_asked_to_think(body.fields)
    seconds = policy.first_token_timeout_reasoning if thinks else policy.first_token_timeout
    return SoftTimeout("firstTokenTimeout", seconds)


def thinks_first(model: str) -> bool:
    """Tell whether a model of this name is known to think before it answers; a vendor's prefix is passed over."""
    return _THINKS_FIRST.match(model.rpartition("/")[2].lower()) is not None


def is_asked_to_think(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Tell whether the fields of a request's body ask for reasoning."""
    asked = any(_is_on(fields[name]) for name in _FIELDS if name in fields)
    return asked or is_literal(fields.get("prompt_mode"), b'"reasoning"')


def _is_on(field: msgspec.Raw) -> bool:
    if len(field) > SMALL:
        return True
    try:
        value: Any = _decoder.decode(field)
    except ValueError:  # not UTF-8, which is the model's to refuse
        return False
    if isinstance(value, dict):
        return not any(value.get(name, "on") in _OFF for name in ("type", "effort", "enabled"))
    return not isinstance(value, list) and value not in _OFF
