"""What Chat Completions and Responses name alike: how their common fields are read, and what of them is lost.

Source: OpenAI API reference, both "Create" pages.
"""

from collections.abc import Mapping
from typing import Final, get_args

from switchover_dataplane.translation import data_urls
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import BadRequest, CacheMark, Json, Media, Reasoning, Role

EFFORTS: Final = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))
ROLES: Final = frozenset(get_args(Role))


def user_of(fields: Fields) -> str:
    """Read the end user."""
    older = fields.text("user")
    return fields.text("safety_identifier") or older


def effort_of(fields: Fields, name: str, losses: list[Loss]) -> str:
    """Read an effort; a word that no other API knows is a hint."""
    word = fields.text(name)
    if not word or word in EFFORTS:
        return word
    losses.append(hint(fields.at(name), word, "another API does not know this word"))
    return ""


def reasoning_of(fields: Fields, losses: list[Loss]) -> Reasoning | None:
    """Read an object that says how much the model is to think (Responses, OpenRouter: reasoning)."""
    effort = effort_of(fields, "effort", losses)
    budget = fields.whole("max_tokens", 0)
    summary = fields.raw("summary") or fields.raw("generate_summary")
    shows = True if summary not in (None, "none") else None
    if fields.raw("exclude") is True:
        shows = False
    if fields.raw("enabled") is False:
        effort = effort or "none"
    if not effort and budget is None and shows is None:
        return None
    return Reasoning(effort, budget, shows=shows)


_CACHE_MARKS: Final = ("prompt_cache_breakpoint", "cache_control")


def cache_of(fields: Fields) -> CacheMark | None:
    """Read the mark of a part up to which the request is worth caching."""
    for name in fields.there(_CACHE_MARKS):
        mark = fields.raw(name)
        if isinstance(mark, dict):
            ttl = mark.get("ttl")
            return CacheMark(ttl if isinstance(ttl, str) else "")
    return None


def link(fields: Fields, name: str, media: Media, url: str) -> Media:
    """Complete a part with what its URL says: the content itself, or where it is.

    Raises:
        BadRequest: it is a data URL without base64, or empty.
    """
    if not url:
        raise fields.wrong(name, "a URL that is not empty")
    if not data_urls.is_data_url(url):
        return _replace(media, url=url)
    try:
        media_type, data = data_urls.read(url)
    except ValueError:
        raise BadRequest(fields.at(name), "must be a data URL with base64, and its content is none") from None
    return _replace(media, media_type=media_type or media.media_type, data=data)


def content(fields: Fields, name: str, media: Media, text: str) -> Media:
    """Complete a part with its content: base64, or a data URL.

    Raises:
        BadRequest: it is neither.
    """
    if data_urls.is_data_url(text):
        return link(fields, name, media, text)
    try:
        data = data_urls.plain_base64(text)
    except ValueError:
        raise BadRequest(fields.at(name), "must be base64, and is none") from None
    # The signature of a PDF file, "%PDF-", in base64: a file without a type is most often one.
    kind = media.media_type or ("application/pdf" if data.startswith("JVBERi") else "")
    return _replace(media, media_type=kind, data=data)


def _replace(media: Media, media_type: str = "", data: str = "", url: str = "") -> Media:
    return Media(
        media.kind,
        media_type or media.media_type,
        data,
        url,
        name=media.name,
        detail=media.detail,
        cache=media.cache,
    )


_AUDIO: Final[Mapping[str, str]] = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def audio_of(fields: Fields) -> Media:
    """Read an audio part of either API.

    Raises:
        BadRequest: it has no data.
    """
    if isinstance(fields.raw("input_audio"), str):  # Mistral API: a URL, or base64
        text = fields.needed_text("input_audio")
        if text.startswith(("http://", "https://")):
            return Media("audio", url=text)
        return content(fields, "input_audio", Media("audio"), text)
    audio = fields.needed_part("input_audio")
    form = audio.text("format").lower()
    media = Media("audio", _AUDIO.get(form, f"audio/{form}" if form else ""), cache=cache_of(fields))
    return content(audio, "data", media, audio.needed_text("data"))


def lost(fields: Fields, names: Mapping[str, str], losses: list[Loss], *, is_hint: bool) -> None:
    """Name the fields of these names that are set as losses, each for its reason."""
    for name in fields.there(names):
        value, why = fields.raw(name), names[name]
        if value is None or value is False or value in ([], {}):
            continue
        losses.append((hint if is_hint else grave)(fields.at(name), value, why))


def rest_lost(fields: Fields, losses: list[Loss]) -> None:
    """Name the fields that nobody knows as losses: they are hints, as no API gives them a meaning."""
    for name in fields.rest():
        losses.append(hint(fields.at(name), fields.raw(name), "no other API has this field"))


def number_in(fields: Fields, name: str, least: float, most: float) -> float | None:
    """Read a number of a range.

    Raises:
        BadRequest: it is none, or outside.
    """
    value = fields.number(name)
    if value is not None and not least <= value <= most:
        raise BadRequest(fields.at(name), f"must be from {least:g} to {most:g}")
    return value


def strings(fields: Fields, name: str) -> tuple[str, ...]:
    """Read a text, or a list of texts.

    Raises:
        BadRequest: it is neither.
    """
    value: Json = fields.raw(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise fields.wrong(name, "a text or a list of texts")
    return tuple(each for each in value if each)


__all__ = [
    "EFFORTS",
    "ROLES",
    "audio_of",
    "cache_of",
    "content",
    "effort_of",
    "link",
    "lost",
    "number_in",
    "reasoning_of",
    "rest_lost",
    "strings",
    "user_of",
]
