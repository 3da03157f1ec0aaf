"""The value of a header that holds Envoy's command operators ("Substitution Formatter"), from facts about a request.

As in Envoy, an operator that has nothing to say leaves nothing in its place, and a header without a value is left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.table.rules import Filters, HeaderEdit, ValuePart

ISO_WITH_MILLISECONDS: Final = "%Y-%m-%dT%H:%M:%S.%3fZ"

_OF_THE_CONNECTION: Final = "DOWNSTREAM_"
_SPECIFIER: Final = re.compile(r"%%|%([1-9]?)f|%s|%E([1-9*])S")
_SECOND: Final = 1_000_000_000

Address = tuple[str, int]
"""An IP address and a port, 0 for none."""

_NOWHERE: Final[Address] = ("", 0)


@dataclass(slots=True)
class Facts:
    """What operators can say about one request; what is not known is empty.

    `fields` are the caller's, `target` is path and query as they were sent, `request_id` the text that stands for the
    id. `began` is in nanoseconds since 1970. What follows it is known with an answer only: `answer` are its fields as
    they are at the moment, `host` is the target's HOST:PORT, and `duration` in milliseconds.
    """

    fields: Fields = field(default_factory=CIMultiDict)
    method: str = ""
    target: str = ""
    scheme: str = ""
    protocol: str = ""
    request_id: str = ""
    remote: Address = _NOWHERE
    local: Address = _NOWHERE
    route: str = ""
    upstream: str = ""
    hostname: str = ""
    began: int = 0
    answer: Fields = field(default_factory=CIMultiDict)
    status: int = 0
    host: str = ""
    attempts: int = 0
    duration: int = 0


NO_FACTS: Final = Facts()
"""For headers without operators."""


def has_operators(edits: Iterable[HeaderEdit]) -> bool:
    """Tell whether a value is made of parts."""
    return any(header.parts for edit in edits for header in (*edit.set, *edit.add))


def differs(edits: Iterable[HeaderEdit]) -> bool:
    """Tell whether requests with the same head get other values: by their time, or by their connection."""
    operators = (part.operator for edit in edits for header in (*edit.set, *edit.add) for part in header.parts)
    return any(operator == "START_TIME" or operator.startswith(_OF_THE_CONNECTION) for operator in operators)


def request_edits(filters: Iterable[Filters]) -> tuple[HeaderEdit, ...]:
    """Return all edits of a request's headers, in their order."""
    return tuple(edit for part in filters for edit in part.request_headers)


def answer_edits(filters: Iterable[Filters]) -> tuple[HeaderEdit, ...]:
    """Return all edits of an answer's headers, in their order."""
    return tuple(edit for part in filters for edit in part.response_headers)


def value_of(parts: Iterable[ValuePart], facts: Facts, secrets: Mapping[str, str]) -> str:
    """Return the value that the parts make."""
    return "".join(_of_part(part, facts, secrets) for part in parts)


def _of_part(part: ValuePart, facts: Facts, secrets: Mapping[str, str]) -> str:
    if part.secret:
        return secrets[part.secret]
    if not part.operator:
        return part.text
    value = _OPERATORS[part.operator](part, facts)
    # What stands for the id of a request must stay whole.
    return value if part.longest is None or value == facts.request_id else value[: part.longest]


# ── What each operator says ─────────────────────────────────────────────────────────────────────────────────────────


def _of_request(part: ValuePart, facts: Facts) -> str:
    value = _field(part.argument, facts)
    if value is None and part.otherwise:
        value = _field(part.otherwise, facts)
    return value or ""


def _field(name: str, facts: Facts) -> "str | None":
    """Return a field of the caller, or one of the four that HTTP/2 has in the place of the first line."""
    match name:
        case ":method":
            return facts.method
        case ":path":
            return facts.target
        case ":scheme":
            return facts.scheme
        case ":authority":
            return facts.fields.get("host")
        case "x-request-id":
            return facts.request_id or facts.fields.get(name)
        case _:
            return facts.fields.get(name)


def _of_answer(part: ValuePart, facts: Facts) -> str:
    value = facts.answer.get(part.argument)
    return facts.answer.get(part.otherwise, "") if value is None and part.otherwise else value or ""


def _start_time(part: ValuePart, facts: Facts) -> str:
    return time_text(part.argument or ISO_WITH_MILLISECONDS, facts.began)


def time_text(form: str, moment: int) -> str:
    """Return a moment, in nanoseconds since 1970, in UTC and in the form of `strftime`, with what Envoy adds to it.

    `%s` are the seconds since 1970, `%f` the fraction of the second in 9 digits and `%3f` in 3; `%E3S` are seconds with
    3 digits of it.
    """
    seconds, fraction = divmod(moment, _SECOND)

    def added(found: re.Match[str]) -> str:
        kind = found[0]
        if kind == "%%":
            return kind
        if kind == "%s":
            return str(seconds)
        digits = f"{fraction:09d}"
        if found[2]:
            return f"%S.{digits.rstrip('0') or '0'}" if found[2] == "*" else f"%S.{digits[: int(found[2])]}"
        return digits[: int(found[1] or "9")]

    return datetime.fromtimestamp(seconds, UTC).strftime(_SPECIFIER.sub(added, form))


def _with_port(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else ""


def _port(address: Address) -> str:
    return str(address[1]) if address[1] else ""


def _number(number: int) -> str:
    return str(number) if number else ""


_OPERATORS: Final[Mapping[str, Callable[[ValuePart, Facts], str]]] = {
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda _, facts: _with_port(facts.remote),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": lambda _, facts: facts.remote[0],
    "DOWNSTREAM_DIRECT_REMOTE_PORT": lambda _, facts: _port(facts.remote),
    "DOWNSTREAM_LOCAL_ADDRESS": lambda _, facts: _with_port(facts.local),
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": lambda _, facts: facts.local[0],
    "DOWNSTREAM_LOCAL_PORT": lambda _, facts: _port(facts.local),
    "DOWNSTREAM_REMOTE_ADDRESS": lambda _, facts: _with_port(facts.remote),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda _, facts: facts.remote[0],
    "DOWNSTREAM_REMOTE_PORT": lambda _, facts: _port(facts.remote),
    "DURATION": lambda _, facts: str(facts.duration),
    "HOSTNAME": lambda _, facts: facts.hostname,
    "PROTOCOL": lambda _, facts: facts.protocol,
    "REQ": _of_request,
    "RESP": _of_answer,
    "RESPONSE_CODE": lambda _, facts: _number(facts.status),
    "ROUTE_NAME": lambda _, facts: facts.route,
    "START_TIME": _start_time,
    "UPSTREAM_CLUSTER": lambda _, facts: facts.upstream,
    "UPSTREAM_HOST": lambda _, facts: facts.host,
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": lambda _, facts: _number(facts.attempts),
}
