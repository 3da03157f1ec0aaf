"""The status that an object has and the one it should have → a merge patch that brings the one to the other."""

from copy import deepcopy
from typing import Any

import pytest

from switchover_operator.cluster.status_writer import DesiredStatus, patch
from switchover_operator.identity import Body


def desired(existing: object, wanted: Body) -> DesiredStatus:
    body = {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "metadata": {"name": "a", "resourceVersion": "7"}}
    return DesiredStatus({**body, "status": existing} if existing is not None else body, wanted)


def merged(target: object, change: object) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(change, dict):
        return change
    result = deepcopy(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


CONDITIONS = [{"type": "Accepted", "status": "True"}]


@pytest.mark.parametrize(
    "existing",
    [
        None,
        {},
        "nonsense",
        {"conditions": []},
        {"conditions": CONDITIONS},
        {"conditions": CONDITIONS, "targets": 3, "addresses": [{"value": "192.0.2.7"}]},
        {"statuses": {"gloo": {"state": 1}}, "targets": 2},
    ],
)
def test_whatever_an_object_has_the_patch_makes_of_it_what_it_should_have(existing: object) -> None:
    wanted = {"conditions": CONDITIONS, "targets": 2}
    if isinstance(existing, dict) and "statuses" in existing:
        wanted["statuses"] = existing["statuses"]
    assert merged({"status": existing}, {"status": patch(desired(existing, wanted))["status"]})["status"] == wanted


def test_the_patch_holds_only_what_changed_and_takes_away_what_is_gone() -> None:
    existing = {"conditions": CONDITIONS, "targets": 3, "addresses": [], "statuses": {"gloo": {}}}
    wanted = {"conditions": CONDITIONS, "targets": 2, "statuses": {"gloo": {}}, "priorities": 1}
    assert patch(desired(existing, wanted))["status"] == {"targets": 2, "priorities": 1, "addresses": None}


def test_the_patch_is_for_the_version_that_the_status_was_made_from() -> None:
    assert patch(desired({}, {}))["metadata"] == {"resourceVersion": "7"}
