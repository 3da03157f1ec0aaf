"""What is compiled from what: each `tests/golden/SENTENCE.in.yaml` with the `.out.yaml` that it has to give.

The input is manifests, as a user would write them. Two documents of the group `golden` steer a case: `kind: Fleet` asks
for a cluster's ports instead of one machine's, and `kind: Then` begins the next moment, so that what was good before is
known. Values such as $ONE_KEY stand for certificates and keys made on the spot. The output is the table (secrets
masked) and what is said of each object, after the last moment.
"""

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from certificates import Authority, service_account
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import decode, encode
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import Cluster, Fleet, GatewayPort, Standalone, internal_ports
from switchover_operator.compiler.report import Report, Standing
from switchover_operator.findings import Weight, findings
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document

AUTHORITY = Authority()
(ONE_CHAIN, ONE_KEY), (_, OTHER_KEY) = AUTHORITY.issue("chat.example.com"), AUTHORITY.issue("other.example.com")
PEM = {"$AUTHORITY": AUTHORITY.pem, "$ONE_CHAIN": ONE_CHAIN, "$ONE_KEY": ONE_KEY, "$OTHER_KEY": OTHER_KEY}
PEM["$SERVICE_ACCOUNT"] = service_account()

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(GOLDEN.glob("*.in.yaml"))
_PATH = re.compile(r"(Dropped Rule: )?(spec|metadata|data|apiVersion|kind|ports|endpoints)\b")
"""A message about a part of an object; others begin with the name of the object that they are about."""
_OF_ITSELF = ("Accepted", "ResolvedRefs")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".in.yaml"))
def test_the_compiler_makes_of_these_manifests_what_is_written_beside_them(
    case: Path, request: pytest.FixtureRequest
) -> None:
    compiled, told = _compiled_case(case), _told(case)
    expected = case.with_name(case.name.replace(".in.yaml", ".out.yaml"))
    if request.config.getoption("--golden-write"):
        expected.write_text(told)
    assert told == expected.read_text()
    assert encode(_compiled(list(_shuffled(_moments(case)))).table) == encode(compiled.table)
    assert decode(encode(compiled.table)) == compiled.table


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".in.yaml"))
def test_no_value_of_a_secret_is_told_to_anybody(case: Path) -> None:
    compiled, told = _compiled_case(case), _told(case)
    assert not [name for name, value in compiled.table.secrets.items() if value in told]


@pytest.mark.parametrize("case", [case for case in CASES if "api-key:" in case.read_text()], ids=lambda path: path.name)
def test_no_callers_key_stands_in_a_table_or_is_told(case: Path) -> None:
    bodies = [body for bodies, _ in _moments(case) for body in bodies]
    keys = {body.get("stringData", {}).get("api-key", "").strip() for body in bodies} - {""}
    assert keys
    assert not [key for key in keys if key in encode(_compiled_case(case).table).decode() + _told(case)]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name.removesuffix(".in.yaml"))
def test_whatever_is_not_served_is_told_with_the_path_of_the_field_first(case: Path) -> None:
    reports = _compiled_case(case).reports
    told = {each.message for report in reports for each in findings(report, lambda *_: "", Weight.NO_EFFECT)}
    assert [text for text in told if "\n" in text] == []
    objects = tuple(str(report.identity) for report in reports)
    assert [text for text in told if not _PATH.match(text) and not text.startswith(objects)] == []
    of_itself = (each for report in reports for each in report.every_condition if each.type in _OF_ITSELF)
    own = {text for each in of_itself if each.status != "True" for text in each.messages}
    assert [text for text in own if not _PATH.match(text)] == []


def test_every_golden_output_has_its_input() -> None:
    outputs = {path.name.removesuffix(".out.yaml") for path in GOLDEN.glob("*.out.yaml")}
    assert outputs == {path.name.removesuffix(".in.yaml") for path in CASES}


# ── Input ───────────────────────────────────────────────────────────────────────────────────────────────────────────


