"""The push channel: `PUT /v1/table` from the control plane → ACK with the revision, or NACK with reasons.

It carries API keys: a Unix socket that only its owner may open, or TCP with mutual TLS. `GET /v1/table` tells the
revision and nothing else.
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from switchover_dataplane import answers
from switchover_dataplane.listeners import Listeners
from switchover_dataplane.state import Ack, Nack, State

TABLE_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Channel:
    """Where pushes come in: `unix:PATH`, or HOST:PORT with the files of a certificate, its key and the client CA."""

    address: str
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


class Push:
    """The endpoint that takes tables, one at a time."""

    def __init__(self, state: State, listeners: Listeners) -> None:
        self._state = state
        self._listeners = listeners
        self._one_at_a_time = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def open(self, channel: Channel) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be bound, or a certificate file not be read.
        """
        loop = asyncio.get_running_loop()
        server = web.Server(self._serve, access_log=None)
        if channel.address.startswith("unix:"):
            path = channel.address.removeprefix("unix:")
            before = os.umask(0o177)
            try:
                self._server = await loop.create_unix_server(server, path)
            finally:
                os.umask(before)
            return
        host, _, port = channel.address.rpartition(":")
        self._server = await loop.create_server(server, host, int(port), ssl=_mutual_tls(channel))

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/v1/table":
            return answers.error(404, "not_found", "only /v1/table is here")
        if request.method == "GET":
            current = self._state.current
            return _json(200, {"revision": current.table.revision if current else None})
        if request.method != "PUT":
            return answers.error(405, "method_not_allowed", "PUT a table, or GET the revision")
        return await self._put(request)

    async def _put(self, request: web.BaseRequest) -> web.StreamResponse:
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await request.content.readany():
                size += len(piece)
                if size > TABLE_LIMIT:
                    response = answers.error(413, "table_too_large", f"a table has at most {TABLE_LIMIT} bytes")
                    response.force_close()
                    return response
                pieces.append(piece)
        except web.RequestPayloadError:
            return answers.error(400, "truncated", "the table ended before its length")
        async with self._one_at_a_time:
            match await self._state.apply(b"".join(pieces), self._listeners):
                case Ack(revision=revision):
                    return _json(200, {"revision": revision})
                case Nack(reasons=reasons):
                    return _json(422, {"reasons": list(reasons)})


def _json(status: int, content: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")


def _mutual_tls(channel: Channel) -> ssl.SSLContext:
    if channel.certificate is None or channel.key is None or channel.client_ca is None:
        raise OSError("a push channel over TCP needs --push-cert, --push-key and --push-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    _load(context, channel)
    newest = _age(channel)

    def reload(_connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        nonlocal newest
        age = _age(channel)
        if age != newest:
            newest = age
            _load(context, channel)

    context.sni_callback = reload
    return context


def _load(context: ssl.SSLContext, channel: Channel) -> None:
    assert channel.certificate is not None  # noqa: S101 - checked by _mutual_tls
    context.load_cert_chain(channel.certificate, channel.key)
    context.load_verify_locations(channel.client_ca)


def _age(channel: Channel) -> tuple[float, ...]:
    paths = (channel.certificate, channel.key, channel.client_ca)
    return tuple(path.stat().st_mtime for path in paths if path is not None)
