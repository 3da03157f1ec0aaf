"""The sentences of an error → the part of the request that the error names.

A key or a model must not go out of service because of one caller's request: an id, a path, an item, a schema, a header.
This module finds the part; `refusal.py` decides the scope of the refusal.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

Part = Literal["path", "item", "field"]
"""The request's path, an object that it refers to, or a field of its body."""

_MOST_OF_A_MESSAGE: Final = 512

_HEADER: Final = re.compile(
    r"(?:organi[sz]ation|project|workspace|account|tenant|beta|version)[ -](?:id[ -])?headers?\b"
    r"|openai-(?:organi[sz]ation|project)|mismatched[ _](?:organi[sz]ation|project)|no such (?:organi[sz]ation|project)"
    r"|invalid (?:organi[sz]ation|project)\b|missing (?:required )?scopes?|(?:required|insufficient) scopes?\b"
    r"|headers? (?:should|must|fields?)|x-goog-user-project|anthropic-(?:beta|version)"
)
_PATH: Final = re.compile(
    r"(?:invalid|unknown|unrecognized|unsupported|no such) (?:request )?(?:url|uri|path|endpoint|route|method"
    r"|api version)"
    r"|(?:url|uri|path|route|page|handler|operation|method|endpoint)\b.{0,100}(?:not (?:be )?(?:found|exist|allowed)"
    r"|not supported|n't exist)|^(?:cannot|can't) (?:post|get|put|patch|delete)\b"
    r"|no (?:\w+ )?(?:route|handler|endpoint) (?:matched|found|for|with)"
)
_MISSING: Final = (
    r"(?:not (?:be )?found|no longer|not exist|n't exist|(?:has|is) expired|been deleted|not available|not persisted)"
)
_THING: Final = (
    r"(?:items?|responses?|conversations?|threads?|files?|containers?|messages?|assistants?|runs?|vector stores?"
    r"|uploads?"
    r"|batch(?:es)?|jobs?|tool calls?|function calls?|tool (?:outputs?|results?)|prompts?|sessions?|images?|documents?"
    r"|caches?|cached ?contents?|objects?|skills?|voices?|adapters?|datasets?)"
)
_ITEM: Final = re.compile(
    rf"^(?:\w+ ){{0,3}}?{_THING}\b.{{0,160}}{_MISSING}|no (?:such )?(?:\w+ )?{_THING}\b.{{0,60}}(?:found|with|exist)"
    r"|(?:could not|couldn't|cannot|can't|failed to|unable to) (?:find|locate|retrieve|download|fetch) .{0,40}"
    rf"{_THING}"
)
_PART: Final = (
    r"(?:grammar|schema|tools?|functions?|template|images?|audio|video|media|attachments?|arguments?|regex|pattern|url"
    r"|base[0-9]+|encoding|utf-?[0-9]+|response_format"
)
"""Parts that only a request has. "body", "message" and "JSON" are left out: a server behind may have sent them."""

_FIELD: Final = re.compile(
    r"^(?:[\w:]+ ){0,2}?(?:invalid|unsupported|unknown|unexpected|unrecognized|missing|malformed|expected|duplicate)\b"
    rf".{{0,100}}{_PART}|roles?|content|prompts?|param(?:eter)?s?|fields?|inputs?|format|values?)\b"
    r"|^(?:[\w:]+ ){0,2}?(?:failed to|could(?: not|n't)|can(?:not|'t| not)|unable to|validation"
    r"|error (?:parsing|rendering"
    rf"|in|while|processing))\b.{{0,100}}{_PART})\b|{_PART}) .{{0,60}}(?:fail|invalid|error|too complex)"
    r"|^(?:messages?|inputs?|tools?|contents?|system|functions?)[.\[:]|(?:is|are) not (?:one of|permitted|of type)"
    r"|no (?:endpoints?|providers?|models?) .{0,40}that (?:support|match|can)|(?:does not|doesn't) support\b"
    r"|could not parse|extra inputs"
)
_TOO_LARGE: Final = re.compile(r"^(?:the |this |your )?(?:single )?request (?:is |was )?(?:too large|larger than)")
_LIMIT_AND_REQUESTED: Final = re.compile(r"limit:? ([0-9,]{1,15})\b.{0,40}requested:? ~?([0-9,]{1,15})\b")
_REQUESTED_AND_LIMIT: Final = re.compile(
    r"request(?:ed|s)? (?:of |has |with |needs |requires )?~?([0-9,]{1,15}) (?:\w+ )?tokens\b.{0,60}?"
    r"(?:exceed|larger|greater|more than|over|above).{0,60}?\b([0-9,]{1,15})\b"
)


def names_a_header(names: Sequence[str], sentences: Sequence[str]) -> bool:
    """Whether an error names a header of the caller; the arguments are those of `named_part`."""
    return any(_HEADER.search(text[:_MOST_OF_A_MESSAGE]) for text in (*names, *sentences))


def named_part(names: Sequence[str], sentences: Sequence[str], param: str) -> Part | None:
    """Return the part of the request beside its headers that an error names, None if it names none.

    Args:
        names: its codes as words.
        sentences: in lower case, without quoted text.
        param: the request field in the error's `param`, "" for none (OpenAI: Error codes).
    """
    texts = [sentence[:_MOST_OF_A_MESSAGE] for sentence in sentences]
    if any(map(_PATH.search, (*names, *texts))):
        return "path"
    if any(map(_ITEM.search, texts)):
        return "item"
    if any(map(_FIELD.search, texts)) or (param and "model" not in param):
        return "field"
    return None


def is_larger_than_a_limit(messages: Sequence[str]) -> bool:
    """Whether one request alone exceeds a limit, so that a wait does not help (OpenAI: Error codes)."""
    for message in messages:
        text = message[:_MOST_OF_A_MESSAGE]
        if _TOO_LARGE.match(text):
            return True
        if (counted := _LIMIT_AND_REQUESTED.search(text)) and _count(counted[2]) > _count(counted[1]):
            return True
        if (counted := _REQUESTED_AND_LIMIT.search(text)) and _count(counted[1]) > _count(counted[2]):
            return True
    return False


def _count(digits: str) -> int:
    return int(digits.replace(",", "") or 0)
