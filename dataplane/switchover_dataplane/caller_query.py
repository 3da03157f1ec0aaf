"""A caller's query → what of it goes to a target that gets a credential of its own.

Providers and proxies take keys in the query, too: `key` (Google), `api-key` and `subscription-key` (Azure),
`access_token` (RFC 6750, section 2.3), signatures of links. A caller's key is for nobody else than it was sent to.
"""

import re
from typing import Final
from urllib.parse import unquote_plus

_CREDENTIAL: Final = re.compile(
    r"key|token|secret|passw|pwd|credential|auth|signature|jwt|session|\b(?:sig|code|pass|sid)\b", re.IGNORECASE
)
_NO_CREDENTIAL: Final = frozenset(("pagetoken", "page_token", "nextpagetoken"))
"""Where a list goes on (Google, List pagination): a place and no key."""


def without_credentials(query: str) -> str:
    """Leave out the parameters whose names say that they are credentials; the others stay as they were written."""
    return "&".join([part for part in query.split("&") if not _is_credential(part)])


def _is_credential(part: str) -> bool:
    """Tell whether a parameter is one; some servers take ";" for "&"."""
    names = (each.partition("=")[0] for each in part.split(";"))
    return any(
        _CREDENTIAL.search(name) is not None and name.lower() not in _NO_CREDENTIAL for name in map(unquote_plus, names)
    )