Moment = tuple[list[Body], Fleet]


@cache
def _moments(case: Path) -> list[Moment]:
    return list(_read(case))


def _read(case: Path) -> Iterator[Moment]:
    bodies: list[Body] = []
    cluster = False
    for found in documents(case.read_bytes()):
        assert isinstance(found, Document), f"{case.name}:{found.line}: {found.what}"
        steers = found.body["apiVersion"].startswith("golden/")
        if steers and found.body["kind"] == "Then":
            yield bodies, _fleet(bodies, cluster)
            bodies = []
        elif steers:
            cluster = True
        else:
            bodies.append(_with_certificates(found.body))
    yield bodies, _fleet(bodies, cluster)


def _with_certificates(body: Body) -> Body:
    values = body.get("stringData", {})
    return {**body, "stringData": {key: PEM.get(value, value) for key, value in values.items()}} if values else body


def _fleet(bodies: list[Body], cluster: bool) -> Fleet:
    if not cluster:
        return Standalone()
    wanted = [
        GatewayPort(body["metadata"]["namespace"], body["metadata"]["name"], listener["port"])
        for body in bodies
        if body["kind"] == "Gateway"
        for listener in body["spec"]["listeners"]
    ]
    return Cluster(internal_ports(wanted, {}))


def _shuffled(moments: list[Moment]) -> Iterator[Moment]:
    for bodies, fleet in moments:
        yield random.Random(7).sample(bodies, len(bodies)), fleet


@cache
def _compiled_case(case: Path) -> Compiled:
    return _compiled(_moments(case))


def _compiled(moments: list[Moment]) -> Compiled:
    last_good: dict[Identity, Admitted] = {}
    for bodies, fleet in moments:
        compiled = compile_snapshot(Snapshot.of(bodies), last_good, fleet)
        last_good = dict(compiled.accepted)
    return compiled


# ── Output ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _told(case: Path) -> str:
    compiled = _compiled_case(case)
    told = {"table": _table(compiled.table), "reports": {str(r.identity): _report(r) for r in compiled.reports}}
    return yaml.dump(told, sort_keys=False, width=118, allow_unicode=True, Dumper=yaml.CSafeDumper)


def _table(table: Table) -> dict[str, Any]:
    builtins: dict[str, Any] = msgspec.to_builtins(table, order="sorted")
    builtins["secrets"] = dict.fromkeys(builtins.get("secrets", {}), "***")
    for access in builtins.get("access", {}).values():
        for caller in access.get("callers", ()):
            caller["digest"] = "***"
    # The revision is a digest of secrets, too; a golden file is no place for it.
    return {
        name: builtins[name]
        for name in ("ports", "rules", "policies", "upstreams", "secrets", "access")
        if builtins.get(name)
    }


def _report(report: Report) -> dict[str, Any]:
    told: dict[str, Any] = {"conditions": _conditions(report.conditions)}
    if report.standing is not Standing.OURS:
        told["standing"] = report.standing.value
    told["listeners"] = {
        listener.name: {
            "kinds": list(listener.supported_kinds),
            "attached": listener.attached_routes,
            "serves": listener.serves,
            "conditions": _conditions(listener.conditions),
        }
        for listener in report.listeners
    }
    told["parents"] = [{**parent.ref, "conditions": _conditions(parent.conditions)} for parent in report.parents]
    told["addresses"] = list(report.addresses_wanted)
    told["address problem"] = report.address_problem
    told["pools"] = list(report.pools or ())
    told["notes"] = list(report.notes)
    return {"serves": report.serves, **{name: value for name, value in told.items() if value}}


def _conditions(conditions: tuple[Condition, ...]) -> list[str]:
    """What is as it should be is named only."""
    return [
        each.type
        if (each.status, each.reason) in (("True", "Accepted"), ("True", "ResolvedRefs"))
        else f"{each.type}={each.status}/{each.reason}: {each.message}"
        for each in conditions
        if each.reason != "NoConflicts"
    ]
