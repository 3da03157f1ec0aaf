"""Requests that a web page makes a browser send to a port on loopback → why they are refused.

Whoever can reach a port on loopback may use it, and a browser can: a page of any site may send requests to it, and one
whose host name leads to 127.0.0.1 may read the answers (DNS rebinding). A program sends none of a browser's fields and
names a host that is ours.
"""

from collections.abc import Set
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.process.address import is_loopback
from switchover_dataplane.routing.headers import Fields

_OWN_DOING: Final = ("same-origin", "none")


def refusal(headers: Fields, hostnames: Set[str]) -> str | None:
    """Say why a request to a port on loopback is refused; None if it is not.

    `hostnames` are those of listeners and routes, lower case; "*.example.com" is any name below example.com. A page of
    such a host, or of this machine, may ask (Fetch Standard, section 3.1: Origin; Fetch Metadata Request Headers,
    section 2.3: Sec-Fetch-Site).
    """
    host = headers.get("host")
    if host and not _is_own_host(host, hostnames):
        return "its Host is no name of this machine, and no hostname of a listener or route"
    origin = headers.get("origin")
    if origin is not None:
        return None if _is_own_origin(origin, hostnames) else "it comes from a web page of another site (Origin)"
    if headers.get("sec-fetch-site", "none").lower() not in _OWN_DOING:
        return "it comes from a web page of another site (Sec-Fetch-Site)"
    return None


def forbidden(why: str) -> OwnAnswer:
    """Make the answer to a request that is refused."""
    return own_answers.error(own_errors.FOREIGN_PAGE, f"the request is refused on loopback: {why}")


@lru_cache(maxsize=256)
def _is_own_host(host: str, hostnames: Set[str]) -> bool:
    """Callers name the same few hosts; a name has at most 255 letters by here."""
    return _is_ours(_name(host), hostnames)


def _name(host: str) -> str:
    """Take the port off, and the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")


def _is_ours(name: str, hostnames: Set[str]) -> bool:
    if name == "localhost" or name in hostnames or is_loopback(name):
        return True
    parents = (name[at:] for at, letter in enumerate(name) if letter == ".")
    return any(f"*{parent}" in hostnames for parent in parents)


def _is_own_origin(origin: str, hostnames: Set[str]) -> bool:
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and _is_ours(name, hostnames)
