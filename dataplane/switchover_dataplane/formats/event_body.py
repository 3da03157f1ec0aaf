"""The data of an event, whichever API's it is → the few fields of it that are read.

They are of any type, so that one of a type that nobody expects takes nothing from the others. Sources: OpenAI API
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
    """The top-level fields that tell events apart and say what they hold."""

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
