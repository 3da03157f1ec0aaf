"""The name of a header field or a query parameter → whether it holds a credential.

Providers, clouds and proxies have many names for keys (`x-api-key`, `xi-api-key`, `ocp-apim-subscription-key`,
`access_token` of RFC 6750, section 2.3, signatures of links), but these contain few words. A header field with an
organisation or a project counts as well: it decides who pays, and it does not belong to the gateway's key.
"""

import re
from functools import lru_cache
from typing import Final

_CREDENTIAL: Final = re.compile(
    r"key|token(?!s)|secret|passw|pwd|credential|auth|signature|jwt|session|cookie|bearer"
    r"|(?<![a-z0-9])(?:sig|pass|sid)(?![a-z0-9])"
)
_CODE: Final = re.compile(r"(?<![a-z0-9])code(?![a-z0-9])")
"""The code that OAuth exchanges for a token (RFC 6749, section 4.1.2). In a header field it is an error code."""

_ACCOUNT: Final = re.compile(r"organi[sz]ation|project|account")

_NO_PARAMETERS: Final = frozenset(("pagetoken", "page_token", "nextpagetoken"))
"""Tokens of pagination (Google, List pagination), which are no keys."""

_NO_FIELDS: Final = re.compile(
    # Limits count tokens, keys and projects (`x-ratelimit-limit-project-tokens`). CORS and a 401 mention credentials
    # and hold none (Fetch, section 3.3; RFC 9110, section 11.6.1). An idempotency key marks a repeated request.
    r"access-control-.*|www-authenticate|(?:x-)?idempotency-key"
    r"|(?:.*[-_])?(?:ratelimit|limit|remaining|count|total|usage|used)(?:[-_].*)?"
)


def is_parameter(name: str) -> bool:
    """Whether a query parameter holds a credential, by its decoded name."""
    lower = name.lower()
    return bool(_CREDENTIAL.search(lower) or _CODE.search(lower)) and lower not in _NO_PARAMETERS


@lru_cache(maxsize=1024)
def is_field(name: str) -> bool:
    """Whether a header field holds a credential or names an account, by its name."""
    lower = name.lower()
    return bool(_CREDENTIAL.search(lower) or _ACCOUNT.search(lower)) and _NO_FIELDS.fullmatch(lower) is None
