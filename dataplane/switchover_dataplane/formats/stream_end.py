"""The last event of a stream that the gateway must end, in the form that the API's SDK reads."""

from typing import Any, Final

import msgspec

from switchover_dataplane.formats import own_answers
from switchover_dataplane.formats.chunk_kind import StreamFormat
from switchover_dataplane.formats.own_errors import STREAM_INTERRUPTED

_DONE: Final = b"data: [DONE]\n\n"
_MESSAGE_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_ERROR: Final = STREAM_INTERRUPTED

_encoder: Final = msgspec.json.Encoder()


def closing(stream_format: StreamFormat | None) -> bytes:
    """Return the last event of a whole answer, b"" if the format has none."""
    match stream_format:
        case StreamFormat.CHAT:
            return _DONE
        case StreamFormat.MESSAGES:
            return _MESSAGE_STOP
        case _:
            return b""


def error(stream_format: StreamFormat | None, message: str) -> bytes:
    """Write the error event of an answer that broke off.

    Sources: OpenAI API reference, error object and error event of Responses (its SDK raises for the field `error`);
    Anthropic, Streaming Messages, error events; Google API design guide, errors.
    """
    match stream_format:
        case StreamFormat.RESPONSES:
            written = {"type": "error", "code": _ERROR.code, "message": message, "param": None}
            error_object = {"type": _ERROR.kind, "code": _ERROR.code, "message": message, "param": None}
            return _named({**written, "error": error_object})
        case StreamFormat.MESSAGES:
            return _named({"type": "error", "error": {"type": "api_error", "message": message}})
        case StreamFormat.GENERATE:
            return _data(
                _encoder.encode({"error": {"code": _ERROR.status, "message": message, "status": "UNAVAILABLE"}})
            )
        case _:
            return _data(own_answers.body(_ERROR, message))


def _named(body: dict[str, Any]) -> bytes:
    return b"event: error\n" + _data(_encoder.encode(body))


def _data(text: bytes) -> bytes:
    return b"data: " + text + b"\n\n"
