"""What was sent of an answer that broke off → what reads the answer of another model that goes on with it."""

from typing import NamedTuple

from switchover_dataplane.formats.chunk_kind import StreamFormat
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.other_response import ResponsesText
from switchover_dataplane.streams.other_text import Body, GenerateText, MessagesText, OtherText, decoded, number


class Sent(NamedTuple):
    """What the client has of an answer: its first event, the last one with text, and the last one of all."""

    first: Event | None
    last_text: Event | None
    last: Event | None
    text_is_open: bool


def other_text(stream_format: StreamFormat | None, text: str, seam: bytes, sent: Sent) -> OtherText | None:
    """Return what reads the answer that goes on; None where the format has no way of its own."""
    last_text = _body_of(sent.last_text)
    match stream_format:
        case StreamFormat.MESSAGES if last_text is not None:
            return MessagesText(text, seam, number(last_text.get("index")), is_open=sent.text_is_open)
        case StreamFormat.RESPONSES if last_text is not None:
            response = (_body_of(sent.first) or {}).get("response")
            response_id = response.get("id") if isinstance(response, dict) else None
            known = response_id if isinstance(response_id, str) else ""
            last = _body_of(sent.last) or last_text
            return ResponsesText(text, seam, last_text, last, known, is_open=sent.text_is_open)
        case StreamFormat.GENERATE:
            return GenerateText(text, seam)
        case _:
            return None


def _body_of(event: Event | None) -> Body | None:
    return decoded(event.data) if event is not None and event.data is not None else None
