"""A table's targets → everything that sending to them needs and that no request changes, made once per table."""

import ssl
from collections.abc import Mapping
from typing import Final

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.formats.api import Api, api_of, is_for_vectors, is_of_messages, writes
from switchover_dataplane.process.tls import BadKeyPair, client_context
from switchover_dataplane.routing.caller_query import without_credentials
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Target, Tls, Upstream
from switchover_dataplane.table.wire import InvalidTable
from switchover_dataplane.target_addresses import STRICT, TargetAddresses
from switchover_dataplane.upstream.providers import ANTHROPIC_BETA, ANTHROPIC_VERSION, Wire, wire
from switchover_dataplane.upstream.signer import Signer, signer_of
from switchover_dataplane.upstream.transport import Destination

_NOT_OURS: Final = ("none", "passthrough")
"""Kinds of credentials that are not the gateway's: beside one of its own, the caller's are left out of the query."""


_OF_OPENAI: Final = ("openai", "azure-openai")


class Route:
    """How to reach and address one target.

    `model` replaces the body's where text is written ("" keeps it), `label` is the model that the target names (""
    for none), `authority` is the Host to send ("" keeps the caller's), `credential` the (name, value) of the header
    that authorises, None where none does for all requests alike; then `signer` makes it for each, if it is not the
    caller's own.
    """

    __slots__ = ("authority", "credential", "destination", "label", "model", "signer", "target", "wire")

    def __init__(
        self,
        *,
        target: Target,
        destination: Destination,
        wire: Wire,
        model: str,
        label: str,
        authority: str,
        credential: tuple[str, str] | None,
        signer: Signer | None,
    ) -> None:
        self.target = target
        self.destination = destination
        self.wire = wire
        self.model = model
        self.label = label
        self.authority = authority
        self.credential = credential
        self.signer = signer

    @property
    def name(self) -> str:
        """What the log calls it where no request is meant: PROVIDER/MODEL, or its id where it names no model."""
        return f"{self.wire.name}/{self.label}" if self.label else self.target.id

    def path(self, path: str, query: str) -> str:
        """Path and query to ask the target for, from those of the request after its rewrites.

        Gloo `customHost.pathOverride`: `fullPath` replaces path and query, `basePath` goes before the path.
        """
        if self.target.full_path:
            return self.target.full_path
        asked = self.target.base_path.rstrip("/") + self.wire.path(self.target.provider, path)
        if not query or "?" in asked:
            return asked
        if self.target.auth.kind not in _NOT_OURS:
            query = without_credentials(query)
        return f"{asked}?{query}" if query else asked

    def translated_path(self, *, streamed: bool) -> str:
        """Path and query to ask the target for in its own API, for a request of another one (`Wire.translated_path`).

        `fullPath` and `basePath` as in `path`. "" where no path can be made.
        """
        if self.target.full_path:
            return self.target.full_path
        own = self.wire.translated_path(self.target.provider, streamed)
        return self.target.base_path.rstrip("/") + own if own else ""

    @property
    def speaks(self) -> Api | None:
        """The API in which clients of others are served (`Wire.api`)."""
        return self.wire.api(self.target.provider)

    def takes(self, api: Api) -> bool:
        """Tell whether a request of an API goes to the target as it is (`Wire.takes`)."""
        return self.wire.takes(self.target.provider, api)

    def may_speak(self, api: Api) -> bool:
        """Tell whether a target that is asked in another API at first may have this one, too.

        A server that is compatible with OpenAI's may have the Responses API, which nothing tells beforehand.
        """
        return api is Api.RESPONSES and self.wire.name in _OF_OPENAI

    def address(self, headers: "CIMultiDict[str]", path: str) -> None:
        """Make the fields of a request to the target those that its API has, in place.

        Fields about Anthropic's API go where Messages is spoken and nowhere else: another provider may refuse them. The
        caller's own version stays; one that names none gets the target's.
        """
        if self.speaks is Api.MESSAGES:
            for name, value in self.wire.fields(self.target.provider):
                headers.setdefault(name, value)
        elif not is_of_messages(path):
            for name in (ANTHROPIC_VERSION, ANTHROPIC_BETA):
                headers.popall(name, None)

    def api(self, asked: str) -> Api | None:
        """Name the API that the target is asked for, None where the form of its answers is not known.

        `asked` is the request's path after its rewrites. A `fullPath` may be any, so that then the request's tells.
        """
        own = self.target.full_path
        return (api_of(own) if own else None) or api_of(self.wire.path(self.target.provider, asked))

    def writes(self, asked: str) -> bool:
        """Tell whether the target is asked to write text, or about such a text."""
        own = self.target.full_path
        by_its_own = writes(own) if own else None
        return bool(writes(self.wire.path(self.target.provider, asked)) if by_its_own is None else by_its_own)

    def is_for_vectors(self, asked: str) -> bool:
        """Tell whether the target is asked for embeddings."""
        return is_for_vectors(self.target.full_path or self.wire.path(self.target.provider, asked))

    def model_for(self, asked: str) -> str:
        """Name the model that replaces the body's at a path, "" where the caller's stays.

        An Upstream names a model that writes. What embeds, draws, speaks or judges is another one, which the caller
        names.
        """
        model = self.model or self.wire.model_at(self.target.provider, asked)
        return model if model and self.writes(asked) else ""

    def passed_through(self, token: str) -> tuple[str, str] | None:
        """Return the header that hands the caller's own token on (Gloo `authToken.passthrough`), None if it is not.

        `token` is the caller's Authorization. Its scheme has no case (RFC 9110, section 11.1); another scheme than
        Bearer is handed on as it is where the target is asked with an Authorization, and not at all where it is not.
        """
        if self.target.auth.kind != "passthrough":
            return None
        name, prefix = self.wire.token_header
        scheme, found, rest = token.partition(" ")
        if not found:
            return name, prefix + token
        if scheme.lower() == "bearer":
            return name, prefix + rest.strip(" ")
        return (name, token) if name == "authorization" else None


