"""What proves to a target who asks, where no fixed credential does: it is made for each request, or fetched."""

from collections.abc import Mapping
from typing import Protocol

from multidict import CIMultiDict


class NoCredential(Exception):
    """Nothing can prove who asks; the text says why in words that hold no secret."""


class Signer(Protocol):
    """Proves who asks one target."""

    async def headers(
        self, method: str, host: str, path: str, fields: "CIMultiDict[str]", body: bytes
    ) -> Mapping[str, str]:
        """Return the fields to add to a request, of which everything else is known.

        `path` is with its query, and as it is sent.

        Raises:
            NoCredential: there is nothing to prove it with.
        """

    def forget(self) -> None:
        """Take note that the target refused what proves who asks, so that it is fetched anew."""
