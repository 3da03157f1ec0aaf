"""What an event of a stream can say about the answer that it is part of, whichever provider's it is."""

from enum import Enum, auto
from typing import Final

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish


class ChunkKind(Enum):
    """What an event says about the answer that it is part of: content, life, an end or an error.

    CONTENT may be shown. Three are life, which neither begins nor ends an answer: THINKING shows that the model works
    (reasoning in any form, tools that the provider runs itself), LIFE that the connection does, and UNKNOWN is of no
    form that the API has. FINISH and DONE are ends. MALFORMED is no JSON and never was any; GARBLED is a piece of JSON,
    in which some of the answer may be lost.
    """

    CONTENT = auto()
    THINKING = auto()
    NO_CONTENT = auto()
    UNKNOWN = auto()
    ERROR = auto()
    FINISH = auto()
    DONE = auto()
    NOT_JSON = auto()
    BROKEN_JSON = auto()


class StreamFormat(Enum):
    """Whose events a stream is made of, which decides how it says that it is whole.

    CHAT by `finish_reason`, RESPONSES (OpenAI's other API) by its last event, MESSAGES (Anthropic) by `stop_reason` and
    `message_stop`, GENERATE (Gemini, Vertex AI) by `finishReason`, OTHER merely by its end.
    """

    CHAT = auto()
    RESPONSES = auto()
    MESSAGES = auto()
    GENERATE = auto()
    OTHER = auto()


_STREAM_FORMATS: Final = {
    Api.CHAT: StreamFormat.CHAT,
    Api.COMPLETIONS: StreamFormat.CHAT,
    Api.MESSAGES: StreamFormat.MESSAGES,
    Api.RESPONSES: StreamFormat.RESPONSES,
    Api.GENERATE: StreamFormat.GENERATE,
}


def stream_format_of(api: Api | None) -> StreamFormat | None:
    """Return whose events a stream of an API is made of; None where that is not known."""
    return _STREAM_FORMATS.get(api) if api is not None else None


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """What one event says.

    `text` is what it adds to the text of the only choice; `bound` names what it holds that another model cannot be
    asked to continue, "" if nothing. `choices` are the indexes that it speaks of, `said` those that it has content of,
    `finished` those that it ends, for the reason `finish` (None: the path is of no known API).
    `calls` are the tool calls that it is a part of and `closed` those that it ends, told apart by the index of their
    choice (CHAT), block (MESSAGES) or item (RESPONSES). `counted` tells that tokens of an answer were counted.
    """

    kind: ChunkKind
    stream_format: StreamFormat | None = None
    text: str = ""
    not_resumable: str = ""
    choices: tuple[int, ...] = ()
    with_content: tuple[int, ...] = ()
    finished: tuple[int, ...] = ()
    calls: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    finish: Finish | None = None
    counted: bool = False


_RANKS: Final = (
    *(ChunkKind.ERROR, ChunkKind.BROKEN_JSON, ChunkKind.UNKNOWN),
    *(ChunkKind.CONTENT, ChunkKind.FINISH, ChunkKind.THINKING, ChunkKind.NO_CONTENT),
)


def joined(chunks: list[Chunk]) -> Chunk:
    """Say of the choices of one event, at least one, what is said of each; an error of one is an error of all."""
    most = min(chunks, key=lambda chunk: _RANKS.index(chunk.kind))
    if most.stream_format is None:
        return most
    ended = [chunk.finish for chunk in chunks if chunk.finished]
    return Chunk(
        most.kind,
        most.stream_format,
        "".join(chunk.text for chunk in chunks),
        next((chunk.not_resumable for chunk in chunks if chunk.not_resumable), ""),
        tuple(index for chunk in chunks for index in chunk.choices),
        tuple(index for chunk in chunks for index in chunk.with_content),
        tuple(index for chunk in chunks for index in chunk.finished),
        tuple(index for chunk in chunks for index in chunk.calls),
        finish=next((finish for finish in ended if finish is not Finish.ENDED), Finish.ENDED) if ended else None,
        counted=any(chunk.counted for chunk in chunks),
    )
