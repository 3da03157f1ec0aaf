"""What the answer to a request must be: its API, events or one piece, the number of texts.

The request decides this. The look of an answer and its Content-Type do not.
"""

import re
from typing import Final, Literal, NamedTuple

from switchover_dataplane.formats.api import Api

Shape = Literal["value", "events", "array"]

_STREAMS: Final = re.compile(r":streamGenerateContent(?:\Z|\?)")
_AS_EVENTS: Final = re.compile(r"[?&]alt=sse(?:&|\Z)")


class Expected(NamedTuple):
    """The answer that a request expects.

    `api` is None if the form of a good answer is not known. `shape`: an event stream, one JSON value, or Gemini's
    stream as a JSON array. `later`: a queued answer is good (OpenAI API reference, Responses, `background`). `inputs`:
    the number of texts to embed, 0 if it is not known.
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
