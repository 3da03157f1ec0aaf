"""A table ↔ its text in parts, so that a push carries only the parts that the data plane does not have.

The parts of a table are its JSON text (`wire.py`) cut into pieces: joined in order they are that text, byte for
byte, and its revision is the digest of it as of any table. Cuts stand between entries and depend on what an entry is
called, not on its place, so that one that comes, goes or changes alters the one part that it is in.

A part is of a kind, by which it is read alone: entries of one of the table's mappings, hosts of a listener, or matches
of a host that has many. What is between them is the frame.
"""

import hashlib
from binascii import crc32
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from switchover_dataplane.table import references
from switchover_dataplane.table.access import Access
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Match, Port
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.table.wire import InvalidTable, read

CONTENT_TYPE: Final = "application/vnd.switchover.table-parts+msgpack"

Kind = Literal["frame", "access", "policies", "rules", "secrets", "upstreams", "hosts", "open", "matches", "close"]
"""`hosts` are whole ones. A host of many matches is `open` (its beginning), `matches` and `close`."""

_ONE_IN: Final = 32
"""One of so many entries is the first of a part."""
_MOST: Final = 128
"""Entries of the longest part."""
_MANY_MATCHES: Final = 64
_MAPPINGS: Final = ("access", "policies", "rules", "secrets", "upstreams")
_HOLE: Final = b"\0"
"""Stands for what is not of the frame; no JSON text has it."""
_UNSEALED: Final = b'"revision":""'


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a table's text.

    `entries` are what it was made of, a tuple, or what it is read as, for a mapping's a dict; a frame has none.
    """

    kind: Kind
    text: bytes = field(repr=False)
    digest: str
    entries: Any = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, kind: Kind, text: bytes, entries: tuple[Any, ...] = ()) -> "Part":
        """Make a part with the digest of its text."""
        return cls(kind, text, hashlib.sha256(text).hexdigest()[:32], entries)


class Pushed(msgspec.Struct, frozen=True):
    """What a push in parts carries: the kind and digest of every part in order, and the texts of some."""

    revision: str
    parts: tuple[tuple[Kind, str], ...]
    texts: dict[str, bytes]


class MissingParts(Exception):
    """A push names parts that it does not carry and that are not known: push them all."""


# ── Table → parts ───────────────────────────────────────────────────────────────────────────────────────────────────


def sealed(content: Table, before: Iterable[Part] = ()) -> tuple[Table, tuple[Part, ...]]:
    """Seal a table whose revision is "", and cut its text into parts; those of `before` are used again."""
    parts = [*_cut(content, {(part.kind, _name(part.kind, part.entries[0])): part for part in before if part.entries})]
    revision = _revision(part.text for part in parts)
    seal = f'"revision":"{revision}"'.encode()
    for place, part in enumerate(parts):
        if part.kind == "frame" and _UNSEALED in part.text:
            parts[place] = Part.of("frame", part.text.replace(_UNSEALED, seal, 1))
            break
    return msgspec.structs.replace(content, revision=revision), tuple(parts)


def text_of(parts: Iterable[Part]) -> bytes:
    """Parts → the JSON text of the table."""
    return b"".join(part.text for part in parts)


def push(revision: str, parts: Sequence[Part], known: "frozenset[str] | set[str]") -> bytes:
    """Write a push of a table to a data plane that has the parts with the digests `known`."""
    texts = {part.digest: part.text for part in parts if part.digest not in known}
    return msgspec.msgpack.encode(Pushed(revision, tuple((part.kind, part.digest) for part in parts), texts))


def _revision(texts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text)
    return digest.hexdigest()[:16]


_Known = Mapping[tuple[Kind, str], Part]


def _name(kind: Kind, entry: Any) -> str:
    """What an entry of a part is called."""
    if kind in _MAPPINGS:
        return str(entry[0])
    return str(entry.hostname if kind == "hosts" else entry.rule if kind == "matches" else entry)


def _cut(content: Table, known: _Known) -> Iterator[Part]:
    """Cut the text of a table at the holes of its frame."""
    framed, holes = _framed(content)
    for text, (name, entries) in zip(framed.split(_HOLE), [*holes, ("", ())], strict=True):
        yield Part.of("frame", text)
        if name == "hosts":
            yield from _cut_hosts(entries, known)
        elif name:
            yield from _cut_entries(name, sorted(entries.items()), known)


def _framed(content: Table) -> tuple[bytes, list[tuple[Any, Any]]]:
    """The text of a table with holes, and what belongs into each of them, in the order of the text."""
    holes: list[tuple[Any, Any]] = [
        (name, given) for name in ("access", "policies") if (given := getattr(content, name))
    ]
    ports: list[Port] = []
    for port in content.ports:
        listeners: list[Any] = []
        for listener in port.listeners:
            hosts: Any = listener.hosts and msgspec.Raw(b"[\0]")
            listeners.append(msgspec.structs.replace(listener, hosts=hosts))
            holes += [("hosts", listener.hosts)] if listener.hosts else []
        ports.append(msgspec.structs.replace(port, listeners=tuple(listeners)))
    holes += [(name, given) for name in ("rules", "secrets", "upstreams") if (given := getattr(content, name))]
    emptied: dict[str, Any] = {name: msgspec.Raw(b"{\0}") for name in _MAPPINGS if getattr(content, name)}
    frame = msgspec.structs.replace(content, ports=tuple(ports), **emptied)
    return msgspec.json.encode(frame, order="sorted"), holes


def _cut_entries(kind: Kind, entries: Sequence[tuple[str, Any]], known: _Known) -> Iterator[Part]:
    first = True
    for group in _groups(entries, [key for key, _ in entries]):
        yield _part(kind, group, known, first=first)
        first = False


def _cut_hosts(hosts: Sequence[Host], known: _Known) -> Iterator[Part]:
    first = True
    for several in _runs(hosts):
        if len(several) == 1 and len(several[0].matches) > _MANY_MATCHES:
            yield from _cut_host(several[0], known, first=first)
        else:
            for group in _groups(several, [host.hostname for host in several]):
                yield _part("hosts", group, known, first=first)
                first = False
        first = False


def _cut_host(host: Host, known: _Known, *, first: bool) -> Iterator[Part]:
    """Cut a host of many matches. Its text is that of a host of none but for them."""
    opening = msgspec.json.encode({"hostname": host.hostname, "matches": []})[:-2]
    yield Part.of("open", opening if first else b"," + opening, (host.hostname,))
    beginning = True
    for group in _groups(host.matches, [match.rule for match in host.matches]):
        yield _part("matches", group, known, first=beginning)
        beginning = False
    yield Part.of("close", b"]}")


def _runs(hosts: Sequence[Host]) -> Iterator[Sequence[Host]]:
    """Split hosts into those of many matches, each alone, and those between them."""
    start = 0
    for place, host in enumerate(hosts):
        if len(host.matches) > _MANY_MATCHES:
            if place > start:
                yield hosts[start:place]
            yield hosts[place : place + 1]
            start = place + 1
    if start < len(hosts):
        yield hosts[start:]


def _groups(entries: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Group entries; which of them begins a group depends on its name alone, unless a group grows too long."""
    start = 0
    for place, name in enumerate(names):
        if place > start and (crc32(name.encode()) % _ONE_IN == 0 or place - start == _MOST):
            yield tuple(entries[start:place])
            start = place
    yield tuple(entries[start:])


