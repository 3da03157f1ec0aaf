"""A Lease as it is seen → whether it is ours to take."""

from typing import Any

import pytest

from switchover_operator.cluster.leader import LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD, LeaseObservation, may_take
from switchover_operator.identity import Body


def lease(holder: str | None, version: str = "7", **spec: Any) -> Body:
    held = {"holderIdentity": holder, "leaseDurationSeconds": LEASE_DURATION, **spec}
    return {"metadata": {"name": "operator", "resourceVersion": version}, "spec": held}


def test_a_lease_that_does_not_exist_is_ours_to_take() -> None:
    assert may_take(None, "me", None, 0.0)


@pytest.mark.parametrize(
    "free", [lease("me"), lease(""), lease(None), {"metadata": {}, "spec": None}, {"metadata": {}}]
)
def test_a_lease_that_is_ours_or_nobodys_is_ours_to_take_at_first_sight(free: Body) -> None:
    assert may_take(free, "me", None, 0.0)


def test_a_lease_of_another_is_not_taken_at_first_sight_however_old_it_says_it_is() -> None:
    old = lease("other", renewTime="2000-01-01T00:00:00.000000Z")
    assert not may_take(old, "me", None, 1e9)
    assert not may_take(old, "me", LeaseObservation("7", 1e9), 1e9)


def test_a_lease_that_has_stood_still_for_longer_than_it_lasts_is_taken() -> None:
    observation = LeaseObservation("7", 100.0)
    assert not may_take(lease("other"), "me", observation, 100.0 + LEASE_DURATION)
    assert may_take(lease("other"), "me", observation, 100.1 + LEASE_DURATION)


def test_a_lease_that_moves_is_not_taken_however_long_ago_it_was_first_seen() -> None:
    assert not may_take(lease("other", version="8"), "me", LeaseObservation("7", 0.0), 1e9)


def test_how_long_a_lease_lasts_is_its_holders_word() -> None:
    observation = LeaseObservation("7", 100.0)
    assert not may_take(lease("other", leaseDurationSeconds=60), "me", observation, 159.0)
    assert may_take(lease("other", leaseDurationSeconds=60), "me", observation, 161.0)
    assert may_take(lease("other", leaseDurationSeconds=None), "me", observation, 116.0)


def test_a_holder_has_stopped_before_another_may_begin() -> None:
    assert RETRY_PERIOD < RENEW_DEADLINE < LEASE_DURATION
