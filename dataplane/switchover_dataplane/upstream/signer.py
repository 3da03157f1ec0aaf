"""What proves to a target who asks, where no fixed credential does: it is made for each request, or fetched.

The libraries that sign and that fetch tokens need much memory, so that they are loaded with the first target that needs
them.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from multidict import CIMultiDict

from switchover_dataplane.table.upstreams import Auth, Bedrock, Target
from switchover_dataplane.target_addresses import TargetAddresses
from switchover_dataplane.upstream.renewed import NoCredentials

if TYPE_CHECKING:
    from switchover_dataplane.upstream.google_tokens import GoogleToken
    from switchover_dataplane.upstream.signing import PodIdentity
    from switchover_dataplane.upstream.signing import Signer as AwsSigner


class Signer(Protocol):
    """Proves who asks one target."""

    async def headers(
        self, method: str, host: str, path: str, fields: "CIMultiDict[str]", body: bytes
    ) -> Mapping[str, str]:
        """Return the fields to add to a request, of which everything else is known.

        `path` is with its query, and as it is sent.

        Raises:
            NoCredentials: there is nothing to prove it with.
        """

    def forget(self) -> None:
        """Take note that the target refused what proves who asks, so that it is fetched anew."""


def signer_of(target: Target, secrets: Mapping[str, str], targets: TargetAddresses) -> Signer | None:
    """Return what proves who asks a target; None where a fixed credential does, the caller's own, or none.

    `targets` says which addresses an endpoint that gives tokens may have.
    """
    try:
        match target.auth.kind:
            case "service-account":
                return _google(secrets[target.auth.secret], targets)
            case "aws" | "aws-identity":
                return _aws(
                    target.auth, target.provider.region if isinstance(target.provider, Bedrock) else "", secrets
                )
            case _:
                return None
    except NoCredentials as why:
        return _Nothing(str(why))


class _Nothing:
    """A credential that cannot be used, as `why` says."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def headers(
        self, _method: str, _host: str, _path: str, _fields: "CIMultiDict[str]", _body: bytes
    ) -> Mapping[str, str]:
        raise NoCredentials(self._why)

    def forget(self) -> None:
        return


class _Token:
    """A bearer token of Google Cloud."""

    def __init__(self, token: "GoogleToken") -> None:
        self._token = token

    async def headers(
        self, _method: str, _host: str, _path: str, _fields: "CIMultiDict[str]", _body: bytes
    ) -> Mapping[str, str]:
        return await self._token.headers()

    def forget(self) -> None:
        self._token.forget()


class _Signature:
    """A signature of AWS, by keys of a Secret or by the pod's own `identity`."""

    def __init__(self, signer: "AwsSigner", identity: "PodIdentity | None") -> None:
        self._signer = signer
        self._identity = identity

    async def headers(
        self, method: str, host: str, path: str, fields: "CIMultiDict[str]", body: bytes
    ) -> Mapping[str, str]:
        return await self._signer.headers(method, host, path, fields, body)

    def forget(self) -> None:
        if self._identity is not None:
            self._identity.forget()


def _google(secret: str, targets: TargetAddresses) -> Signer:
    from switchover_dataplane.upstream.google_tokens import GoogleToken  # noqa: PLC0415 - see the module's docstring

    return _Token(GoogleToken(secret, time.time, targets))


def _aws(auth: Auth, region: str, secrets: Mapping[str, str]) -> Signer:
    from switchover_dataplane.upstream import signing  # noqa: PLC0415 - see the module's docstring

    if auth.kind == "aws-identity":
        identity = signing.PodIdentity(region, time.time)
        return _Signature(signing.Signer(identity, region, time.time), identity)
    session = secrets[auth.session] if auth.session else ""
    keys = signing.keys(secrets[auth.access_key], secrets[auth.secret], session)
    return _Signature(signing.Signer(keys, region, time.time), None)
