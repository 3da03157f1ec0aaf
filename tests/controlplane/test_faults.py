"""Each mistake in a manifest → the one line that a user sees in a real cluster: the path, the value, what to change."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane_fault_objects import KEY, Names, common
from controlplane_faults import FAULTS, REFUSED, Fault
from controlplane_fleet import Fleet, conditions, fleet
from controlplane_server import ControlPlane, KubectlFailed, Object, control_plane, gateway_api_crds
from process_group import wait_until

CRDS = Path(__file__).parents[2] / "crds"
KINDS = "gatewayclasses,gateways,httproutes,upstreams,routeoptions,authconfigs,failoverpolicies"
EVENTS = "events.events.k8s.io"
NEWS = ("=False", "PartiallyInvalid", "UnsupportedField")
"""What an Event tells of, too."""


class Applied:
    """All faults at once, in two namespaces of a cluster with an operator and a data plane."""

    def __init__(self, running: Fleet) -> None:
        self.fleet = running
        self.cluster = running.cluster
        self.namespace, self.other = self.cluster.namespace("faults"), self.cluster.namespace("other")
        every = [each for name, fault in FAULTS.items() for each in self.names(name).made(fault.objects)]
        self.cluster.apply(*self.names("").made(common()), *every)

    def names(self, own: str) -> Names:
        return Names(own, self.namespace, self.other)

    def object(self, name: str, fault: Fault) -> Object:
        """The object at which a fault is told, as it is stored now."""
        kind = fault.told.partition(" ")[0]
        [made] = [
            each
            for each in self.names(name).made(fault.objects)
            if (each["kind"], each["metadata"]["name"]) == (kind, name)
        ]
        return self.cluster.get(kind.lower(), name, made["metadata"].get("namespace", self.namespace))

    def events(self, kind: str, name: str) -> list[Object]:
        """The Events about an object."""
        listed = json.loads(self.cluster.kubectl("get", EVENTS, "-A", "-o", "json"))["items"]
        return [each for each in listed if (each["regarding"]["kind"], each["regarding"]["name"]) == (kind, name)]

    def row(self, kind: str, name: str) -> dict[str, str]:
        """Column → what `kubectl get` shows there of an object."""
        where = () if kind == "gatewayclass" else ("-n", self.namespace)
        header, row = self.cluster.kubectl("get", kind, name, *where).splitlines()
        starts = [header.index(column) for column in header.split()]
        cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        return dict(zip(header.split(), cells, strict=True))


@pytest.fixture(scope="module")
def applied(bare: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:  # noqa: ARG001 - skips
    """A control plane of its own, as an operator sees all namespaces."""
    with control_plane() as cluster:
        folders = ("-f", str(gateway_api_crds()), "-f", str(CRDS))
        cluster.kubectl("apply", *folders)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *folders)
        with fleet(cluster, tmp_path_factory.mktemp("fleet"), 1) as running:
            yield Applied(running)


def _short(condition: Object) -> str:
    return f"{condition['type']}={condition['status']}/{condition['reason']}"


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_told_in_the_status_of_its_object(applied: Applied, name: str) -> None:
    fault = FAULTS[name]
    told = fault.told.partition(" ")[2]
    found: list[str] = []

    def is_told() -> bool:
        found[:] = [each["message"] for each in conditions(applied.object(name, fault)) if _short(each) == told]
        return bool(found)

    wait_until(is_told, f"{fault.told} of {name}", 30)
    assert found[0] == applied.names(name).fill(fault.message)
    assert "\n" not in found[0]


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if any(each in fault.told for each in NEWS)])
def test_a_mistake_is_told_in_an_event_about_its_object(applied: Applied, name: str) -> None:
    fault = FAULTS[name]
    kind = fault.told.partition(" ")[0]
    message = applied.names(name).fill(fault.message)

    def notes() -> list[str]:
        return [each["note"] for each in applied.events(kind, name)]

    wait_until(lambda: any(message in note for note in notes()), f"an Event about {name}", 30)
    assert not any("\n" in note for note in notes())


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused_by_the_api_server(applied: Applied, name: str) -> None:
    said, made = REFUSED[name]
    with pytest.raises(KubectlFailed) as refused:
        applied.cluster.apply(*applied.names(name).made([made]))
    assert said in str(refused.value)


def test_an_upstream_that_no_route_leads_to_is_programmed_nowhere(applied: Applied) -> None:
    fault = FAULTS["used-by-no-route"]
    wait_until(lambda: conditions(applied.object("used-by-no-route", fault)), "a status")
    assert "Programmed" not in {each["type"] for each in conditions(applied.object("used-by-no-route", fault))}


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        ("upstream", "every-host-bad", {"ACCEPTED": "False"}),
        ("upstream", "a-bad-host", {"ACCEPTED": "True", "TARGETS": "1"}),
        ("upstream", "bearer-alone", {"ACCEPTED": "True", "TARGETS": "0"}),
        ("routeoption", "a-stray-percent", {"ACCEPTED": "False", "TARGET": "a-stray-percent"}),
        ("routeoption", "an-option-of-no-route", {"ACCEPTED": "False", "TARGET": "an-option-of-no-route"}),
        ("failoverpolicy", "two-policies", {"ACCEPTED": "False", "TARGET": "two-policies"}),
        ("gateway", "no-certificate", {"CLASS": "switchover", "PROGRAMMED": "False"}),
        ("gateway", "gloo-gateway", {"CLASS": "gloo-gateway", "PROGRAMMED": "True"}),
        ("gatewayclass", "a-class-with-parameters", {"ACCEPTED": "False"}),
    ],
)
def test_kubectl_get_shows_that_something_is_wrong(
    applied: Applied, kind: str, name: str, shown: dict[str, str]
) -> None:
    wait_until(lambda: applied.row(kind, name).items() >= shown.items(), f"{kind} {name}: {shown}")


def test_no_status_event_or_log_holds_a_credential(applied: Applied) -> None:
    for name, fault in FAULTS.items():
        wait_until(lambda name=name, fault=fault: conditions(applied.object(name, fault)), f"a status of {name}")  # type: ignore[misc]
    listed = json.loads(applied.cluster.kubectl("get", f"{KINDS},{EVENTS}", "-A", "-o", "json"))["items"]
    written = [{key: each.get(key) for key in ("status", "note")} for each in listed]
    logs = [program.written for program in applied.fleet.programs]
    assert len(written) > len(FAULTS)
    assert KEY[8:] not in json.dumps([written, logs])


def test_nobody_is_told_of_what_is_as_it_should_be(applied: Applied) -> None:
    wait_until(lambda: applied.events("Gateway", "no-certificate"), "Events are written")
    ours = [("GatewayClass", "switchover"), ("Service", "switchover-dataplane"), ("Service", "app"), ("Secret", "key")]
    assert [each["note"] for kind, name in ours for each in applied.events(kind, name)] == []
