"""A object_event and the object that it is about → a Kubernetes Event."""

import re
from datetime import UTC, datetime

import pytest

from switchover_operator.cluster.event_writer import event
from switchover_operator.cluster.object_events import ObjectEvent
from switchover_operator.identity import Body, Identity, identity_of

NOW = datetime(2026, 1, 31, 12, 0, 0, 7, tzinfo=UTC)
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def route(name: str = "chat") -> Body:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "ai", "uid": "1-2-3", "resourceVersion": "7"},
    }


def about(body: Body) -> ObjectEvent:
    return ObjectEvent(identity_of(body), "Warning", "NotServed", "spec.rules: wrong")


def test_an_event_stands_beside_its_object_and_says_what_holds_for_which_version_of_it() -> None:
    made = event(about(route()), route(), "operator-0", NOW)
    assert made.pop("metadata").keys() == {"name", "namespace"}
    assert made == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "eventTime": "2026-01-31T12:00:00.000007Z",
        "reportingController": "switchover.dev/operator",
        "reportingInstance": "operator-0",
        "action": "Serve",
        "reason": "NotServed",
        "note": "spec.rules: wrong",
        "type": "Warning",
        "regarding": {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "name": "chat",
            "namespace": "ai",
            "uid": "1-2-3",
            "resourceVersion": "7",
        },
    }


def test_an_event_about_an_object_of_no_namespace_is_in_the_default_one() -> None:
    body: Body = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "switchover"},
    }
    object_event = ObjectEvent(
        Identity("gateway.networking.k8s.io", "GatewayClass", "", "switchover"), "Normal", "R", "n"
    )
    made = event(object_event, body, "operator-0", NOW)
    assert (made["metadata"]["namespace"], made["regarding"]["namespace"]) == ("default", "")
    assert (made["regarding"]["uid"], made["regarding"]["resourceVersion"]) == ("", "")


def test_two_events_have_two_names() -> None:
    one, two = (event(about(route()), route(), "operator-0", NOW)["metadata"]["name"] for _ in range(2))
    assert one != two
    assert one.startswith("chat.")


@pytest.mark.parametrize("name", ["c" * 253, f"{'c' * 199}-{'c' * 53}", f"{'c' * 199}.{'c' * 53}", f"c.{'7-' * 125}7"])
def test_an_events_name_is_one_however_long_the_objects(name: str) -> None:
    made = event(about(route(name)), route(name), "operator-0", NOW)
    assert SUBDOMAIN.fullmatch(made["metadata"]["name"])
    assert len(made["metadata"]["name"]) <= 253
    assert made["regarding"]["name"] == name


def test_an_instance_with_a_long_name_is_cut_to_what_the_api_server_takes() -> None:
    assert event(about(route()), route(), "i" * 200, NOW)["reportingInstance"] == "i" * 128


def test_the_time_of_an_event_is_utc_to_the_microsecond() -> None:
    made = event(about(route()), route(), "operator-0", NOW.replace(microsecond=0))
    assert made["eventTime"] == "2026-01-31T12:00:00.000000Z"
