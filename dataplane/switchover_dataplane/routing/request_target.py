"""A request target and a Host field → the path, query and host name that are matched, and forwarded.

What a prefix protects must not be reached by another spelling of the same path. So there is one spelling: RFC 3986,
section 6.2.2, as Envoy's `normalize_path` and `merge_slashes` have it. Encoded characters that need no encoding are
decoded once, other triplets get upper-case digits, dot segments are resolved, repeated slashes become one. `%2F` is
data and never a separator; what servers are known to disagree about (backslashes, NUL, dot segments with parameters)
is refused. The query is not touched.
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
    """Request target → (path, query without its "?"), in the one spelling that is matched and forwarded.

    The forms of RFC 9112, section 3.2: origin-form; absolute-form, whose host must have been compared with the Host
    field (`headers.conflicts`); "*", which stays as it is and which no path matches; not authority-form, as this is
    no tunnel.

    Raises:
        BadTarget: another form, a fragment, a space or control character, a backslash (also encoded), a NUL, a "%"
            without two hexadecimal digits in the path.
    """
    if not target.startswith("/"):
        if target == "*":
            return target, ""
        target = _origin_form(target)
    if _UNSAFE.search(target):
        target = _visible(target)
    path, _, query = target.partition("?")
    return canonical(path), query


def canonical(path: str) -> str:
    """Return the one spelling of an absolute path that has visible ASCII characters only.

    Raises:
        BadTarget: as `normalise`.
    """
    if not _NOT_NORMAL.search(path):
        return path
    path = _TRIPLET.sub(_decoded, path)
    if "\\" in path:
        raise BadTarget("the path has a backslash, which some servers take for a slash")
    return _resolved(path) if "//" in path or "/." in path else path


def authority(target: str) -> str:
    """Return the host and port of an absolute-form target as written, "" for the other forms."""
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return ""
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def hostname(host: str) -> str:
    """Return the name in a Host field: no port, no trailing dot, lower case; an IPv6 address keeps its brackets."""
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


def _visible(target: str) -> str:
    """Encode octets above ASCII, which browsers and curl send as they are; nothing else may be outside of it."""
    if "#" in target:
        raise BadTarget("the request target has a fragment, which is never sent (RFC 9112, section 3.2)")
    octets = target.encode("utf-8", "surrogateescape")
    if any(octet <= 0x20 or octet == 0x7F for octet in octets):
        raise BadTarget("the request target has a space or a control character")
    return quote_from_bytes(octets, safe=_VISIBLE)


def _decoded(triplet: re.Match[str]) -> str:
    digits = triplet[1]
    if digits is None:
        raise BadTarget('the path has a "%" that two hexadecimal digits do not follow')
    octet = int(digits, 16)
    if octet in _UNRESERVED:
        return chr(octet)
    if octet in b"\\\x00":
        raise BadTarget("the path has an encoded backslash or NUL, which servers read differently")
    return triplet[0].upper()


def _resolved(path: str) -> str:
    """Merge slashes and resolve dot segments (RFC 3986, section 5.2.4), in the order in which servers do."""
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
