"""A value of any type at any place of an object is refused or taken, and never ends the check."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from switchover_operator.compiler.admission import Admitted, Refused, admit
from switchover_operator.identity import Body, identity_of

ROOT: Final = Path(__file__).parents[3]
ODD: Final[tuple[Any, ...]] = (None, "", "x", 0, -1, 1.5, 10**30, True, [], {}, [None], [[]], [{}], {"a": None})
OBJECTS: Final[dict[str, Body]] = {
    f"{path.parent.name}/{path.name} {body['kind']} {number}": body
    for folder in ("callers", "delegation", "failover-policy", "model-failover")
    for path in sorted((ROOT / "manifests" / "examples" / folder).glob("*.yaml"))
    for number, body in enumerate(yaml.safe_load_all(path.read_text()))
    if body and body["kind"] != "Deployment"
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a value, with each of its keys or indexes."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_with_any_value_anywhere_is_admitted_or_refused(name: str) -> None:
    body = copy.deepcopy(OBJECTS[name])
    identity = identity_of(body)
    # Whoever brings objects brings none without these.
    given = [(body, "apiVersion"), (body, "kind"), (body, "metadata"), (body["metadata"], "name")]
    for container, key in [*places(body)]:
        if any(container is each and key == name for each, name in given):
            continue
        right = container[key]
        for odd in ODD:
            container[key] = odd
            assert isinstance(admit(identity, body, from_file=True), Admitted | Refused)
        container[key] = right