def _part(kind: Kind, entries: tuple[Any, ...], known: _Known, *, first: bool) -> Part:
    """Make the part of some entries, or find it; all but the first of a hole begin with a comma."""
    same = known.get((kind, _name(kind, entries[0])))
    if same is not None and same.text.startswith(b",") is not first and _are(same.entries, entries):
        return same
    content: Any = dict(entries) if kind in _MAPPINGS else entries
    text = msgspec.json.encode(content, order="sorted")[1:-1]
    return Part.of(kind, text if first else b"," + text, entries)


def _are(known: tuple[Any, ...], entries: tuple[Any, ...]) -> bool:
    """Tell whether entries are the known ones. Equal ones may not do: a text leaves one default out, not another."""
    return len(known) == len(entries) and all(
        one is other or (type(one) is tuple and one[0] == other[0] and one[1] is other[1])
        for one, other in zip(known, entries, strict=True)
    )


# ── Parts → table ───────────────────────────────────────────────────────────────────────────────────────────────────


def received(body: bytes, known: Mapping[str, Part]) -> tuple[str, tuple[Part, ...]]:
    """Read a push: the revision that it says, and all parts; those that it does not carry are `known`.

    Raises:
        InvalidTable: it is no push, or the text of a part is not that of its digest.
        MissingParts: a part is neither carried nor known.
    """
    try:
        pushed = msgspec.msgpack.decode(body, type=Pushed)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidTable(f"not a table in parts: {error}") from error
    parts: list[Part] = []
    for kind, digest in pushed.parts:
        part = known.get(digest)
        if part is None or part.kind != kind:
            text = pushed.texts.get(digest)
            if text is None:
                raise MissingParts
            part = Part.of(kind, text)
            if part.digest != digest:
                raise InvalidTable(f"part {digest[:32]!r} is not what its digest says")
            part = Part(kind, text, digest, _entries(kind, text))
        parts.append(part)
    return pushed.revision, tuple(parts)


