"""Words of Converse and what they mean: formats of media, reasons to stop, levels of effort."""

import base64
import binascii
from typing import Final

from switchover_dataplane.translation.answers import Stop

IMAGES: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
VIDEOS: Final = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
AUDIO: Final = {
    "audio/mpeg": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "audio/x-matroska": "mka",
    "audio/pcm": "pcm",
    "audio/webm": "webm",
}
FORMATS: Final = {"image": IMAGES, "document": DOCUMENTS, "video": VIDEOS, "audio": AUDIO}
"""Media types → formats (botocore's model of bedrock-runtime: ImageFormat, DocumentFormat and so on)."""

OTHER_NAMES: Final = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "video/mpg": "video/mpeg",
    "text/x-markdown": "text/markdown",
    "application/csv": "text/csv",
}
"""Media types that clients write for others."""

_OTHER_FORMATS: Final = {
    "mpg": "video/mpeg",
    "x-aac": "audio/aac",
    "mpga": "audio/mpeg",
    ("audio", "mp4"): "audio/mp4",
    ("audio", "mpeg"): "audio/mpeg",
    ("audio", "mkv"): "audio/x-matroska",
}


def media_type_of(kind: str, form: str) -> str:
    """Return the media type of a format, "" if Converse has no such format."""
    known = next((media for media, each in FORMATS[kind].items() if each == form), "")
    return known or _OTHER_FORMATS.get((kind, form), "") or _OTHER_FORMATS.get(form, "")


STOPS: Final = {
    "end_turn": Stop.END,
    "tool_use": Stop.TOOLS,
    "max_tokens": Stop.LIMIT,
    "stop_sequence": Stop.STOP_TEXT,
    "guardrail_intervened": Stop.REFUSAL,
    "content_filtered": Stop.REFUSAL,
    "model_context_window_exceeded": Stop.CONTEXT,
}
"""Every other word is a failure: malformed_model_output, malformed_tool_use, and what is not known."""

STOP_WORDS: Final = {
    Stop.END: "end_turn",
    Stop.TOOLS: "tool_use",
    Stop.LIMIT: "max_tokens",
    Stop.STOP_TEXT: "stop_sequence",
    Stop.REFUSAL: "content_filtered",
    Stop.CONTEXT: "model_context_window_exceeded",
    Stop.PAUSE: "end_turn",
    Stop.FAILED: "malformed_model_output",
}

BUDGETS: Final = (("max", 16_384), ("xhigh", 8_192), ("high", 4_096), ("medium", 2_048), ("low", 1_024))
"""Efforts and the tokens that an older Claude may think for them, the largest first."""


def effort_of(budget: int) -> str:
    """Return the effort whose budget is the nearest below."""
    return next((effort for effort, tokens in BUDGETS if tokens <= budget), "low")


def budget_of(effort: str) -> int:
    """Return the tokens that an effort stands for, at least the least that Claude takes (1024)."""
    return dict(BUDGETS).get(effort, 1_024)


def signature_of(redacted: str) -> str:
    """Return the text that Claude's `redacted_thinking.data` has for a blob as it stands in Converse's JSON.

    The blob is that text once more in base64, as recordings show. A blob that is no text stays as it is.

    Raises:
        ValueError: it is no base64.
    """
    blob = base64.b64decode(redacted, validate=True)
    return joined_blob((blob,))


def joined_blob(pieces: tuple[bytes, ...]) -> str:
    """Return the text of a blob that came in pieces, or its base64 if it is no text."""
    blob = b"".join(pieces)
    try:
        text = blob.decode("ascii")
        base64.b64decode(text, validate=True)
    except (UnicodeDecodeError, binascii.Error):
        return base64.b64encode(blob).decode()
    return text


def redacted_of(signature: str) -> str:
    """Return the blob, as it stands in Converse's JSON, of a text that `signature_of` returned."""
    return base64.b64encode(signature.encode("utf-8", "surrogatepass")).decode()
