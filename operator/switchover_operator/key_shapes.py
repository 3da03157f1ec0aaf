"""A text → whether it resembles an API key, and the text with a mask in place of what does.

People paste keys into the wrong field. Every value of a manifest that a message repeats is masked here first. Whether a
value is a key cannot be known, but the forms of keys are.
"""

import re
from functools import lru_cache
from typing import Final

_PREFIXED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?P<prefix>"
    r"(?:sk|pk|rk|gsk|csk|xai|hf|r8|fw|pplx|nvapi|tgp|lin_api|sess|glpat|gh[opsur]|github_pat|xox[abeoprs]|ya29|eyJ|AIza)"
    r"(?:(?<=eyJ)|(?<=AIza)|[-_.])|(?:AKIA|ASIA)(?=[A-Z0-9]{12}))[A-Za-z0-9+/=_.~-]{8,}"
)
"""The prefixes of providers' keys, and what follows them (documentation of the providers; JWT: RFC 7519)."""

_SCHEME: Final = re.compile(
    r"(?P<prefix>\b(?i:Bearer|Basic)\s+)(?=[A-Za-z+/=_.~-]*(?:[0-9]|[a-z][A-Z]))[A-Za-z0-9+/=_.~-]{6,}"
)
"""Credentials in a header (RFC 9110, section 11.4), but not an ordinary word after "Bearer"."""

_QUERY: Final = re.compile(
    r"(?P<prefix>[?&](?:[A-Za-z-]*key|[a-z_]*token|code|sig|signature|secret|password)=)[^&#\s'\"]+", re.IGNORECASE
)
_USER: Final = re.compile(r"(?P<prefix>://)[^/@\s'\"]+(?=@)")
_PEM: Final = re.compile(r"(?P<prefix>-----BEGIN )[A-Z ]*KEY-----.*", re.DOTALL)
_SHAPES: Final = (_PREFIXED, _SCHEME, _QUERY, _USER, _PEM)

_RUN: Final = re.compile(r"[A-Za-z0-9+/_=]{20,}")
_TURN: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])")
_LEAST_TURNS: Final = 5
_WORD: Final = re.compile(r"[A-Z]?[a-z]{4,}")
"""A part of a name such as `k8sSecretApikeyStorage`; random text hardly ever has two of these."""

MASK: Final = "***"


def begins_as_a_key(text: str) -> bool:
    """Tell whether a text has a prefix of keys that no name of a model or a host has: `sk-...`, `Bearer ...`."""
    return _PREFIXED.search(text) is not None or _SCHEME.search(text) is not None


def looks_like_a_key(text: str) -> bool:
    """Tell whether a text holds a credential, or a random run of letters and digits."""
    return any(shape.search(text) for shape in _SHAPES) or any(_is_random(run[0]) for run in _RUN.finditer(text))


@lru_cache(maxsize=16384)
def without_keys(text: str) -> str:
    """Mask everything that looks like a key; the prefix that shows its kind is kept."""
    text = _PREFIXED.sub(_masked, text)
    # What most of the other shapes need is looked for first, as every message and name comes through here.
    lower = text.lower()
    if "bearer" in lower or "basic" in lower:
        text = _SCHEME.sub(_masked, text)
    if "=" in text:
        text = _QUERY.sub(_masked, text)
    if "@" in text:
        text = _USER.sub(_masked, text)
    if "-----BEGIN " in text:
        text = _PEM.sub(_masked, text)
    return _RUN.sub(lambda run: MASK if _is_random(run[0]) else run[0], text)


def described(text: str) -> str:
    """Describe a text that is not shown: `a string of 20 to 63 characters`."""
    size = "fewer than 20" if len(text) < 20 else "20 to 63" if len(text) < 64 else "64 or more"
    return f"a string of {size} characters"


def _masked(found: re.Match[str]) -> str:
    return found["prefix"] + MASK


def _is_random(run: str) -> bool:
    if len(_TURN.findall(run)) < _LEAST_TURNS:
        return False
    return sum(map(len, _WORD.findall(run))) * 2 <= len(run)