_READERS: Final[Mapping[str, Any]] = {
    "access": msgspec.json.Decoder(dict[str, Access]),
    "policies": msgspec.json.Decoder(dict[str, Policy]),
    "rules": msgspec.json.Decoder(dict[str, Rule]),
    "secrets": msgspec.json.Decoder(dict[str, str]),
    "upstreams": msgspec.json.Decoder(dict[str, Upstream]),
    "hosts": msgspec.json.Decoder(tuple[Host, ...]),
    "matches": msgspec.json.Decoder(tuple[Match, ...]),
}


def _entries(kind: Kind, text: bytes) -> Any:
    """Read a part alone.

    Raises:
        InvalidTable: it is not of its kind.
    """
    reader = _READERS.get(kind)
    bare = text.removeprefix(b",")
    try:
        if kind in _MAPPINGS and reader is not None:
            return reader.decode(b"{" + bare + b"}")
        if reader is not None:
            return reader.decode(b"[" + bare + b"]")
        if kind == "open":
            return (msgspec.json.decode(bare + b"]}", type=Host).hostname,)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidTable(f"not a table: {error} - in a part with {kind}") from error
    return ()


def joined(revision: str, parts: Sequence[Part], before: Table | None = None) -> Table:
    """Parts → the table. Of its text only the frame is read; what is in the other parts was read when they came.

    `before` is the table that was joined last, whose references are sound.

    Raises:
        InvalidTable: the revision is not the digest of the text, or the parts make no table.
    """
    unsealed = f'"revision":"{revision}"'.encode()
    expected = _revision(
        part.text.replace(unsealed, _UNSEALED, 1) if part.kind == "frame" else part.text for part in parts
    )
    if revision != expected:
        raise InvalidTable(
            f"the revision {revision[:64]!r} is not the digest of the table's content, which is {expected}"
        )
    frame, groups = _frame(parts)
    framed = read(frame)
    if framed.revision != revision:
        raise InvalidTable(f"the revision {framed.revision[:64]!r} of the table is not the one that is pushed")
    mappings: dict[str, dict[str, Any]] = {name: {} for name in _MAPPINGS}
    for part in parts:
        if part.kind in mappings:
            mappings[part.kind].update(part.entries)
    whole = msgspec.structs.replace(framed, ports=_filled(framed.ports, groups), **mappings)
    dangling = references.dangling(whole, before)
    if dangling:
        raise InvalidTable(*dangling)
    return whole


_HOST_KINDS: Final = ("hosts", "open", "matches", "close")


def _frame(parts: Sequence[Part]) -> tuple[bytes, list[list[Part]]]:
    """Join the frame, in which a host that is called by a number stands for the hosts of each listener: these, too."""
    texts: list[bytes] = []
    groups: list[list[Part]] = []
    in_group = False
    for part in parts:
        if part.kind == "frame":
            texts.append(part.text)
        elif part.kind in _HOST_KINDS:
            if not in_group:
                texts.append(msgspec.json.encode(Host(_stand_in(len(groups)), ())))
                groups.append([])
            groups[-1].append(part)
        in_group = part.kind in _HOST_KINDS
    return b"".join(texts), groups


def _stand_in(number: int) -> str:
    return f"\0{number}"


def _filled(ports: tuple[Port, ...], groups: Sequence[Sequence[Part]]) -> tuple[Port, ...]:
    """Put the hosts of each listener in the place of what stands for them."""
    hosts = {_stand_in(number): _hosts(group) for number, group in enumerate(groups)}
    return tuple(
        msgspec.structs.replace(
            port,
            listeners=tuple(
                msgspec.structs.replace(listener, hosts=hosts[listener.hosts[0].hostname])
                if listener.hosts and listener.hosts[0].hostname in hosts
                else listener
                for listener in port.listeners
            ),
        )
        for port in ports
    )


def _hosts(parts: Sequence[Part]) -> tuple[Host, ...]:
    hosts: list[Host] = []
    hostname, matches = "", list[Match]()
    for part in parts:
        match part.kind:
            case "hosts":
                hosts += part.entries
            case "open":
                hostname, matches = part.entries[0], []
            case "matches":
                matches += part.entries
            case _:
                hosts.append(Host(hostname, tuple(matches)))
    return tuple(hosts)
