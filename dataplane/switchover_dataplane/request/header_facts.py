"""What operators in the values of headers can say: looked up for those routes only whose headers ask for it."""

import os
import time
from typing import TYPE_CHECKING, Final

from switchover_dataplane.edge.request import Request
from switchover_dataplane.routing import callers
from switchover_dataplane.routing.header_values import Address, Facts
from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.telemetry.trace import Record

if TYPE_CHECKING:
    from switchover_dataplane.request.plan import Routed

_HOSTNAME: Final = os.uname().nodename


def of_request(request: Request, routed: "Routed", given: Fields, request_id: str) -> Facts:
    """Return what is known before a target is asked; `given` are the caller's fields without the key for this gateway.

    `request_id` is the text that stands for the id.
    """
    transport = request.connection.transport
    rule = routed.found.rule
    return Facts(
        fields=given,
        method=request.method,
        target=request.head.target,
        scheme=routed.serving.scheme(routed.found.port),
        protocol="HTTP/1.1" if request.head.http_1_1 else "HTTP/1.0",
        request_id=request_id,
        remote=_address(transport.get_extra_info("peername") if transport is not None else None),
        local=_address(transport.get_extra_info("sockname") if transport is not None else None),
        route=f"{rule.route}/{rule.name}",
        upstream=routed.upstream.name,
        hostname=_HOSTNAME,
        began=time.time_ns(),
    )


def of_answer(request: Request, routed: "Routed", record: Record, status: int, fields: Fields) -> Facts:
    """Return what is known when an answer begins; `fields` are those that the client gets, and change meanwhile."""
    given: Fields = request.headers
    if routed.admission is not None:
        given = callers.without_keys(given, routed.admission)
    facts = of_request(request, routed, given, record.request_id)
    elapsed = time.monotonic() - record.started
    answering = record.answering
    if answering is not None:
        destination = routed.serving.routes[answering.target].destination
        host = f"[{destination.host}]" if ":" in destination.host else destination.host
        facts.host = f"{host}:{destination.port}"
    facts.began -= int(elapsed * 1e9)
    facts.answer = fields
    facts.status = status
    facts.attempts = len(record.attempts)
    facts.duration = int(elapsed * 1000)
    return facts


def _address(socket_name: object) -> Address:
    """Return the address of a socket's end, which a Unix socket has not."""
    return (str(socket_name[0]), int(socket_name[1])) if isinstance(socket_name, tuple) else ("", 0)
