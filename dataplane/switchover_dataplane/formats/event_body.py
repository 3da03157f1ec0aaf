"""The data of an event of any API → the few fields that are read.

They accept any type, so that an unexpected type in one field does not affect the others. Sources: OpenAI API
reference (chat completion chunk object, completion object, Responses streaming events), Anthropic, Streaming Messages,
Gemini API reference, GenerateContentResponse.
"""

from typing import Any

import msgspec


class Choice(msgspec.Struct, gc=False):
    """A choice of a chat completion (`delta`) or of a completion (`text`)."""

    index: Any = 0
    delta: Any = None
    finish_reason: Any = None
    text: Any = None
    error: Any = None


class Body(msgspec.Struct, gc=False):
    """The top-level fields that decide the kind of an event."""

    choices: list[Choice] | None = None
    error: Any = None
    type: Any = None
    object: Any = None
    candidates: Any = None
    prompt_feedback: Any = msgspec.field(default=None, name="promptFeedback")
    usage_metadata: Any = msgspec.field(default=None, name="usageMetadata")
    delta: Any = None
    content_block: Any = None
    index: Any = None
    item: Any = None
    output_index: Any = None


def type_of(value: object) -> str:
    """Return the `type` of a JSON object, "" if it has none or the value is no object."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
