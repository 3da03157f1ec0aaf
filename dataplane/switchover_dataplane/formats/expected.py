"""What the answer to a request has to be: of which API, as events or in one piece, for how many texts.

What an answer looks like, and how its server labels it, never decides what it was meant to be.
"""

import re
from typing import Final, Literal, NamedTuple

from switchover_dataplane.formats.api import Api

Shape = Literal["value", "events", "array"]

_STREAMS: Final = re.compile(r":streamGenerateContent(?:\Z|\?)")
_AS_EVENTS: Final = re.compile(r"[?&]alt=sse(?:&|\Z)")


class Expected(NamedTuple):
    """What a request expects.

    `api` is None where the form of a good answer is not known. `shape`: an event stream was asked for, one JSON value,
    or Gemini's stream that is a JSON array. `later`: a promise of an answer is one (OpenAI API reference, Responses,
    `background`). `inputs`: how many texts are to be embedded, 0 where that is not known.
    """

    api: Api | None = None
    shape: Shape = "value"
    later: bool = False
    inputs: int = 0


def shape_of_generated(path: str) -> Shape:
    """Gemini API reference, streamGenerateContent: without `alt=sse` it is one JSON array."""
    if not _STREAMS.search(path):
        return "value"
    return "events" if _AS_EVENTS.search(path) else "array"
