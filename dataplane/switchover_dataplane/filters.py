"""What a rule changes on the way: headers, path, host and body of a request, headers of an answer, or a redirect.

Plain functions of `table.Filters`; nothing is copied or computed where there is nothing to change.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.body import BadBody
from switchover_dataplane.match import Found, Head
from switchover_dataplane.table import BodyEdit, Filters, Header, HeaderEdit, PromptMessage, Rewrite

_encoder = msgspec.json.Encoder()
_messages_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Location(NamedTuple):
    """A redirect to answer with."""

    status: int
    location: str


def redirect(found: Found, head: Head, scheme: str, port: int) -> Location | None:
    """Return where a rule sends the caller (Gateway API, HTTPRequestRedirectFilter), None if it does not.

    Without a port the scheme's own is meant where a scheme is written, else the listener's; the usual port of a scheme
    is not written.
    """
    rule = found.rule.filters.redirect
    if rule is None:
        return None
    to_scheme = rule.scheme or scheme
    host = rule.hostname or _name(head.host)
    to_port = rule.port or (_DEFAULT_PORTS[rule.scheme] if rule.scheme else port)
    shown = "" if to_port == _DEFAULT_PORTS.get(to_scheme) else f":{to_port}"
    path = _new_path(rule.full_path, rule.prefix, found, head.path)
    query = f"?{head.query}" if head.query else ""
    return Location(rule.status, f"{to_scheme}://{host}{shown}{path}{query}")


def request(  # noqa: PLR0917 - a request's parts, in the order in which they are written
    found: Found,
    parts: tuple[Filters, ...],
    headers: "CIMultiDict[str]",
    path: str,
    query: str,
    secrets: Mapping[str, str],
) -> tuple["CIMultiDict[str]", str, str]:
    """Apply rewrites and header edits to a request; the header mapping is changed in place."""
    for part in parts:
        for edit in part.request_headers:
            _edit(headers, edit, secrets)
        if part.rewrite is not None:
            path = _rewritten(part.rewrite, found, path)
            if part.rewrite.hostname:
                headers["host"] = part.rewrite.hostname
    return headers, path, query


def response(parts: tuple[Filters, ...], headers: "CIMultiDict[str]", secrets: Mapping[str, str]) -> "CIMultiDict[str]":
    """Apply header edits to an answer; the mapping is changed in place."""
    for part in parts:
        for edit in part.response_headers:
            _edit(headers, edit, secrets)
    return headers


def edit_body(fields: dict[str, msgspec.Raw], edit: BodyEdit) -> dict[str, msgspec.Raw]:
    """Apply Gloo's `ai.defaults` and `ai.promptEnrichment` to the top-level fields of a body.

    Raises:
        BadBody: messages are to be added and `messages` is no list.
    """
    edited = dict(fields)
    for default in edit.defaults:
        if default.override or default.field not in edited:
            edited[default.field] = msgspec.Raw(default.value.encode())
    if edit.prepend or edit.append:
        edited["messages"] = _enriched(edited.get("messages"), edit)
    return edited


def _enriched(messages: msgspec.Raw | None, edit: BodyEdit) -> msgspec.Raw:
    try:
        own = _messages_decoder.decode(messages) if messages is not None else []
    except msgspec.DecodeError:
        raise BadBody("`messages` must be a list of messages, as this route adds some", "messages") from None
    return msgspec.Raw(_encoder.encode([*map(_message, edit.prepend), *own, *map(_message, edit.append)]))


def _message(message: PromptMessage) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _edit(headers: "CIMultiDict[str]", edit: HeaderEdit, secrets: Mapping[str, str]) -> None:
    for header in edit.set:
        headers[header.name] = _value(header, secrets)
    for header in edit.add:
        headers.add(header.name, _value(header, secrets))
    for name in edit.remove:
        headers.popall(name, None)


def _value(header: Header, secrets: Mapping[str, str]) -> str:
    return secrets[header.secret] if header.secret else header.value


def _rewritten(rewrite: Rewrite, found: Found, path: str) -> str:
    if rewrite.regex is not None:
        return re.sub(rewrite.regex[0], rewrite.regex[1], path)
    return _new_path(rewrite.full_path, rewrite.prefix, found, path)


def _new_path(full: str | None, prefix: str | None, found: Found, path: str) -> str:
    """ReplaceFullPath and ReplacePrefixMatch (Gateway API, HTTPPathModifier): slashes at the seam are never doubled."""
    if full is not None:
        return full or "/"
    if prefix is None:
        return path
    rest = path[len(found.match.path.value.rstrip("/")) :].lstrip("/")
    start = prefix.rstrip("/")
    if not rest:
        return (start + "/" if path.endswith("/") and start else start) or "/"
    return f"{start}/{rest}"


def _name(host: str) -> str:
    """Return a Host field without its port."""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
