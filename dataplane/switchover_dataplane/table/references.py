"""Parts of a table refer to one another by name: which of the names lead nowhere."""

from collections.abc import Container

from switchover_dataplane.table.access import ApiKeys
from switchover_dataplane.table.rules import Filters
from switchover_dataplane.table.table import Table


def dangling(table: Table, sound: Table | None = None) -> list[str]:
    """Name every reference in the table that leads nowhere.

    The parts that are those of a table without one (`sound`) are not looked at again where nothing is gone since.
    """
    if sound is not None and any(getattr(sound, name).keys() - getattr(table, name).keys() for name in _REFERRED):
        sound = None
    return [
        *_dangling_listeners(table, sound),
        *_dangling_access(table),
        *_dangling_rules(table, sound),
        *_dangling_targets(table, sound),
    ]


_NEEDS_SECRET = ("token", "service-account", "aws")
_REFERRED = ("rules", "policies", "upstreams", "secrets", "access")


def _dangling_listeners(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    ports = sound.ports if sound is not None else ()
    known = {id(host) for port in ports for listener in port.listeners for host in listener.hosts}
    for port in table.ports:
        for listener in port.listeners:
            where = f"listener {listener.name}"
            for certificate in listener.certificates:
                wrong += _unknown(table.secrets, where, certificate.chain, certificate.key)
            for host in listener.hosts:
                if id(host) not in known:
                    wrong += _unknown(table.rules, where, *(match.rule for match in host.matches))
    return wrong


def _dangling_access(table: Table) -> list[str]:
    wrong: list[str] = []
    for key, access in table.access.items():
        for caller in access.callers if isinstance(access, ApiKeys) else ():
            wrong += _unknown(table.secrets, f"access {key}", *(each.secret for each in caller.headers if each.secret))
    return wrong


def _dangling_rules(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    known = sound.rules if sound is not None else {}
    for key, rule in table.rules.items():
        if known.get(key) is rule:
            continue
        where = f"rule {key}"
        if rule.access:
            wrong += _unknown(table.access, where, rule.access)
        wrong += _unknown(table.secrets, where, *_header_secrets(rule.filters))
        for backend in rule.backends:
            wrong += _unknown(table.secrets, where, *_header_secrets(backend.filters))
            if not backend.problem:
                wrong += _unknown(table.upstreams, where, backend.upstream)
                wrong += _unknown(table.policies, where, backend.policy)
    return wrong


def _dangling_targets(table: Table, sound: Table | None) -> list[str]:
    wrong: list[str] = []
    known = sound.upstreams if sound is not None else {}
    for key, upstream in table.upstreams.items():
        if known.get(key) is upstream:
            continue
        for target in (target for pool in upstream.priorities for target in pool):
            names = (*target.auth.names, *((target.tls.ca, target.tls.chain, target.tls.key) if target.tls else ()))
            wrong += _unknown(table.secrets, f"upstream {key}", *filter(None, names))
            if target.auth.kind in _NEEDS_SECRET and not target.auth.secret:
                wrong.append(f"upstream {key} has a target with a credential ({target.auth.kind}) of no secret")
            if target.auth.kind == "aws" and not target.auth.access_key:
                wrong.append(f"upstream {key} has a target with AWS credentials of no access key id")
    return wrong


def _header_secrets(filters: Filters) -> list[str]:
    edits = (*filters.request_headers, *filters.response_headers)
    headers = [header for edit in edits for header in (*edit.set, *edit.add)]
    in_parts = [part.secret for header in headers for part in header.parts if part.secret]
    return [*(header.secret for header in headers if header.secret), *in_parts]


def _unknown(known: Container[str], where: str, *names: str) -> list[str]:
    return [f"{where} refers to {name!r}, which the table does not have" for name in names if name not in known]
