"""What comes back from a target → the same without the credentials that went to it, whoever quotes them.

A refusal may repeat the key that it refuses, and a server the headers that it was sent. What is replaced by `***` is
the whole value: as it is, as it stands in JSON and in a URL, and without the scheme before it (`Basic`, `Bearer`).
Values of fewer than 8 characters are no secrets but words (`none`, `EMPTY`), and would be taken out of sentences.
"""

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from multidict import CIMultiDict

from switchover_dataplane.table.rules import Filters
from switchover_dataplane.table.table import Table

MASK: Final = "***"
SHORTEST: Final = 8
"""Characters of the shortest value that is looked for."""

_SENT: Final = ("token", "aws")
"""Kinds of credentials that are sent, or parts of them. The key of a service account stays here."""

_MOST_KEPT: Final = 1000


class Redaction:
    """Replaces the values of some secrets, in each of their spellings, by `***`."""

    __slots__ = ("_bytes", "_in_all", "_texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        # The longest first, as others may be parts of it.
        self._texts = tuple(sorted(set(texts), key=lambda text: (-len(text), text)))
        self._bytes = tuple(text.encode("utf-8", "surrogateescape") for text in self._texts)
        # Mostly the shortest spelling is a part of every other, and what does not have it has none of them.
        shortest = self._bytes[-1] if self._bytes else b""
        self._in_all = shortest if all(shortest in each for each in self._bytes) else b""

    @classmethod
    def of(cls, secret: str) -> "Redaction":
        """Make one for a secret's value as it is sent."""
        value = secret.strip()
        scheme, _, rest = value.partition(" ")
        values = [value, rest.strip()] if scheme and rest else [value]
        return cls(spelling for each in values if len(each) >= SHORTEST for spelling in _spellings(each))

    def beside(self, others: Iterable["Redaction"]) -> "Redaction":
        """Return one that replaces what this one and the others do."""
        return Redaction(text for each in (self, *others) for text in each._texts)

    @property
    def longest(self) -> int:
        """Bytes of the longest spelling."""
        return len(self._bytes[0]) if self._bytes else 0

    def headers(self, fields: "CIMultiDict[str]") -> None:
        """Replace in all values of header fields, in place."""
        if not self._texts:
            return
        joined = "\n".join(fields.values())
        for text in self._texts:
            if text in joined:
                redacted = [(name, self._text(value)) for name, value in fields.items()]
                fields.clear()
                fields.extend(redacted)
                return

    def body(self, data: bytes) -> bytes:
        """Replace in bytes."""
        if data.find(self._in_all) < 0:  # twice as fast as `in`
            return data
        for value in self._bytes:
            if value in data:
                data = data.replace(value, MASK.encode())
        return data

    def ends_within(self, data: bytes) -> int:
        """Return how many of the last bytes may be the beginning of a secret."""
        for size in range(min(len(data), self.longest - 1), 0, -1):
            if any(value.startswith(data[-size:]) for value in self._bytes):
                return size
        return 0

    def _text(self, text: str) -> str:
        for value in self._texts:
            text = text.replace(value, MASK)
        return text


class RedactedPieces:
    """Redacts a body that comes piece by piece, wherever a secret was cut: what may be its beginning is held back."""

    __slots__ = ("_held", "_redaction")

    def __init__(self, redaction: Redaction) -> None:
        self._held = b""
        self._redaction = redaction

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece; return what can be sent."""
        data = self._redaction.body(self._held + piece)
        size = self._redaction.ends_within(data)
        self._held = data[len(data) - size :]
        return data[: len(data) - size]

    def end(self) -> bytes:
        """Return what was held back, at the end of the body."""
        held, self._held = self._held, b""
        return held


class Redactions:
    """The redactions of one table, made once; those of values that the table `before` has are taken over."""

    __slots__ = ("_keys_of", "_of_secrets", "_of_several", "_values")

    def __init__(self, table: Table, before: "Redactions | None" = None) -> None:
        keys = {
            target.id: target.auth.names
            for upstream in table.upstreams.values()
            for pool in upstream.priorities
            for target in pool
            if target.auth.kind in _SENT
        }
        names = {name for several in keys.values() for name in several}
        for rule in table.rules.values():
            for part in (rule.filters, *(backend.filters for backend in rule.backends)):
                if part.request_headers:
                    names.update(_sent_by((part,)))
        self._values = {name: table.secrets[name] for name in names}
        known = {} if before is None else before._of_secrets
        values = {} if before is None else before._values
        self._of_secrets: dict[str, Redaction] = {
            name: known[name] if values.get(name) == value else Redaction.of(value)
            for name, value in self._values.items()
        }
        self._keys_of = keys
        self._of_several: dict[frozenset[str], Redaction] = {}

    def of(self, targets: Iterable[str], filters: Iterable[Filters]) -> Redaction:
        """Return what replaces all that was sent: the keys of these targets, and the secrets in headers of a request.

        `targets` are ids of those that were asked, `filters` those of the request's rule and backend.
        """
        names = {name for target in targets for name in self._keys_of.get(target, ())}
        for part in filters:
            if part.request_headers:
                names.update(_sent_by((part,)))
        if len(names) == 1:
            return self._of_secrets[names.pop()]
        return self._together(frozenset(names)) if names else NOTHING

    def _together(self, names: frozenset[str]) -> Redaction:
        """Return what replaces several secrets, made once: requests fail over along the same few ways."""
        found = self._of_several.get(names)
        if found is None:
            found = NOTHING.beside([self._of_secrets[name] for name in names])
            if len(self._of_several) < _MOST_KEPT:
                self._of_several[names] = found
        return found


def _sent_by(filters: Iterable[Filters]) -> list[str]:
    """Name the secrets that filters put into the headers of a request."""
    headers = [header for part in filters for edit in part.request_headers for header in (*edit.set, *edit.add)]
    names = [header.secret for header in headers if header.secret]
    return names + [part.secret for header in headers for part in header.parts if part.secret]


def _spellings(value: str) -> set[str]:
    in_json = json.dumps(value)[1:-1]
    return {
        value,
        in_json,
        json.dumps(value, ensure_ascii=False)[1:-1],
        in_json.replace("/", "\\/"),
        quote(value, safe=""),
    }


NOTHING: Final = Redaction()