def routes(
    table: Table,
    before: tuple[Table, Mapping[str, Route]] | None = None,
    addresses: TargetAddresses = STRICT,
) -> dict[str, Route]:
    """Prepare every target of the table, by id; those that are as in the table `before` are taken over from there.

    `addresses` says which addresses an endpoint that gives tokens may have.

    Raises:
        InvalidTable: a certificate or key for a target cannot be used.
    """
    prepared: dict[str, Route] = {}
    wrong: list[str] = []
    if before is not None and before[0].secrets == table.secrets:
        # One comparison of all secrets spares one for each target.
        before = msgspec.structs.replace(before[0], secrets=table.secrets), before[1]
    for key, upstream in table.upstreams.items():
        if before is not None and _is_as_before(key, upstream, table, before[0]):
            for pool in upstream.priorities:
                for target in pool:
                    prepared[target.id] = before[1][target.id]
            continue
        for target in (target for pool in upstream.priorities for target in pool):
            try:
                context = _context(target.tls, table.secrets)
            except BadKeyPair as error:
                wrong.append(f"target {target.id}: {error}")
                continue
            prepared[target.id] = _route(target, context, upstream.connect_timeout, table.secrets, addresses)
    if wrong:
        raise InvalidTable(*wrong)
    return prepared


def _is_as_before(key: str, upstream: Upstream, table: Table, before: Table) -> bool:
    """Tell whether an upstream and all secrets of its targets are the same in two tables."""
    old = before.upstreams.get(key)
    if old is not upstream and old != upstream:
        return False
    if before.secrets is table.secrets:
        return True
    named = (
        name
        for pool in upstream.priorities
        for target in pool
        for name in (*target.auth.names, *((target.tls.ca, target.tls.chain, target.tls.key) if target.tls else ()))
    )
    return all(table.secrets.get(name) == before.secrets.get(name) for name in named if name)


def _route(
    target: Target,
    context: ssl.SSLContext | None,
    connect_timeout: float,
    secrets: Mapping[str, str],
    addresses: TargetAddresses,
) -> Route:
    speaks = wire(target.provider)
    name, prefix = speaks.token_header
    return Route(
        target=target,
        destination=Destination(
            host=target.host,
            port=target.port,
            tls=context,
            server_name=target.tls.server_name if target.tls else "",
            connect_timeout=connect_timeout,
        ),
        wire=speaks,
        model=speaks.model(target.provider),
        label=speaks.label(target.provider),
        authority=target.host_header,
        credential=(name, prefix + secrets[target.auth.secret]) if target.auth.kind == "token" else None,
        signer=signer_of(target, secrets, addresses),
    )


def _context(tls: Tls | None, secrets: Mapping[str, str]) -> ssl.SSLContext | None:
    if tls is None:
        return None
    ca, chain, key = (secrets[name] if name else "" for name in (tls.ca, tls.chain, tls.key))
    return client_context(ca, chain, key)
