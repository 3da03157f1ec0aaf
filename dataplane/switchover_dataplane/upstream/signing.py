"""A request to Amazon Bedrock → the header fields that sign it (AWS Signature Version 4), and whose keys do so.

Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests". botocore makes the signature. Its own entry
point reads the clock and logs what it signs, so that its steps are called one by one.
"""

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from switchover_dataplane.upstream.renewed import NoCredentials, Renewed

# botocore quotes answers of credential endpoints in its log, which may hold keys.
logging.getLogger("botocore").setLevel(logging.CRITICAL + 1)

BEDROCK: Final = "bedrock"
"""The name of the service that bedrock-runtime is signed for."""

_SIGNED: Final = re.compile(r"content-type|x-amz-.*|x-amzn-.*")
"""The fields that are signed: what a proxy may add or change on the way must not be."""

_KEY: Final = re.compile(r"[!-~]+")
_LARGE: Final = 256 * 1024
"""Bytes of a body whose digest takes longer than other requests should wait."""


class AwsKeys(msgspec.Struct, frozen=True):
    """Keys of AWS: `token` is that of a session, "" for none. Its text shows none of them."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return "AwsKeys(***)"


def keys(access_key: str, secret_key: str, token: str = "") -> AwsKeys:
    """Read keys as they stand in a Secret, where a line end after them is common.

    Raises:
        NoCredentials: one is missing, or has signs that no key has.
    """
    fields = {"access key": access_key.strip(), "secret key": secret_key.strip(), "session token": token.strip()}
    for name, value in fields.items():
        if not value and name != "session token":
            raise NoCredentials(f"the {name} of AWS is missing")
        if value and not _KEY.fullmatch(value):
            raise NoCredentials(f"the {name} of AWS holds a space, a line end or another sign that no key has")
    return AwsKeys(*fields.values())


def signed(
    method: str,
    host: str,
    path: str,
    headers: Mapping[str, str],
    digest: str,
    *,
    by: AwsKeys,
    region: str,
    now: float,
    service: str,
) -> dict[str, str]:
    """Return the fields to send beside `headers`, with names in lower case.

    `host` is the Host that is sent, `path` the path and query as they are sent, already percent-encoded (the path is
    encoded once more for the signature, as for all services but S3). `digest` is the body's SHA-256 in hexadecimal
    digits, `now` Unix seconds. Of `headers` the content type and those of AWS are signed.
    """
    fields = {name.lower(): value for name, value in headers.items() if _SIGNED.fullmatch(name.lower())}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    own = {"x-amz-date": stamp, "x-amz-content-sha256": digest}
    if by.token:
        own["x-amz-security-token"] = by.token
    request = AWSRequest(method=method, url=f"https://{host}{path}", headers={"host": host, **fields, **own})
    request.context["timestamp"] = stamp
    auth = SigV4Auth(Credentials(by.access_key, by.secret_key, by.token or None), service, region)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    own["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
    )
    return own


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Signer:
    """Signs the requests to one region: by keys of a Secret, or by the pod's own identity.

    `clock` gives Unix seconds.
    """

    def __init__(
        self, by: "AwsKeys | PodIdentity", region: str, clock: Callable[[], float], service: str = BEDROCK
    ) -> None:
        self._by = by
        self._region = region
        self._clock = clock
        self._service = service

    async def headers(
        self, method: str, host: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        """Return the fields to send beside `headers`; `signed` says what these are.

        Raises:
            NoCredentials: the pod has no identity that AWS knows.
        """
        by = self._by if isinstance(self._by, AwsKeys) else await self._by.keys()
        digest = await asyncio.to_thread(_digest, body) if len(body) > _LARGE else _digest(body)
        return signed(
            method, host, path, headers, digest, by=by, region=self._region, now=self._clock(), service=self._service
        )

    def forget(self) -> None:
        """Look the pod's keys up anew at the next request, as AWS refused them; those of a Secret stay."""
        if isinstance(self._by, PodIdentity):
            self._by.forget()


class PodIdentity:
    """The keys of the pod's own identity, by botocore's chain: environment, web identity, container, machine.

    Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers". `region` is that of the token
    service where the environment names none, `clock` gives Unix seconds.
    """

    def __init__(self, region: str, clock: Callable[[], float]) -> None:
        self._region = region
        self._renewed: Renewed[AwsKeys] = Renewed("the pod's own identity at AWS", self._fetch, clock)

    async def keys(self) -> AwsKeys:
        """Return keys that are valid.

        Raises:
            NoCredentials: there are none; the text says why.
        """
        return await self._renewed.get()

    def forget(self) -> None:
        """Look the keys up anew at the next request, as AWS refused them."""
        self._renewed.forget()

    async def close(self) -> None:
        """End the wait for a lookup that is under way."""
        await self._renewed.close()

    def _fetch(self) -> tuple[AwsKeys, float]:
        # A new session each time: one that is kept has a clock and a renewal of its own.
        session = Session()
        if not session.get_config_variable("region"):
            session.set_config_variable("region", self._region)
        try:
            found = session.get_credentials()
            frozen = None if found is None else found.get_frozen_credentials()
        except BotoCoreError as error:
            raise NoCredentials(f"the pod's own identity at AWS: {type(error).__name__}") from None
        if frozen is None:
            raise NoCredentials("the pod has no identity at AWS: no keys, no web identity, no container's or machine's")
        # botocore has no public name for when the keys end; a test holds that this one stays.
        ends = getattr(found, "_expiry_time", None)
        return keys(frozen.access_key, frozen.secret_key, frozen.token or ""), ends.timestamp() if ends else math.inf
