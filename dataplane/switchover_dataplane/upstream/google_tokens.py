"""A credential of Google Cloud from a Secret → the bearer token for Vertex AI.

It is a token as it is, or the key of a service account as a JSON text, which is exchanged for tokens. Source: Google
Cloud docs, "Using OAuth 2.0 for server to server applications". google-auth makes the signed assertion and reads the
answer; the request for it goes over our own connection, so that it reaches no address that a target may not have.
"""

import http.client
import json
import logging
import socket
import ssl
from calendar import timegm
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from google.auth import exceptions, transport
from google.oauth2 import service_account

from switchover_dataplane.process.tls import client_context
from switchover_dataplane.target_addresses import LOOPBACK, TargetAddresses, forbidden
from switchover_dataplane.upstream.renewed import NoCredentials, Renewed

# google-auth can log requests and answers, which hold assertions and tokens.
logging.getLogger("google.auth").setLevel(logging.CRITICAL + 1)

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"

_WHAT: Final = "a token of the Google service account"
_TIMEOUT: Final = 10.0
_LARGEST_ANSWER: Final = 64 * 1024
_NEEDED: Final = ("client_email", "private_key", "token_uri")
_SIGNS: Final = frozenset(map(chr, range(0x21, 0x7F)))


class GoogleToken:
    """The bearer token of one Secret.

    `clock` gives Unix seconds. `targets` says which addresses the token endpoint may have.
    """

    def __init__(self, secret: str, clock: Callable[[], float], targets: TargetAddresses) -> None:
        """Read the text of the Secret.

        Raises:
            NoCredentials: it is neither a token nor the key of a service account; the text says what is wrong.
        """
        text = secret.strip()
        self._token = ""
        self._renewed: Renewed[str] | None = None
        if text.startswith("{"):
            exchange = _Exchange(_key(text), _Connection(targets))
            self._renewed = Renewed(_WHAT, exchange.token, clock)
        elif text and _SIGNS.issuperset(text):
            self._token = text
        else:
            raise NoCredentials("the credential is neither a bearer token nor the JSON text of a service account's key")

    async def token(self) -> str:
        """Return a token that is valid.

        Raises:
            NoCredentials: the key could not be exchanged for one; the text says why.
        """
        return self._token if self._renewed is None else await self._renewed.get()

    async def headers(self) -> dict[str, str]:
        """Return the field that authorises a request.

        Raises:
            NoCredentials: as `token`.
        """
        return {"authorization": f"Bearer {await self.token()}"}

    def forget(self) -> None:
        """Get a new token at the next request, as Vertex AI refused this one (401)."""
        if self._renewed is not None:
            self._renewed.forget()

    async def close(self) -> None:
        """End the wait for an exchange that is under way."""
        if self._renewed is not None:
            await self._renewed.close()


def _key(text: str) -> service_account.Credentials:
    """Read the key of a service account.

    Raises:
        NoCredentials: a field is missing or wrong; the text names it and holds no value.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise NoCredentials("the key of the Google service account is no JSON") from None
    for name in _NEEDED:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise NoCredentials(f"the key of the Google service account has no `{name}`")
    if fields.get("type") != "service_account":
        raise NoCredentials('the `type` of the Google key must be "service_account"')
    _check_endpoint(fields["token_uri"])
    try:
        made: service_account.Credentials = service_account.Credentials.from_service_account_info(
            {name: fields[name] for name in (*_NEEDED, "private_key_id") if name in fields}, scopes=[SCOPE]
        )
    except Exception:  # noqa: BLE001 - whatever the parser of keys raises, its text may quote the key
        raise NoCredentials("the `private_key` of the Google service account is no RSA key in PEM") from None
    return made


def _check_endpoint(uri: str) -> None:
    """Check that assertions go over TLS, but on this machine.

    Raises:
        NoCredentials: they would not.
    """
    try:
        parts = urlsplit(uri)
        is_good = bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        is_good = False
    if is_good and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))):
        return
    raise NoCredentials("the `token_uri` of the Google service account must be an https URL")


def _is_loopback(host: str) -> bool:
    return forbidden(host) == "a loopback address" and not forbidden(host, LOOPBACK)


class _Exchange:
    def __init__(self, key: service_account.Credentials, connection: "_Connection") -> None:
        self._key = key
        self._connection = connection

    def token(self) -> tuple[str, float]:
        """Exchange the key for a token; return it and its end in Unix seconds."""
        try:
            self._key.refresh(self._connection)
        except exceptions.RefreshError as error:
            raise NoCredentials(f"{_WHAT}: the token endpoint refused the key{_code(error)}") from None
        token, expiry = self._key.token, self._key.expiry
        if not isinstance(token, str) or not token or not _SIGNS.issuperset(token) or expiry is None:
            raise NoCredentials(f"{_WHAT}: the token endpoint's answer has no token or no end of it")
        return token, float(timegm(expiry.utctimetuple()))


_CODES: Final = frozenset(
    (
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
        *("invalid_scope", "access_denied", "temporarily_unavailable", "server_error"),
    )
)
"""OAuth 2.0's words for errors (RFC 6749, sections 4.1.2.1 and 5.2); no other part of the answer is shown."""


def _code(error: exceptions.RefreshError) -> str:
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    return f" ({code})" if isinstance(code, str) and code in _CODES else ""


class _Answer(transport.Response):
    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self._status, self._headers, self._data = status, headers, data

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    @property
    def data(self) -> bytes:
        return self._data


class _Connection(transport.Request):
    """One request to a token endpoint, at an address that a target may have; redirects are not followed."""

    def __init__(self, targets: TargetAddresses) -> None:
        self._targets = targets

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_others: Any,
    ) -> _Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            # The connection is made here and not by http.client: the address that was checked is the one that is used.
            connection = http.client.HTTPConnection(host, port)
            connection.sock = self._connected(host, port, timeout or _TIMEOUT, is_tls=parts.scheme == "https")
            try:
                target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
                connection.request(method, target, body, {**(headers or {}), "connection": "close"})
                answer = connection.getresponse()
                data = answer.read(_LARGEST_ANSWER + 1)
                if len(data) > _LARGEST_ANSWER:
                    raise NoCredentials(f"{_WHAT}: the token endpoint's answer is too large")
                return _Answer(answer.status, dict(answer.headers), data)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise NoCredentials(f"{_WHAT}: the token endpoint cannot be reached ({type(error).__name__})") from None

    def _connected(self, host: str, port: int, timeout: float, *, is_tls: bool) -> socket.socket:
        """Open a connection to the first address that answers.

        Raises:
            NoCredentials: none of them may be one of a target's.
            OSError: none of them answers.
        """
        last: Exception = NoCredentials(f"{_WHAT}: the token endpoint has no address")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            why = self._targets.refusal(str(address[0]), port)
            if why:
                last = NoCredentials(f"{_WHAT}: the token endpoint may not be there: {why}")
                continue
            try:
                plain = socket.create_connection((str(address[0]), port), timeout)
            except OSError as error:
                last = error
                continue
            return _over_tls(plain, host) if is_tls else plain
        raise last


def _over_tls(plain: socket.socket, host: str) -> ssl.SSLSocket:
    try:
        return client_context("", "", "").wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
