"""The push channel: `PUT /v1/table` from the control plane → ACK with the revision, or NACK with reasons.

A push is a whole table (`application/json`, `table/wire.py`), or its parts (`table/parts.py`): the digests of all of
them in order, and the texts of those that the data plane does not have. It has the parts of the table that it serves
if that came in parts. Where one is missing it answers 409 and serves on; the next push then carries all. A data plane
that was started anew has none. In both forms the revision is the digest of the whole text, 200 says that the
whole table is served, and 422 that nothing changed.

It carries API keys: a Unix socket that only its owner may open, or TCP with mutual TLS. `GET /v1/table` tells the
revision, and the priority that answers by upstream: `{"revision": "...", "active": {"ns/name": 1}}`.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from switchover_dataplane.control import read_body
from switchover_dataplane.control.http_server import HttpServer, Limits, refusal, response
from switchover_dataplane.control.mutual_tls import Files, MutualTls
from switchover_dataplane.edge.early_refusal import Refusal
from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.process import address
from switchover_dataplane.served_table import Ack, Nack, State
from switchover_dataplane.table.parts import CONTENT_TYPE, MissingParts

TABLE_LIMIT: Final = 64 * 1024 * 1024

_TABLE_TIMEOUT: Final = 30.0
"""Seconds within which a whole table has to come."""

_LAST_PUSH: Final = 2.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Where pushes come in: `unix:PATH`, or HOST:PORT with the files of a certificate, its key and the client CA."""

    address: str
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    @property
    def socket(self) -> str:
        """The path of the Unix socket, "" for TCP."""
        return self.address.removeprefix("unix:") if self.address.startswith("unix:") else ""

    def files(self) -> Files:
        """Return the files of mutual TLS.

        Raises:
            ValueError: not all of them were named.
        """
        if self.certificate is None or self.key is None or self.client_ca is None:
            raise ValueError("a push channel over TCP needs --push-cert, --push-key and --push-ca")
        return Files(self.certificate, self.key, self.client_ca)


class Push:
    """The endpoint that takes tables, one at a time."""

    def __init__(self, state: State, listeners: Listeners) -> None:
        self._state = state
        self._listeners = listeners
        self._one_at_a_time = asyncio.Lock()
        self._server = HttpServer(self._serve, Limits())

    async def open(self, channel: Channel) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be bound, or a certificate file not be used.
            ValueError: the address is none, or a certificate file is not named.
        """
        if channel.socket:
            await self._server.listen_unix(channel.socket)
            return
        host, port = address.parse(channel.address)
        await self._server.listen(host, port, MutualTls(channel.files()).context)

    @property
    def port(self) -> int:
        """The TCP port that pushes come in at."""
        return self._server.port

    async def close(self) -> None:
        """Stop listening; a push in flight is answered."""
        await self._server.close(_LAST_PUSH)

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        if request.path != "/v1/table":
            return response(own_answers.error(own_errors.NOT_FOUND, "only /v1/table is here"))
        if request.method == "GET":
            return _json(200, self._serving())
        if request.method != "PUT":
            answer = own_answers.error(own_errors.METHOD_NOT_ALLOWED, "PUT a table, or GET the revision")
            answer.headers["allow"] = "GET, PUT"
            return response(answer)
        return await self._put(request)

    def _serving(self) -> dict[str, object]:
        current = self._state.current
        return {
            "revision": current.table.revision if current else None,
            "active": self._state.active_priorities(time.monotonic()),
        }

    async def _put(self, request: web.BaseRequest) -> web.Response:
        pushed = await read_body.read(request, TABLE_LIMIT, _TABLE_TIMEOUT)
        if isinstance(pushed, Refusal):
            return refusal(pushed)
        # Whoever pushes may leave at any time; a table is taken whole all the same.
        in_parts = request.headers.get("content-type", "") == CONTENT_TYPE
        applying = asyncio.create_task(self._apply(pushed, in_parts=in_parts), name="apply a table")
        match await asyncio.shield(applying):
            case None:
                text = "parts of the table are missing here: push all of them"
                return response(own_answers.error(own_errors.PARTS_MISSING, text))
            case Ack(revision=revision):
                return _json(200, {"revision": revision})
            case Nack(reasons=reasons):
                return _json(422, {"reasons": list(reasons)})

    async def _apply(self, text: bytes, *, in_parts: bool) -> Ack | Nack | None:
        """Serve a pushed table; None: parts of it are missing."""
        async with self._one_at_a_time:
            if in_parts:
                try:
                    return await self._state.apply_parts(text, self._listeners)
                except MissingParts:
                    return None
            return await self._state.apply(text, self._listeners)


def _json(status: int, content: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")
