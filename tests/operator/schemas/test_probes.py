"""Objects in files get the verdict that a real API server gave to the same objects, or it is listed why not."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from api_probes import Probe, differences, probes, verdicts
from switchover_operator import schemas
from switchover_operator.compiler.admission import Refused, admit
from switchover_operator.identity import identity_of
from switchover_operator.resources import KINDS

PROBES = tuple(probes())
VERDICTS = verdicts()
DIFFERENCES = differences()


@cache
def complaints(probe: Probe) -> tuple[str, ...]:
    """The faults of a probe: it is refused for them, or a part of it is left out."""
    verdict = admit(identity_of(probe.body), probe.body, from_file=True)
    return tuple(fault.text for fault in (verdict.faults if isinstance(verdict, Refused) else verdict.left_out))


def test_check_gives_the_verdict_of_the_api_server() -> None:
    differ = {
        str(probe): (VERDICTS[str(probe)], complaints(probe))
        for probe in PROBES
        if bool(complaints(probe)) != bool(VERDICTS[str(probe)])
    }
    assert {name: said for name, said in differ.items() if name not in DIFFERENCES} == {}
    assert DIFFERENCES.keys() - differ.keys() == set()


def test_every_probe_has_its_verdict_and_its_own_name() -> None:
    names = [str(probe) for probe in PROBES]
    assert len(names) == len(set(names))
    assert set(names) == VERDICTS.keys()


def test_every_complaint_names_a_field() -> None:
    unnamed = [(str(probe), text) for probe in PROBES for text in complaints(probe) if not NAMED.match(text)]
    assert unnamed == []


NAMED = re.compile(r"(apiVersion|kind|metadata|spec|data|stringData|type|addressType|endpoints|ports|immutable)\b.*: ")


# ── The rules of Gateway API that are no JSON Schema ────────────────────────────────────────────────────────────────


UNREACHED = ("spec.rules[].matches[].path", "type must be one of ['Exact', 'PathPrefix', 'RegularExpression']")
"""The schema has an enum at the same place, which is looked at first."""


def rules() -> Iterator[tuple[str, str]]:
    """Each rule in CEL of a kind that is read: its place, as `spec.rules[].filters`, and its message."""
    data = json.loads(files(schemas).joinpath("gateway-api.json").read_text())["kinds"]
    for (_, kind), model in KINDS.items():
        if model.GROUP == "gateway.networking.k8s.io":
            yield from _rules(data[kind], "")


def _rules(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        # A rule about a change says nothing of what stands in a file.
        if "oldSelf" not in rule["rule"]:
            yield path, rule["message"]
    for name, below in schema.get("properties", {}).items():
        yield from _rules(below, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def test_every_rule_of_the_crds_is_broken_by_a_probe() -> None:
    """A new rule in a new version of the CRDs fails here until there is a probe of it, and code that says the same."""
    broken = {re.sub(r"\[\d+\]", "[]", text) for said in VERDICTS.values() for text in said}
    missing = [
        (path, message)
        for path, message in rules()
        if not any(text.startswith(f"{path}: ") and message[:120] in text for text in broken)
    ]
    assert missing == [UNREACHED]


# ── The examples of Gateway API ─────────────────────────────────────────────────────────────────────────────────────


def examples(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a folder of Gateway API's module, where Go has fetched it."""
    version = json.loads(files(schemas).joinpath("gateway-api.json").read_text())["version"]
    modules = os.environ.get("GOMODCACHE") or f"{os.environ.get('GOPATH') or Path.home() / 'go'}/pkg/mod"
    module = Path(modules) / f"sigs.k8s.io/gateway-api@{version}" / folder
    if not module.is_dir():
        pytest.skip("Go has not fetched the module of Gateway API here")
    found = [(path, each) for path in sorted(module.rglob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]
    return [(path.name, each) for path, each in found if each]


def test_every_invalid_example_of_gateway_api_is_refused_with_its_path() -> None:
    said = {
        name: schemas.violations(each["apiVersion"].rpartition("/")[0], each["kind"], each)
        for name, each in examples("hack/invalid-examples/standard")
    }
    assert [name for name, found in said.items() if not found or not all(each.path for each in found)] == []


def test_no_valid_example_of_gateway_api_is_refused() -> None:
    said = {
        name: schemas.violations(each["apiVersion"].rpartition("/")[0], each["kind"], each)
        for name, each in examples("examples/standard")
    }
    assert {name: found for name, found in said.items() if found} == {}
