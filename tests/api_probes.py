"""Probes: objects near a valid one, each with the verdict of a real API server, as `tests/probes/` holds them.

`objects/`, `differences.yaml` and `since.yaml` there are written by hand; `verdicts.json` is what an API server said.
"""

import copy
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from switchover_operator.identity import Body

FOLDER = Path(__file__).with_name("probes")
VERDICTS = FOLDER / "verdicts.json"
_LONGEST = 240
"""Characters of a complaint that are kept: enough to see what it is about."""


@dataclass(frozen=True)
class Probe:
    """One object. `name` is unique; `section` is the kind of the object or the part of it that is probed."""

    section: str
    name: str
    body: Body = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"


class _Unset:
    """The value of a field that is taken away."""


class _Loader(yaml.CSafeLoader):
    """YAML with tags for what would be long."""


def _text(loader: _Loader, node: yaml.SequenceNode) -> str:
    times, text = loader.construct_sequence(node, deep=True)
    return str(text) * int(times)


def _entries(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    times, entry = loader.construct_sequence(node, deep=True)
    return [_numbered(entry, index) for index in range(times)]


def _numbered(value: Any, index: int) -> Any:
    if isinstance(value, dict):
        return {key: _numbered(entry, index) for key, entry in value.items()}
    if isinstance(value, list):
        return [_numbered(entry, index) for entry in value]
    return value.replace("#", str(index)) if isinstance(value, str) else value


def _key(loader: _Loader, node: yaml.SequenceNode) -> dict[str, str]:
    return {"".join(loader.construct_sequence(node, deep=True)): "x"}


def _base64(loader: _Loader, node: yaml.SequenceNode) -> str:
    (size,) = loader.construct_sequence(node, deep=True)
    return b64encode(b"a" * size).decode()


_Loader.add_constructor("!text", _text)
_Loader.add_constructor("!entries", _entries)
_Loader.add_constructor("!key", _key)
_Loader.add_constructor("!base64", _base64)
_Loader.add_constructor("!unset", lambda _, __: _Unset)


def probes() -> Iterator[Probe]:
    """Yield every probe."""
    for file in sorted((FOLDER / "objects").glob("*.yaml")):
        for name, section in yaml.load(file.read_text(), _Loader).items():
            for place, path in section.get("at", {"": ""}).items():
                for title, changes in section["probes"].items():
                    body = copy.deepcopy(section["base"])
                    for where, value in changes.items():
                        _change(body, where.replace("@", path), value)
                    yield Probe(name, f"{place}: {title}" if place else title, body)


def _change(body: Body, path: str, value: Any) -> None:
    steps = [int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")]
    here: Any = body
    for step in steps[:-1]:
        here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
    last = steps[-1]
    if value is _Unset:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(value)
    else:
        here[last] = value


def verdicts() -> dict[str, list[str]]:
    """Return what the API server complained of in each probe; an empty list: it took the object."""
    said: dict[str, list[str]] = json.loads(VERDICTS.read_text())
    return said


def write(said: dict[str, list[str]]) -> None:
    """Write the verdicts, one line for each probe."""
    short = {name: [each[:_LONGEST] for each in complaints] for name, complaints in said.items()}
    lines = (f"{json.dumps(name)}: {json.dumps(short[name], ensure_ascii=False)}" for name in short)
    VERDICTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def differences() -> dict[str, str]:
    """Return the probes of which `check` has another verdict than the API server, each with the reason."""
    listed = yaml.safe_load((FOLDER / "differences.yaml").read_text())
    return {name: each["why"] for each in listed for name in each["probes"]}


def newer_than(version: tuple[int, ...]) -> set[str]:
    """Return the probes whose verdicts hold since a later version of Gateway API's CRDs than this one."""
    since = yaml.safe_load((FOLDER / "since.yaml").read_text())
    return {name for later, names in since.items() if numbers(later) > version for name in names}


def numbers(version: str) -> tuple[int, ...]:
    """`v1.7.0` → (1, 7, 0)."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
