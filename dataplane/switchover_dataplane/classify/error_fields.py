"""The name of a field of an error → what the field may hold: a code, a message, a wait, another field's name.

Providers call the same thing by many names, and each has a few of its own.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from switchover_dataplane.formats.error_shape import plain_name

MORE_THAN_A_NAME: Final = 65
"""Characters from which on a field's name says nothing (`plain_name`), so that no more of it is kept."""

_CODE: Final = re.compile(r"(?:err|error|exception|status|biz|ret|sub|result)?(?:code|type|no)|status|reason|@type")
_MESSAGE: Final = re.compile(
    r"(?:err|error|status|ret|fault|exception)?(?:messages?|msg|details?|string|description)|err|errors?|fault|raw|title"
    r"|quotaid|reason"
)
_WAIT: Final = re.compile(
    r"[a-z]{0,32}?(?:(?:retry|available|unblock|unlock|flush|renews?)(?:after|in|at|delay|time|timestamp|date|until|on)+"
    r"|(?:resets?|waits?|cooldown|backoff)(?:after|in|at|delay|time|timestamp|date|until|for|on)*)"
    r"(?:ms|millis|milliseconds|s|secs?|seconds|mins?|minutes?|hours?)?"
)
_NAMES_A_FIELD: Final = frozenset({"param", "parameter", "loc"})
_CONTAINERS: Final = frozenset(
    (
        *("error", "errors", "err", "innererror", "details", "detail", "message", "metadata", "response", "violations"),
        *("raw", "fault", "baseresp", "header", "headers", "responsemetadata", "status", "exception"),
        *("ratelimit", "ratelimits", "limit", "limits", "quota"),
    )
)


class Role(NamedTuple):
    """What a field of an error may hold, by its name, which is `plain`."""

    plain: str
    is_code: bool
    is_wait: bool
    is_message: bool
    names_a_field: bool
    is_container: bool


@lru_cache(maxsize=1024)
def role_of(name: str) -> Role:
    """Tell what a field of this name may hold; callers keep at most `MORE_THAN_A_NAME` characters of a name."""
    plain = plain_name(name)
    return Role(
        plain,
        _CODE.fullmatch(plain) is not None,
        _WAIT.fullmatch(plain) is not None,
        _MESSAGE.fullmatch(plain) is not None,
        plain in _NAMES_A_FIELD,
        plain in _CONTAINERS,
    )
