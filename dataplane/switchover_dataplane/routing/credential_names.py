"""The name of a header field or of a query's parameter → whether it is a slot for a credential.

Providers, clouds and proxies take keys under ever new names (`x-api-key`, `xi-api-key`, `ocp-apim-subscription-key`,
`access_token` of RFC 6750, section 2.3, signatures of links), but the words in them are few. An organisation or a
project is one as well in a header field: it says who pays, and beside another's key it is wrong or somebody else's.
"""

import re
from functools import lru_cache
from typing import Final

_CREDENTIAL: Final = re.compile(
    r"key|token(?!s)|secret|passw|pwd|credential|auth|signature|jwt|session|cookie|bearer"
    r"|(?<![a-z0-9])(?:sig|pass|sid)(?![a-z0-9])"
)
_CODE: Final = re.compile(r"(?<![a-z0-9])code(?![a-z0-9])")
"""What OAuth exchanges for a token (RFC 6749, section 4.1.2). In a header field it is the code of an error."""

_ACCOUNT: Final = re.compile(r"organi[sz]ation|project|account")

_NO_PARAMETERS: Final = frozenset(("pagetoken", "page_token", "nextpagetoken"))
"""Where a list goes on (Google, List pagination): a place and no key."""

_NO_FIELDS: Final = re.compile(
    # Limits and figures count tokens, keys and projects (`x-ratelimit-limit-project-tokens`); CORS and a 401 speak of
    # credentials and hold none (Fetch, section 3.3; RFC 9110, section 11.6.1); a repeat is marked by its caller.
    r"access-control-.*|www-authenticate|(?:x-)?idempotency-key"
    r"|(?:.*[-_])?(?:ratelimit|limit|remaining|count|total|usage|used)(?:[-_].*)?"
)


def is_parameter(name: str) -> bool:
    """Tell whether a parameter of a query is a slot for a credential; its name is decoded."""
    lower = name.lower()
    return bool(_CREDENTIAL.search(lower) or _CODE.search(lower)) and lower not in _NO_PARAMETERS


@lru_cache(maxsize=1024)
def is_field(name: str) -> bool:
    """Tell whether a header field is a slot for a credential, or names an account."""
    lower = name.lower()
    return bool(_CREDENTIAL.search(lower) or _ACCOUNT.search(lower)) and _NO_FIELDS.fullmatch(lower) is None
