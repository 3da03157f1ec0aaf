"""What the answer to a request has to be: of which API, as events or in one piece, for how many texts.

What an answer looks like, and how its server labels it, never decides what it was meant to be.
"""

from typing import Literal, NamedTuple

from switchover_dataplane.formats.api import Api

Shape = Literal["value", "events", "array"]


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
