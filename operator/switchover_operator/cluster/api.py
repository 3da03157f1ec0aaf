"""Requests to the Kubernetes API server: a path and a body → the answer's JSON.

The kubernetes library brings credentials, their renewal and TLS; objects stay plain data, as everywhere here.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from switchover_operator.identity import Body, Identity
from switchover_operator.resources import KINDS

LIMIT: Final = 15.0
"""Seconds within which the API server must answer."""
CONNECTIONS: Final = 16

JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
NAMES_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

FIELD_MANAGER: Final = "switchover"


def api_time(now: datetime, timespec: str = "seconds") -> str:
    """Write a time in UTC as the API server reads it (RFC 3339)."""
    return now.isoformat(timespec=timespec).replace("+00:00", "Z")


class ApiRefused(Exception):
    """The API server refused a request. `reason` is its machine-readable reason, `message` its text for people."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class ApiUnreachable(Exception):
    """The API server gave no answer within `LIMIT` seconds, or no connection to it could be made."""


class Api:
    """A client of the API server. Use it as an asynchronous context manager; entering it finds the credentials.

    `wrote` is called for each request that changes something, with the kind that it wrote and the result.
    """

    def __init__(self, wrote: Callable[[str, str], None]) -> None:
        self._wrote = wrote
        self._client: ApiClient | None = None

    async def __aenter__(self) -> "Api":
        configuration = Configuration()
        configuration.connection_pool_maxsize = CONNECTIONS
        try:
            config.load_incluster_config(configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
        self._client = ApiClient(configuration)
        self._client.user_agent = "switchover-operator"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = JSON) -> Any:
        """GET a path. Raises ApiRefused, ApiUnreachable, as the others do."""
        return await self._request("GET", path, query, accept=accept)

    async def create(self, path: str, body: Body) -> Any:
        """POST an object to the path of its kind."""
        return await self._request("POST", path, {"fieldManager": FIELD_MANAGER}, body)

    async def replace(self, path: str, body: Body) -> Any:
        """PUT a whole object; with a `resourceVersion` in it, only if that is still the newest."""
        return await self._request("PUT", path, {"fieldManager": FIELD_MANAGER}, body)

    async def merge(self, path: str, body: Body) -> Any:
        """PATCH by merging (RFC 7386); null removes a field."""
        return await self._request("PATCH", path, {"fieldManager": FIELD_MANAGER}, body, content_type=MERGE)

    async def apply(self, path: str, body: Body) -> Any:
        """PATCH by server-side apply: create the object, or set the fields that we own to exactly these."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", path, query, body, content_type=APPLY)

    async def delete(self, path: str) -> None:
        """DELETE an object; not an error if it is already gone."""
        try:
            await self._request("DELETE", path)
        except ApiRefused as refused:
            if refused.status != 404:
                raise

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Body | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Any:
        client = self._client
        assert client is not None  # noqa: S101 - inside the context
        try:
            async with asyncio.timeout(LIMIT):
                prepared = await client.param_serialize(
                    method,
                    path,
                    query_params=list((query or {}).items()),
                    header_params={"Accept": accept, "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await client.call_api(*prepared, _request_timeout=LIMIT)
                text = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(method, path, "unreachable")
            raise ApiUnreachable(f"{type(error).__name__}: {error}") from None
        self._count(method, path, "ok" if response.status < 400 else "refused")
        return _checked(response.status, text)

    def _count(self, method: str, path: str, result: str) -> None:
        if method != "GET":
            self._wrote(written_kind(path), result)


def _checked(status: int, text: bytes) -> Any:
    try:
        content = json.loads(text) if text else {}
    except ValueError:
        content = {"reason": "NotJSON", "message": text[:200].decode("utf-8", "replace")}
        status = status if status >= 400 else 502
    if status >= 400:
        problem = content if isinstance(content, dict) else {}
        raise ApiRefused(status, str(problem.get("reason", "")), str(problem.get("message", "")))
    return content


def written_kind(path: str) -> str:
    """Name the kind at a path for a metric's label, whose values are few: `statuses`, a plural, or `others`."""
    *_, before, last = path.split("/")
    if last == "status":
        return "statuses"
    return next(
        (plural for plural in ("services", "secrets", "leases", "events") if plural in (before, last)), "others"
    )


def kind_path(group: str, version: str, plural: str, namespace: str = "") -> str:
    """Return the path of a kind's objects, in one namespace or ("") in all."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"


def object_path(identity: Identity, subresource: str = "") -> str:
    """Return the path of an object whose kind is read here."""
    model = KINDS[identity.group, identity.kind]
    path = f"{kind_path(identity.group, model.VERSIONS[0], model.PLURAL, identity.namespace)}/{identity.name}"
    return f"{path}/{subresource}" if subresource else path
