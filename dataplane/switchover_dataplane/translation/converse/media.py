"""Images, documents, audio and video → blocks of Converse, which take bytes alone."""

import base64
import binascii
import re
from typing import Final

from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Media

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
"""botocore's model of bedrock-runtime, DocumentBlock: what a document's name may hold."""

_SPACES: Final = re.compile(r" {2,}")
_LONGEST_NAME: Final = 200
_NO_NAME: Final = "Document"
_EXTENSIONS: Final = {"htm": "html", "markdown": "md", "text": "txt", "log": "txt", "json": "txt", "xml": "txt"}
_SEEN_OR_HEARD: Final = frozenset(("audio", "video"))


class MediaWriter:
    """Writes the media of one request: names of documents must differ within it."""

    def __init__(self, model: Model, losses: list[Loss]) -> None:
        self._model = model
        self._losses = losses
        self._names: set[str] = set()

    def block(self, media: Media, path: str) -> dict[str, Json] | None:
        """Write a block; None if it cannot be carried, which is a loss."""
        why = self._refusal(media)
        form = "" if why else _format(media)
        if not why and not form:
            why = f"Bedrock takes no {media.kind} of this type"
        data = media.data or base64.b64encode(media.text.encode("utf-8", "replace")).decode()
        if not why and not _is_base64(data):
            why = "its data is no base64"
        if why:
            self._losses.append(grave(path, media.url or media.file_id or media.data, why))
            return None
        if media.detail not in ("", "auto"):
            self._losses.append(hint(path, media.detail, "Bedrock has no levels of detail"))
        content: dict[str, Json] = {"format": form, "source": {"bytes": data}}
        if media.kind == "document":
            content["name"] = self._name(media.name, path)
        return {media.kind: content}

    def _refusal(self, media: Media) -> str:
        if media.url:
            return "Bedrock takes no URLs"
        if media.file_id:
            return "the file is at another provider"
        if not media.data and not media.text:
            return "it is empty"
        if media.kind in _SEEN_OR_HEARD and self._model.family in ("claude", "openai"):
            return f"this model takes no {media.kind}"
        return ""

    def _name(self, given: str, path: str) -> str:
        """Make a name of a file's name: without its ending, within the rules, and not there yet."""
        stem, dot, ending = given.rpartition(".")
        bare = stem if dot and ending.lower() in {*words.DOCUMENTS.values(), *_EXTENSIONS} else given
        base = _SPACES.sub(" ", _NOT_IN_NAMES.sub("-", bare)).strip(" -")[: _LONGEST_NAME - 8] or _NO_NAME
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base} {number}"
        self._names.add(name)
        if given and name != bare:
            self._losses.append(hint(path, given, "its name has signs that Bedrock refuses, or is there twice"))
        return name


def _format(media: Media) -> str:
    """Return the format of a media type, or of a document's file name where the type says nothing."""
    asked = media.media_type.partition(";")[0].strip().lower()
    asked = words.OTHER_NAMES.get(asked, asked)
    known = words.FORMATS[media.kind].get(asked, "")
    if known or media.kind != "document":
        return known
    ending = media.name.rpartition(".")[2].lower()
    ending = _EXTENSIONS.get(ending, ending)
    if asked in ("", "application/octet-stream") and "." in media.name and ending in words.DOCUMENTS.values():
        return ending
    # A text of any other type is a plain text to a model.
    return "txt" if asked.startswith("text/") or (media.text and not asked) else ""


def _is_base64(data: str) -> bool:
    try:
        return bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return False
