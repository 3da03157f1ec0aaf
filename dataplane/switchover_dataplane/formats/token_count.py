"""The text of an event → whether it counts tokens of an answer, in any field.

The text is searched without decoding it: most events have no counts, and decoding costs more.
Sources: OpenAI API reference (usage), Anthropic API reference (usage), Gemini API reference (UsageMetadata).
"""

import re
from typing import Final

_NAMES: Final = (b'"completion_tokens"', b'"output_tokens"', b'"candidatesTokenCount"', b'"thoughtsTokenCount"')
_IN_ALL: Final = b"oken"
"""A part of each name, which nearly no event has."""

_SOME: Final = re.compile(rb"\s*:\s*[1-9]")


def counts_tokens(data: bytes) -> bool:
    """Whether the data of an event counts at least one token of an answer or of its reasoning."""
    if data.find(_IN_ALL) < 0:
        return False
    for name in _NAMES:
        at = data.rfind(name)
        if at >= 0 and _SOME.match(data, at + len(name)):
            return True
    return False
