"""What Claude takes, whether it is asked in Messages or in Converse: schemas that bind it, and when it can think.

Sources: Claude docs, "Structured outputs" (JSON schema limitations) and "Extended thinking" (tool use).
"""

from collections.abc import Sequence
from typing import Final

from switchover_dataplane.translation.conversation import Message
from switchover_dataplane.translation.json_schemas import Limited
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request, Thinking, ToolCall

_KNOWN: Final = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "minItems", "enum", "const", "default"),
        *("anyOf", "allOf", "$ref", "$defs", "description", "title", "format"),
    )
)
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_MOST_OF_A_LIST: Final = 8
_LONGEST_NAME: Final = 64


def bound(schema: Json, path: str, losses: list[Loss]) -> Json:
    """Return a schema that Claude can be held to; the parts that it does not know are left out and named."""
    limited = Limited(_KNOWN, closes_objects=True, formats=_FORMATS)
    taken = limited.schema(schema)
    if limited.removed:
        names = ", ".join(name[:_LONGEST_NAME] for name in list(limited.removed)[:_MOST_OF_A_LIST])
        losses.append(hint(path, schema, f"Claude does not hold to parts of the schema: {names}"))
    return taken


def is_forced(request: Request) -> bool:
    """Whether the model must call a tool."""
    choice = request.tool_choice
    return choice is not None and choice.mode in ("any", "tool") and not choice.is_hosted


def why_not_thinking(request: Request, messages: Sequence[Message], model: Model) -> str:
    """Return why the model cannot think this time, "" if it can."""
    if is_forced(request):
        return "Claude does not think where it must call a tool"
    if model.thinking == "effort" or not messages:
        return ""
    if messages[-1].speaker == "assistant":
        return "Claude does not think where it continues an answer"
    # A model with a budget wants its own reasoning before the calls whose results it gets, and that of another maker
    # is not sent.
    answers = [message for message in messages if message.speaker == "assistant"]
    if not answers or not any(isinstance(placed.block, ToolCall) for placed in answers[-1].blocks):
        return ""
    first = answers[-1].blocks[0].block
    is_own = isinstance(first, Thinking) and first.maker == "claude" and bool(first.signature)
    return "" if is_own else "the calls so far were made without Claude's reasoning"
