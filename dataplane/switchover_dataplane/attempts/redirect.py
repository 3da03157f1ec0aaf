"""A redirect of a target's → the path to ask the same target for instead, if nothing of the request is lost by that.

Only 307 and 308 keep the method and the body (RFC 9110, sections 15.4.8 and 15.4.9). The request goes nowhere but to
the scheme, host and port that the table names: whoever else a Location names must not get its key and its prompt.
"""

import re
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from switchover_dataplane.upstream.dial import Destination
from switchover_dataplane.upstream.transport import Response

MOST: Final = 3
"""Redirects that are followed for one attempt."""

KEEPING: Final = frozenset((307, 308))
_LONGEST: Final = 8 * 1024
_TARGET: Final = re.compile(r"/[!-~]*")
_PORTS: Final = {"http": 80, "https": 443}


def location(response: Response, destination: Destination, host: str, path: str) -> str | None:
    """Return the path and query that a target redirects to; None if it does not, or not so that it can be followed.

    `host` is the Host field that the request named the target with, `path` what it asked for.
    """
    if response.status not in KEEPING or len(response.headers.getall("location", ())) != 1:
        return None
    given = response.headers["location"]
    scheme = "https" if destination.tls is not None else "http"
    try:
        to = urlsplit(urljoin(f"{scheme}://{host}{path}", given))
        is_same = to.scheme == scheme and _host(to) in (
            _host(urlsplit(f"{scheme}://{host}")),
            (destination.host.lower(), destination.port),
        )
    except ValueError:
        return None
    asked = (to.path or "/") + (f"?{to.query}" if to.query else "")
    return asked if is_same and len(asked) <= _LONGEST and _TARGET.fullmatch(asked) else None


def _host(url: SplitResult) -> tuple[str, int]:
    """Return host and port; user and password in a Location are nothing that a target is asked with."""
    return (url.hostname or "").lower(), url.port or _PORTS.get(url.scheme, 0)
