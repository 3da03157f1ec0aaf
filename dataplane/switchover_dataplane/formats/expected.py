"""What the answer to a request must be: its API, events or one piece, the number of texts.

The request decides this. The look of an answer and its Content-Type do not.
"""

from typing import Literal, NamedTuple

from switchover_dataplane.formats.api import Api

Shape = Literal["value", "events", "array"]


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
