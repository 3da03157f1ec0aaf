"""The changes that a rule makes: headers, path, host and body of a request, headers of an answer, or a redirect.

Plain functions of `Filters`; nothing is copied or computed if there is nothing to change.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import other_case
from switchover_dataplane.pattern import compiled
from switchover_dataplane.routing.header_values import Facts, value_of
from switchover_dataplane.routing.headers import HOP_BY_HOP
from switchover_dataplane.routing.match import Head, MatchedRule
from switchover_dataplane.routing.request_target import percent_encoded
from switchover_dataplane.table.rules import BodyDefault, BodyEdit, Filters, Header, HeaderEdit, PromptMessage, Rewrite

_encoder = msgspec.json.Encoder()

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_FRAMING: Final = HOP_BY_HOP | {"content-length"}
_PORT: Final = re.compile(r":[0-9]*\Z")
_CONTROLS: Final = dict.fromkeys((*range(9), *range(10, 32), 127), " ")


class Location(NamedTuple):
    """A redirect to answer with."""

    status: int
    location: str


# ── Redirects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def redirect(found: MatchedRule, head: Head, scheme: str, port: int) -> Location | None:
    """Return the redirect of a rule (Gateway API, HTTPRequestRedirectFilter), None if it has none.

    Without a port in the filter it is the default port of the filter's scheme, or the listener's port if the filter has
    no scheme; the default port of a scheme is not written. `port` is the socket's port, for listeners that clients
    reach at the same one. For a request without a host the location is a path.
    """
    wanted = found.rule.filters.redirect
    if wanted is None:
        return None
    path, query = _new_path(wanted.full_path, wanted.prefix, found, head.path, head.query)
    tail = f"{path}?{query}" if query else path
    host = wanted.hostname or _PORT.sub("", head.host)
    if not host:
        return Location(wanted.status, tail)
    to_scheme = wanted.scheme or scheme
    to_port = wanted.port or (_USUAL_PORTS[wanted.scheme] if wanted.scheme else found.listener.port or port)
    shown = "" if to_port == _USUAL_PORTS[to_scheme] else f":{to_port}"
    return Location(wanted.status, f"{to_scheme}://{host}{shown}{tail}")


# ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def request(  # noqa: PLR0917 - a request's parts, in the order in which they are written
    found: MatchedRule,
    parts: tuple[Filters, ...],
    headers: "CIMultiDict[str]",
    path: str,
    query: str,
    secrets: Mapping[str, str],
    facts: Facts,
) -> tuple["CIMultiDict[str]", str, str]:
    """Apply the filters of a rule and then of its backend to a request; the header mapping is changed in place.

    `facts` are what operators in values of headers say. Both filters rewrite the matched path, so the backend's wins if
    both have a rewrite.
    """
    matched = path, query
    for part in parts:
        for edit in part.request_headers:
            _edit(headers, edit, secrets, facts)
        if part.rewrite is not None:
            if part.rewrite.hostname:
                headers["host"] = part.rewrite.hostname
            if _changes_path(part.rewrite):
                path, query = _rewritten(part.rewrite, found, *matched)
    return headers, path, query


def _changes_path(rewrite: Rewrite) -> bool:
    return rewrite.full_path is not None or rewrite.prefix is not None or rewrite.regex is not None


def _rewritten(rewrite: Rewrite, found: MatchedRule, path: str, query: str) -> tuple[str, str]:
    if rewrite.regex is None:
        return _new_path(rewrite.full_path, rewrite.prefix, found, path, query)
    pattern, substitution = rewrite.regex
    return _sendable(compiled(pattern).replaced(path, substitution)), query


def _new_path(full: str | None, prefix: str | None, found: MatchedRule, path: str, query: str) -> tuple[str, str]:
    """Apply ReplaceFullPath or ReplacePrefixMatch (Gateway API, HTTPPathModifier).

    The query of a full path replaces the caller's, as in Envoy's `path_redirect`. A slash after a prefix is neither
    doubled nor lost.
    """
    if full is not None:
        own_path, has_query, own_query = full.partition("?")
        return _sendable(own_path), percent_encoded(own_query) if has_query else query
    if prefix is None:
        return path, query
    return _sendable(prefix.rstrip("/") + path[len(found.prefix) :]), query


def _sendable(path: str) -> str:
    """Return the path of a route in a form for a request line: absolute, and without an own "?" or "#"."""
    path = percent_encoded(path).replace("?", "%3F").replace("#", "%23")
    return path if path.startswith("/") else "/" + path


# ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def response(
    edits: tuple[HeaderEdit, ...], headers: "CIMultiDict[str]", secrets: Mapping[str, str], facts: Facts
) -> "CIMultiDict[str]":
    """Apply header edits to an answer; the mapping is changed in place."""
    for edit in edits:
        _edit(headers, edit, secrets, facts)
    return headers


def _edit(headers: "CIMultiDict[str]", edit: HeaderEdit, secrets: Mapping[str, str], facts: Facts) -> None:
    """Remove, then set, then add, as Envoy does; an edit cannot change the framing, nor remove or repeat `host`."""
    for name in edit.remove:
        if name not in _FRAMING and name != "host":
            headers.popall(name, None)
    for header in edit.set:
        value = _value(header, secrets, facts)
        if header.name not in _FRAMING and value is not None:
            headers[header.name] = value
    for header in edit.add:
        value = _value(header, secrets, facts)
        if value is None:
            continue
        if header.name == "host":
            headers["host"] = value
        elif header.name not in _FRAMING:
            headers.add(header.name, value)


def _value(header: Header, secrets: Mapping[str, str], facts: Facts) -> str | None:
    """Return a value; control characters, such as line ends from YAML and Secrets, become spaces (RFC 9110, 5.5).

    None if its operators have nothing to say: Envoy leaves such a header out.
    """
    if header.parts:
        made = value_of(header.parts, facts, secrets)
        return made.translate(_CONTROLS) or None
    value = secrets[header.secret] if header.secret else header.value
    return value if value.isprintable() else value.translate(_CONTROLS).strip()


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def edit_body(body: JsonBody, edit: BodyEdit) -> JsonBody:
    """Return a body with Gloo's `ai.defaults` and `ai.promptEnrichment` applied.

    A request without `messages`, such as one for embeddings, gets no added messages.

    Raises:
        BadBody: messages are added and `messages` is no list, or a field with a default is in another case.
    """
    if edit.defaults:
        body = body.edited(_with_defaults(body.fields, edit.defaults))
    if (edit.prepend or edit.append) and "messages" in body.fields:
        body = body.with_messages(_written(edit.prepend), _written(edit.append))
    return body


def _with_defaults(fields: dict[str, msgspec.Raw], defaults: tuple[BodyDefault, ...]) -> dict[str, msgspec.Raw]:
    edited = dict(fields)
    for default in defaults:
        folded = default.field.casefold()
        for name in fields:
            if name != default.field and name.casefold() == folded:
                raise other_case(name, default.field)
        if default.override or default.field not in edited:
            edited[default.field] = msgspec.Raw(default.value.encode())
    return edited


@lru_cache(maxsize=1024)
def _written(messages: tuple[PromptMessage, ...]) -> bytes:
    """Write messages as the items of a JSON list."""
    return _encoder.encode(messages)[1:-1]
