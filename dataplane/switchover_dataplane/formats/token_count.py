"""The text of an event → whether it counts tokens of an answer, wherever they stand in it.

They are looked for in the text, as most events hold none, and making the values of those that do would cost more.
Sources: OpenAI API reference (usage), Anthropic API reference (usage), Gemini API reference (UsageMetadata).
"""

import re
from typing import Final

_NAMES: Final = (b'"completion_tokens"', b'"output_tokens"', b'"candidatesTokenCount"', b'"thoughtsTokenCount"')
_SOME: Final = re.compile(rb"\s*:\s*[1-9]")


def counts_tokens(data: bytes) -> bool:
    """Tell whether an event's data counts any token of an answer or of the thoughts before it."""
    for name in _NAMES:
        at = data.rfind(name)
        if at >= 0 and _SOME.match(data, at + len(name)):
            return True
    return False
