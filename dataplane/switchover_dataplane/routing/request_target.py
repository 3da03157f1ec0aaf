"""A request target and a Host field → the path, query and host name that are matched and forwarded.

Another spelling of a path must not reach what a prefix protects. So there is one spelling: RFC 3986, section 6.2.2,
like Envoy's `normalize_path` and `merge_slashes`. Encoded characters that need no encoding are decoded once, other
triplets get upper-case digits, dot segments are resolved, repeated slashes become one. `%2F` is data and never a
separator. Forms that servers read differently (backslashes, NUL, dot segments with parameters) are refused. The query
is not changed.
"""

import re
import string
from typing import Final
from urllib.parse import quote_from_bytes

_UNRESERVED: Final = frozenset((string.ascii_letters + string.digits + "-._~").encode())
_UNSAFE: Final = re.compile(r"[^!-~]|#")
_NOT_NORMAL: Final = re.compile(r"%|//|/\.|\\")
_TRIPLET: Final = re.compile(r"%([0-9A-Fa-f]{2})?")
_DOTS_WITH_PARAMETERS: Final = re.compile(r"\.{1,2};.*")
_VISIBLE: Final = bytes(range(0x21, 0x7F))


class BadTarget(ValueError):
    """A request target that cannot be served (400); the text says why, without the target."""


def normalise(target: str) -> tuple[str, str]:
    """Return path and query (without "?") of a request target, in the one spelling that is matched and forwarded.

    The forms of RFC 9112, section 3.2, are: origin-form; absolute-form (`headers.conflicts` has compared its host with
    the Host field); "*", which stays as it is and matches no path; not authority-form, as the gateway is no tunnel.

    Raises:
        BadTarget: another form, a fragment, a space or control character, a backslash (also encoded), a NUL, a "%"
            without two hexadecimal digits in the path.
    """
    if not target.startswith("/"):
        if target == "*":
            return target, ""
        target = _origin_form(target)
    if _UNSAFE.search(target):
        target = _encoded(target)
    path, _, query = target.partition("?")
    return canonical(path), query


def canonical(path: str) -> str:
    """Return the one spelling of an absolute path of visible ASCII characters.

    Raises:
        BadTarget: as `normalise`.
    """
    if not _NOT_NORMAL.search(path):
        return path
    path = _TRIPLET.sub(_decoded, path)
    if "\\" in path:
        raise BadTarget("the path has a backslash, which some servers read as a slash")
    return _resolved(path) if "//" in path or "/." in path else path


def authority(target: str) -> str:
    """Return the host and port of an absolute-form target as written, "" for the other forms."""
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return ""
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def hostname(host: str) -> str:
    """Return the name in a Host field in lower case, without port and trailing dot; IPv6 addresses keep brackets."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")


def _origin_form(target: str) -> str:
    given = authority(target)
    if not given:
        raise BadTarget('the request target must be a path that begins with "/", or an absolute http URI')
    rest = target.partition("://")[2][len(given) :]
    return rest if rest.startswith("/") else "/" + rest


def percent_encoded(text: str) -> str:
    """Percent-encode every octet that is no visible ASCII character."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe=_VISIBLE)


def _encoded(target: str) -> str:
    """Encode octets above ASCII, which browsers and curl send unencoded; other octets are refused."""
    if "#" in target:
        raise BadTarget("the request target has a fragment, which is never sent (RFC 9112, section 3.2)")
    octets = target.encode("utf-8", "surrogateescape")
    if any(octet <= 0x20 or octet == 0x7F for octet in octets):
        raise BadTarget("the request target has a space or a control character")
    return percent_encoded(target)


def _decoded(triplet: re.Match[str]) -> str:
    digits = triplet[1]
    if digits is None:
        raise BadTarget('the path has a "%" without two hexadecimal digits after it')
    octet = int(digits, 16)
    if octet in _UNRESERVED:
        return chr(octet)
    if octet in b"\\\x00":
        raise BadTarget("the path has an encoded backslash or NUL, which servers read differently")
    return triplet[0].upper()


def _resolved(path: str) -> str:
    """Merge slashes and resolve dot segments (RFC 3986, section 5.2.4), in the order that servers use."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif _DOTS_WITH_PARAMETERS.fullmatch(segment):
            raise BadTarget("the path has a dot segment with parameters, which some servers resolve")
        elif segment not in ("", "."):
            kept.append(segment)
    names_a_folder = segments[-1] in ("", ".", "..")
    return "/" + "/".join(kept) + ("/" if names_a_folder and kept else "")
