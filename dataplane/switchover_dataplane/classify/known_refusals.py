"""The refusals that were read lately: a target that fails sends the same one for each request.

Reading a refusal depends on the provider kind, the status, one header and the body alone. The body's text is not kept,
as it may quote a key: it is found by its digest, and what is kept of it is classes and numbers. The clock has no part
in it: waits are kept as they are stated.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from switchover_dataplane.classify.waits import BodyWaits
from switchover_dataplane.failover.outcome import ErrorClass, RefusalScope

CAPACITY: Final = 256
"""Maximum number of refusals that are kept; the oldest makes room for the newest."""

LONGEST: Final = 2 * 1024
"""Bytes of the longest body, and characters of the longest error type, that are looked up."""

Key = tuple[str, int, bytes, bytes]
"""Provider kind, status, digest of the error type in the headers (b"" without one) and digest of the body."""


class Stated(NamedTuple):
    """What a refusal states: its class, its scope if it has no wait, and its waits; None: no wait would help."""

    error_class: ErrorClass
    scope: RefusalScope
    waits: BodyWaits | None


class KnownRefusals:
    """Refusals by all that decides what they state."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Key, Stated] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Key) -> Stated | None:
        """Return what a refusal states, None if it is not known."""
        return self._found.get(key)

    def add(self, key: Key, stated: Stated) -> None:
        """Keep what a refusal states."""
        if len(self._found) >= CAPACITY:
            del self._found[next(iter(self._found))]
        self._found[key] = stated


def key_of(provider_kind: str, status: int, error_type: str, body: bytes) -> Key | None:
    """Return the key of a refusal, None if it is too long to be kept."""
    if len(body) > LONGEST or len(error_type) > LONGEST:
        return None
    typed = _digest(error_type.encode("utf-8", "surrogatepass")) if error_type else b""
    return provider_kind, status, typed, _digest(body)


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
