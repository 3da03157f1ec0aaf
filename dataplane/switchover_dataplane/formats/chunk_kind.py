"""The kinds of stream events, the formats of streams, and what one event holds, for every provider."""

from enum import Enum, auto
from typing import Final

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish


class ChunkKind(Enum):
    """The kind of a stream event.

    CONTENT: the client can show it. Three kinds neither begin nor end an answer: THINKING (reasoning in any form, tools
    that the provider runs), NO_CONTENT (keep-alives, empty chunks) and UNKNOWN (a form that the API does not have).
    FINISH and DONE are ends. NOT_JSON is no JSON at all; BROKEN_JSON is a part of JSON, so content may be lost.
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
    """The format of the events of a stream, which decides how a whole stream ends.

    CHAT ends with a `finish_reason`, RESPONSES (OpenAI) with its last event, MESSAGES (Anthropic) with `stop_reason`
    and `message_stop`, GENERATE (Gemini, Vertex AI) with `finishReason`, OTHER with the end of the body.
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
    """Return the format of the streams of an API; None if it is not known."""
    return _STREAM_FORMATS.get(api) if api is not None else None


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """The content of one event.

    `text` is added to the text of the only choice. `not_resumable` names the part that another model cannot continue,
    "" if none. `choices` are the indexes in the event, `with_content` those with content, `finished` those that end,
    for the reason `finish` (None: the API is not known). `calls` are the tool calls that the event belongs to and
    `closed` those that it ends, by the index of their choice (CHAT), block (MESSAGES) or item (RESPONSES). `counted`:
    the event counts tokens of an answer.
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
    """Join the chunks of the choices of one event, at least one; an error of one is an error of all."""
    first = min(chunks, key=lambda chunk: _RANKS.index(chunk.kind))
    if first.stream_format is None:
        return first
    ended = [chunk.finish for chunk in chunks if chunk.finished]
    return Chunk(
        first.kind,
        first.stream_format,
        "".join(chunk.text for chunk in chunks),
        next((chunk.not_resumable for chunk in chunks if chunk.not_resumable), ""),
        tuple(index for chunk in chunks for index in chunk.choices),
        tuple(index for chunk in chunks for index in chunk.with_content),
        tuple(index for chunk in chunks for index in chunk.finished),
        tuple(index for chunk in chunks for index in chunk.calls),
        finish=next((finish for finish in ended if finish is not Finish.ENDED), Finish.ENDED) if ended else None,
        counted=any(chunk.counted for chunk in chunks),
    )
