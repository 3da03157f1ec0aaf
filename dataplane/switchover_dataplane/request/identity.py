"""A request → whose it is and which, as two numbers that are compared and never shown.

They are made when a failure asks for them, so that what goes well pays nothing. Both are hashes under a key of this
process: nobody can work out what they were made of, or make two requests look like one.
"""

import secrets
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

from switchover_dataplane.request.call import Call, RawBody
from switchover_dataplane.routing.caller_query import without_credentials
from switchover_dataplane.routing.callers import CLIENT_FIELDS, Fields

_KEY: Final = secrets.token_bytes(32)
_LOOKED_AT: Final = 16 * 1024


class RequestIdentity:
    """Who asks, and for what.

    A caller is known by name where keys are checked, else by the credentials that it sent and its address.
    """

    __slots__ = ("_address", "_call", "_caller", "_fields", "_name", "_query", "_request")

    def __init__(self, call: Call, *, name: str, fields: Fields, query: str, address: str) -> None:
        self._call = call
        self._name = name
        self._fields = fields
        self._query = query
        self._address = address
        self._caller: int | None = None
        self._request: int | None = None

    @property
    def caller(self) -> int:
        """The caller, by a number more than 0."""
        if self._caller is None:
            self._caller = _number(self._who()) or 1
        return self._caller

    @property
    def request(self) -> int:
        """The request, by a number; that of a body of any length costs little."""
        if self._request is None:
            self._request = _number(_what(self._call))
        return self._request

    def _who(self) -> Iterator[bytes]:
        if self._name:
            yield b"name"
            yield self._name.encode()
            return
        yield b"address"
        yield self._address.encode()
        for field in CLIENT_FIELDS:
            for value in self._fields.getall(field, ()):
                yield field.encode()
                yield value.encode("utf-8", "surrogateescape")
        kept = without_credentials(self._query)
        if kept != self._query:
            yield b"query"
            others = frozenset(kept.split("&"))
            for part in self._query.split("&"):
                if part not in others:
                    yield part.encode("utf-8", "surrogateescape")


def _what(call: Call) -> Iterator[bytes]:
    head, body = call.head, call.body
    yield head.method.encode()
    yield head.path.encode("utf-8", "surrogateescape")
    yield head.query.encode("utf-8", "surrogateescape")
    if isinstance(body, RawBody):
        if isinstance(body.content, bytes):
            yield from _ends(body.content)
        return
    for name, value in body.fields.items():
        yield name.encode("utf-8", "surrogatepass")
        yield from _ends(memoryview(value))


def _ends(text: bytes | memoryview) -> Iterator[bytes]:
    """Yield what tells texts apart: conversations begin alike, and differ in their length and their last words."""
    yield b"%d" % len(text)
    yield bytes(text[:_LOOKED_AT])
    yield bytes(text[-_LOOKED_AT:])


def _number(parts: Iterable[bytes]) -> int:
    digest = blake2b(digest_size=8, key=_KEY)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return int.from_bytes(digest.digest())
