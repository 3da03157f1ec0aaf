"""Where a request arrives: ports, their listeners, and which rule serves what."""

from typing import Annotated, Literal

import msgspec

from switchover_dataplane.table.fields import Frozen, PortNumber


class ValueMatch(Frozen, frozen=True):
    """One header or query parameter that a request must carry (HTTPRoute `matches[].headers`, `.queryParams`).

    `name` of a header is lower case. A `RegularExpression` must match the whole value.
    """

    name: str
    value: str
    kind: Literal["Exact", "RegularExpression"] = "Exact"


class PathMatch(Frozen, frozen=True):
    """HTTPRoute `matches[].path`; a `PathPrefix` matches whole path elements and has no trailing slash but for "/"."""

    value: str = "/"
    kind: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"


class Match(Frozen, frozen=True):
    """What a request must look like to be served by rule `rule` (a key of `Table.rules`)."""

    rule: str
    path: PathMatch = PathMatch()
    method: str = ""
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()


class Host(Frozen, frozen=True):
    """The matches for one route hostname, first match wins.

    `hostname` is "" for every host, "*.example.com" for any name below example.com, else one name; lower case.
    """

    hostname: str
    matches: tuple[Match, ...]


class Certificate(Frozen, frozen=True):
    """A certificate chain and its private key: names of two PEM texts in `Table.secrets`."""

    chain: str
    key: str


class Listener(Frozen, frozen=True):
    """One listener of one Gateway on a port. `hostname` as in `Host`; `hosts` from most to least specific.

    `port` is the one that clients see, where a Service maps it to the socket's; 0: they are the same. `closed` says
    why nobody may ask here, for people and never for callers; "": it is open.
    """

    name: str
    hostname: str = ""
    certificates: tuple[Certificate, ...] = ()
    hosts: tuple[Host, ...] = ()
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    closed: str = ""


class Port(Frozen, frozen=True):
    """A socket and the listeners that share it, from most to least specific hostname."""

    number: PortNumber
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    listeners: tuple[Listener, ...] = ()
