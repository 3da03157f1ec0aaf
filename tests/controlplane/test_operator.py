"""The real operator with the chart's rights on a real API server: what people apply, see and break."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controlplane_fleet import SYSTEM, Fleet, conditions, fleet, guide
from controlplane_server import ControlPlane, KubectlFailed, Object, control_plane, gateway_api_crds
from process_group import wait_until
from running import MODELS, SECRET
from switchover_simulator.lines import digest

CRDS = Path(__file__).parents[2] / "crds"
KINDS = ("upstream", "httproute", "routeoption", "gateway")


@pytest.fixture(scope="module")
def own_cluster(bare: ControlPlane) -> Iterator[ControlPlane]:  # noqa: ARG001 - skips where there is no control plane
    """A control plane of its own: an operator sees everything, and these tests stop and starve it."""
    with control_plane() as started:
        folders = ("-f", str(gateway_api_crds()), "-f", str(CRDS))
        started.kubectl("apply", *folders)
        started.kubectl("wait", "--for=condition=Established", "--timeout=30s", *folders)
        yield started


@pytest.fixture(scope="module")
def running(own_cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(own_cluster, tmp_path_factory.mktemp("fleet")) as started:
        yield started


class Applied:
    """The guide's objects in a namespace of the test's own, and the port at which they are served."""

    def __init__(self, running: Fleet) -> None:
        self.fleet = running
        self.cluster = running.cluster
        self.namespace = self.cluster.namespace("guide")
        self.objects = guide(self.namespace)
        self.cluster.apply(*self.objects.values())
        self.port = running.port(self.namespace)
        running.condition("httproute", "model-failover", self.namespace, "Programmed=True")
        running.models_answer(default=200)

    def apply(self, kind: str) -> None:
        self.cluster.apply(self.objects[kind])

    def ask(self, plane: int = 0, path: str = "/model") -> tuple[int, str]:
        return self.fleet.planes[plane].ask(self.port, path)

    def condition(self, kind: str, wanted: str) -> Object:
        name = {"gateway": "ai-gateway"}.get(kind, "model-failover")
        return self.fleet.condition(kind, name, self.namespace, wanted)

    @property
    def models(self) -> list[Object]:
        """The models of the Upstream, in order of priority."""
        priorities = self.objects["Upstream"]["spec"]["ai"]["multi"]["priorities"]
        return [each["openai"] for pool in priorities for each in pool["pool"]]

    @property
    def model(self) -> Object:
        """The first model of the Upstream."""
        return self.models[0]


@pytest.fixture
def applied(running: Fleet) -> Applied:
    return Applied(running)


# ── The guide ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_guide_is_served_and_every_condition_is_as_it_should_be(applied: Applied) -> None:
    applied.fleet.models_answer(default=429)
    before = len(applied.fleet.received)
    assert applied.ask() == (429, "")
    wait_until(lambda: len(applied.fleet.received) == before + 3, "three requests reached the models")
    asked = applied.fleet.received[before:]
    assert [
        next(model for model in MODELS if f'"{model}"' in json.dumps(line).replace("\\", "")) for line in asked
    ] == [*MODELS]
    for kind in KINDS:
        applied.condition(kind, "Accepted=True")
        applied.condition(kind, "Programmed=True")
        name = "ai-gateway" if kind == "gateway" else "model-failover"
        for condition in conditions(applied.cluster.get(kind, name, applied.namespace)):
            good = "False" if condition["type"] == "Conflicted" else "True"
            assert condition["status"] == good, condition


def test_kubectl_get_shows_what_matters_in_its_columns(applied: Applied) -> None:
    for kind in KINDS:
        applied.condition(kind, "Programmed=True")
    wait_until(
        lambda: "activePriority" in applied.cluster.get("upstream", "model-failover", applied.namespace)["status"],
        "active",
    )
    rows = {
        kind: applied.cluster.kubectl("get", kind, "-n", applied.namespace).splitlines()[1].split() for kind in KINDS
    }
    assert rows["upstream"][1:4] == ["True", "0", "3"]
    assert rows["routeoption"][1:3] == ["True", "model-failover"]
    assert rows["gateway"][1] == "switchover"
    assert rows["gateway"][3] == "True"


def test_objects_of_others_get_no_finalizer_and_no_annotation(applied: Applied) -> None:
    for kind in KINDS:
        applied.condition(kind, "Programmed=True")
        name = "ai-gateway" if kind == "gateway" else "model-failover"
        metadata = applied.cluster.get(kind, name, applied.namespace)["metadata"]
        assert "finalizers" not in metadata
        assert list(metadata["annotations"]) == ["kubectl.kubernetes.io/last-applied-configuration"]


def test_the_key_appears_in_no_log_status_event_metric_or_dump(applied: Applied) -> None:
    assert applied.ask()[0] == 200
    applied.model["authToken"]["secretRef"]["name"] = "none"
    applied.apply("Upstream")
    applied.condition("upstream", "ResolvedRefs=False")
    assert digest(SECRET) in json.dumps(applied.fleet.received[-1]), "the provider does get the key"
    everything = [program.written for program in applied.fleet.programs]
    kinds = "gateways,httproutes,upstreams,routeoptions,services,events.events.k8s.io"
    everything.append(applied.cluster.kubectl("get", kinds, "-A", "-o", "yaml"))
    for plane in applied.fleet.planes:
        everything += [plane.page(path) for path in ("/metrics", "/v1/table", "/v1/health")]
    assert SECRET not in "".join(everything)


# ── Edits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_model_is_served_by_every_data_plane(applied: Applied) -> None:
    applied.model["model"] = "another"
    applied.apply("Upstream")
    for plane in range(2):
        wait_until(lambda plane=plane: applied.ask(plane) == (200, "another"), "the new model answers")  # type: ignore[misc]


def test_an_edit_to_nonsense_keeps_the_last_good_version_and_says_so_even_after_a_restart(applied: Applied) -> None:
    for model in applied.models:
        model["customHost"]["host"] = "http://model-failover:80/"
    applied.apply("Upstream")
    told = applied.condition("upstream", "Accepted=False/Invalid")
    assert "spec.ai.multi.priorities[0].pool[0].openai.customHost.host" in told["message"]
    assert "the last accepted version (generation 1) keeps serving" in told["message"]
    assert applied.ask() == (200, "gpt-4o")
    wait_until(
        lambda: "objects" in applied.cluster.get("secret", "switchover-last-good", SYSTEM).get("data", {}), "kept"
    )
    applied.fleet.start_operator()
    applied.model["model"] = "after-the-restart"
    applied.apply("Upstream")
    applied.condition("upstream", "Accepted=False/Invalid")
    assert applied.ask() == (200, "gpt-4o")
    for model in applied.models:
        model["customHost"]["host"] = "model-failover.gloo-system.svc.cluster.local"
    applied.apply("Upstream")
    applied.condition("upstream", "Accepted=True")
    wait_until(lambda: applied.ask() == (200, "after-the-restart"), "the mended version answers")


def test_an_edit_with_a_fault_in_one_model_counts_without_that_model_and_says_so(applied: Applied) -> None:
    applied.model["customHost"]["host"] = "http://model-failover:80/"
    applied.models[1]["model"] = "edited"
    applied.apply("Upstream")
    told = applied.condition("upstream", "PartiallyInvalid=True/Invalid")
    assert "spec.ai.multi.priorities[0].pool[0].openai.customHost.host" in told["message"]
    applied.condition("upstream", "Accepted=True")
    applied.condition("upstream", "Programmed=True")
    wait_until(lambda: applied.ask() == (200, "edited"), "the second model answers")


def test_a_rotated_key_is_used_and_a_deleted_one_is_not(applied: Applied) -> None:
    applied.objects["Secret"]["stringData"] = {"Authorization": "Bearer rotated"}
    applied.apply("Secret")

    def used() -> bool:
        return applied.ask()[0] == 200 and digest("rotated") in json.dumps(applied.fleet.received[-1])

    wait_until(used, "the new key reaches the model")
    applied.cluster.kubectl("delete", "secret", "openai-secret", "-n", applied.namespace)
    applied.condition("upstream", "ResolvedRefs=False/SecretNotFound")
    wait_until(lambda: applied.ask()[0] >= 500, "nothing is sent without its key")
    applied.apply("Secret")
    wait_until(lambda: applied.ask()[0] == 200, "the key is back")


def test_no_request_is_lost_while_every_object_is_edited_and_the_operator_restarts(applied: Applied) -> None:
    statuses: list[int] = []
    done = threading.Event()

    def keep_asking(plane: int) -> None:
        while not done.is_set():
            statuses.append(applied.ask(plane)[0])

    asking = [threading.Thread(target=keep_asking, args=(plane,)) for plane in (0, 1, 0, 1)]
    for thread in asking:
        thread.start()
    try:
        for number in range(3):
            for kind in ("Gateway", "Secret", "Upstream", "HTTPRoute", "RouteOption"):
                applied.objects[kind]["metadata"].setdefault("labels", {})["edit"] = str(number)
                applied.apply(kind)
            applied.objects["HTTPRoute"]["spec"]["rules"][0]["matches"].append({"path": {"value": f"/edit-{number}"}})
            applied.apply("HTTPRoute")
            applied.objects["Secret"]["stringData"] = {"Authorization": f"Bearer {number}"}
            applied.apply("Secret")
        applied.fleet.start_operator()
        applied.objects["HTTPRoute"]["spec"]["rules"][0]["matches"].append({"path": {"value": "/last"}})
        applied.apply("HTTPRoute")
        wait_until(lambda: applied.ask(path="/last")[0] == 200, "the last edit is served")
    finally:
        done.set()
        for thread in asking:
            thread.join()
    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_a_gateway_that_is_deleted_takes_its_service_along_and_its_routes_are_told(applied: Applied) -> None:
    applied.cluster.kubectl("delete", "gateway", "ai-gateway", "-n", applied.namespace)

    def services() -> str:
        return applied.cluster.kubectl("get", "service", "-n", SYSTEM, "-o", "yaml")

    wait_until(lambda: f"{applied.namespace}/ai-gateway" not in services(), "its Service is gone")

    def parents() -> object:
        return applied.cluster.get("httproute", "model-failover", applied.namespace)["status"]["parents"]

    wait_until(lambda: parents() == [], "the route has no parent of ours")


def test_of_two_gateways_that_ask_for_one_address_the_older_has_it(applied: Applied) -> None:
    for name in ("older", "younger"):
        gateway = json.loads(json.dumps(applied.objects["Gateway"]))
        gateway["metadata"]["name"] = name
        gateway["spec"]["addresses"] = [{"type": "IPAddress", "value": "192.0.2.7"}]
        gateway["spec"]["infrastructure"] = {"annotations": {"switchover.dev/service-type": "LoadBalancer"}}
        applied.cluster.apply(gateway)
        applied.fleet.port(applied.namespace, name)
    told = applied.fleet.condition("gateway", "younger", applied.namespace, "Programmed=False/AddressNotUsable")
    assert "older" in told["message"]
    [service] = [
        each
        for each in json.loads(applied.cluster.kubectl("get", "service", "-n", SYSTEM, "-o", "json"))["items"]
        if each["metadata"].get("annotations", {}).get("switchover.dev/gateway") == f"{applied.namespace}/older"
    ]
    assert service["spec"]["loadBalancerIP"] == "192.0.2.7"
    patch = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}})
    name = service["metadata"]["name"]
    applied.cluster.kubectl("patch", "service", name, "-n", SYSTEM, "--subresource=status", "--type=merge", "-p", patch)

    def has_it() -> bool:
        status = applied.cluster.get("gateway", "older", applied.namespace)["status"]
        programmed = {each["type"]: each["status"] for each in status["conditions"]}["Programmed"]
        return (status.get("addresses"), programmed) == ([{"type": "IPAddress", "value": "192.0.2.7"}], "True")

    wait_until(has_it, "the older Gateway has the address")


def test_callers_are_let_in_by_the_keys_that_their_secrets_have_now(applied: Applied) -> None:
    def app(key: str) -> Object:
        metadata = {"name": "app", "namespace": applied.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "extauth.solo.io/apikey",
            "stringData": {"api-key": key},
        }

    def asked(key: str = "") -> int:
        return applied.fleet.planes[0].ask(applied.port, "/model", key=key)[0]

    config: Object = {
        "apiVersion": "enterprise.gloo.solo.io/v1",
        "kind": "AuthConfig",
        "metadata": {"name": "callers", "namespace": applied.namespace},
        "spec": {"configs": [{"apiKeyAuth": {"apiKeySecretRefs": [{"name": "app"}]}}]},
    }
    applied.objects["RouteOption"]["spec"]["options"]["extauth"] = {"configRef": {"name": "callers"}}
    applied.apply("RouteOption")
    wait_until(lambda: asked() == 403, "nobody is let in, as there is no AuthConfig yet")
    applied.condition("routeoption", "AccessControl=False")
    applied.cluster.apply(config, app("the-first-key-0123456789"))
    wait_until(lambda: asked("the-first-key-0123456789") == 200, "the caller is let in")
    applied.fleet.condition("authconfig", "callers", applied.namespace, "Programmed=True")
    applied.condition("httproute", "AccessControl=True")
    applied.cluster.apply(app("the-second-key-0123456789"))
    wait_until(lambda: asked("the-second-key-0123456789") == 200, "the key is rotated")
    assert (asked("the-first-key-0123456789"), asked()) == (401, 401)


def test_gloos_options_for_a_gateway_are_looked_at_as_soon_as_their_kind_is_there(applied: Applied) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "VirtualHostOption", "plural": "virtualhostoptions", "singular": "virtualhostoption"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    applied.cluster.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "virtualhostoptions.gateway.solo.io"},
            "spec": {"group": "gateway.solo.io", "names": names, "scope": "Namespaced", "versions": [version]},
        }
    )
    applied.cluster.kubectl("wait", "--for=condition=Established", "crd/virtualhostoptions.gateway.solo.io")
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "ai-gateway"}
    applied.cluster.apply(
        {
            "apiVersion": "gateway.solo.io/v1",
            "kind": "VirtualHostOption",
            "metadata": {"name": "tokens", "namespace": applied.namespace},
            "spec": {"targetRefs": [target], "options": {"jwt": {"providers": {"idp": {}}}}},
        }
    )
    wait_until(lambda: applied.ask()[0] == 403, "the Gateway lets nobody in", 90)
    applied.condition("gateway", "AccessControl=False")
    applied.cluster.kubectl("delete", "crd", "virtualhostoptions.gateway.solo.io")
    wait_until(lambda: applied.ask()[0] == 200, "the Gateway is open again", 90)


def test_what_changes_nothing_leads_to_no_write(applied: Applied) -> None:
    for kind in KINDS:
        applied.condition(kind, "Programmed=True")
    wait_until(
        lambda: "activePriority" in applied.cluster.get("upstream", "model-failover", applied.namespace)["status"],
        "active",
    )
    writes, rounds = applied.fleet.writes(), applied.fleet.compiled()
    applied.cluster.kubectl("label", "namespace", applied.namespace, "touched=yes")
    wait_until(lambda: applied.fleet.compiled() > rounds, "the operator looked")
    assert applied.fleet.writes() == writes


# ── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_server_that_is_away_costs_no_request_and_is_followed_when_it_is_back(applied: Applied) -> None:
    with applied.cluster.server_stopped():
        assert applied.ask() == (200, "gpt-4o")
    applied.model["model"] = "later"
    applied.apply("Upstream")
    wait_until(lambda: applied.ask() == (200, "later"), "the edit is served", 40)
    applied.condition("upstream", "Programmed=True")


def test_an_api_server_that_hangs_costs_no_request_and_is_followed_afterwards(applied: Applied) -> None:
    with applied.cluster.server_frozen():
        assert applied.ask() == (200, "gpt-4o")
    applied.model["model"] = "later"
    applied.apply("Upstream")
    wait_until(lambda: applied.ask() == (200, "later"), "the edit is served", 40)


def test_a_deletion_that_no_watch_brought_is_noticed(applied: Applied) -> None:
    operator = applied.fleet.operator
    assert operator is not None
    operator.process.send_signal(signal.SIGSTOP)
    try:
        applied.cluster.kubectl("delete", "httproute", "model-failover", "-n", applied.namespace)
        with applied.cluster.server_stopped():  # the new one's watches know nothing of what was deleted before
            pass
    finally:
        operator.process.send_signal(signal.SIGCONT)
    wait_until(lambda: applied.ask()[0] == 404, "the route is gone", 60)


def test_a_kind_that_is_taken_away_and_made_again_takes_its_objects_along_however_often(applied: Applied) -> None:
    file = str(CRDS / "gloo.solo.io_upstreams.yaml")

    def applies() -> bool:
        try:
            applied.apply("Upstream")
        except KubectlFailed:
            return False
        return True

    for _ in range(3):
        applied.cluster.kubectl("delete", "-f", file)
        wait_until(lambda: applied.ask()[0] == 500, "the Upstream is gone")
        told = applied.condition("httproute", "ResolvedRefs=False/BackendNotFound")
        assert "model-failover" in told["message"]
        applied.cluster.kubectl("apply", "-f", file)
        applied.cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", file)
        wait_until(applies, "the API server takes Upstreams again")
        wait_until(lambda: applied.ask() == (200, "gpt-4o"), "it is served again")


def test_where_gloos_own_crds_are_installed_the_route_and_an_event_speak_for_the_upstream(
    applied: Applied,
) -> None:
    file = CRDS / "gloo.solo.io_upstreams.yaml"
    crd = yaml.safe_load(file.read_text())
    [version] = crd["spec"]["versions"]
    del version["subresources"]
    version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    applied.cluster.apply(crd)
    try:
        applied.objects["Upstream"]["spec"]["ai"]["multi"]["priorities"][0]["pool"][0] = {
            "bedrock": {"model": "m", "region": "us-east-1"}
        }
        applied.objects["Upstream"]["spec"]["useHttp2"] = True
        applied.apply("Upstream")
        told = applied.condition("httproute", "ReferencedObjects=False/Reported")
        assert f"Upstream {applied.namespace}/model-failover" in told["message"]
        assert "spec.useHttp2" in told["message"]

        def event() -> str:
            return applied.cluster.kubectl("get", "events", "-n", applied.namespace, "-o", "yaml")

        wait_until(lambda: "spec.useHttp2" in event(), "an Event about the Upstream")
    finally:
        applied.cluster.kubectl("apply", "-f", str(file))
    applied.condition("upstream", "Programmed=True")


def test_a_data_plane_that_refuses_a_table_is_named_with_its_reason_and_the_old_one_serves(applied: Applied) -> None:
    plane = applied.fleet.planes[1]
    gateway = json.loads(json.dumps(applied.objects["Gateway"]))
    gateway["metadata"]["name"] = "second"
    table = json.loads(plane.page("/v1/table"))
    taken = {port["number"] for port in table["ports"]}
    number = next(number for number in range(10_000, 30_000) if number not in taken)
    with socket.create_server((plane.bind, number)):
        applied.cluster.apply(gateway)
        told = applied.fleet.condition("gateway", "second", applied.namespace, "Programmed=False/Refused")
        assert f"port {number}" in told["message"]
        assert applied.ask(1) == (200, "gpt-4o")
    applied.fleet.condition("gateway", "second", applied.namespace, "Programmed=True")


def test_a_data_plane_that_restarts_serves_its_kept_table_without_an_operator(applied: Applied) -> None:
    applied.fleet.stop_operator()
    try:
        applied.fleet.planes[1].program.stop()
        applied.fleet.planes[1] = applied.fleet.start_data_plane(1)
        wait_until(lambda: "ready" in _readiness(applied.fleet, 1), "it is ready again")
        assert applied.ask(1) == (200, "gpt-4o")
    finally:
        applied.fleet.start_operator()
    applied.model["model"] = "later"
    applied.apply("Upstream")
    wait_until(lambda: applied.ask(1) == (200, "later"), "it follows the operator again")


def _readiness(running: Fleet, number: int) -> str:
    try:
        return running.planes[number].page("/readyz")
    except OSError:
        return ""


def test_the_push_channels_secrets_that_somebody_deletes_or_garbles_are_restored(applied: Applied) -> None:
    before = applied.cluster.get("secret", "switchover-push", SYSTEM)["data"]
    applied.cluster.kubectl("delete", "secret", "switchover-push", "switchover-push-ca", "-n", SYSTEM)

    def secrets() -> str:
        return applied.cluster.kubectl("get", "secret", "-n", SYSTEM, "-o", "name")

    wait_until(
        lambda: {"secret/switchover-push", "secret/switchover-push-ca"} <= set(secrets().split()), "both are back"
    )
    assert applied.cluster.get("secret", "switchover-push", SYSTEM)["data"] == before
    authority = applied.cluster.get("secret", "switchover-push-ca", SYSTEM)["data"]
    garbled = '{"data": {"ca.key": "bm9uc2Vuc2U="}}'
    applied.cluster.kubectl("patch", "secret", "switchover-push-ca", "-n", SYSTEM, "--type=merge", "-p", garbled)
    wait_until(
        lambda: applied.cluster.get("secret", "switchover-push-ca", SYSTEM)["data"] == authority,
        "the authority is back",
    )
    applied.model["model"] = "later"
    applied.apply("Upstream")
    wait_until(lambda: applied.ask() == (200, "later"), "tables are still taken")


def test_hundreds_of_objects_at_once_are_all_served_and_each_is_written_to_a_few_times(applied: Applied) -> None:
    count = 250
    writes = applied.fleet.writes()
    routes = []
    for number in range(count):
        route, upstream = (json.loads(json.dumps(applied.objects[kind])) for kind in ("HTTPRoute", "Upstream"))
        route["metadata"]["name"] = upstream["metadata"]["name"] = f"many-{number}"
        route["spec"]["rules"][0]["matches"] = [{"path": {"type": "PathPrefix", "value": f"/many-{number}"}}]
        route["spec"]["rules"][0]["backendRefs"][0]["name"] = f"many-{number}"
        routes += [route, upstream]
    applied.cluster.kubectl(
        "create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": routes})
    )
    wait_until(lambda: applied.ask(1, f"/many-{count - 1}")[0] == 200, "the last one is served", 40)

    def programmed() -> int:
        listed = json.loads(applied.cluster.kubectl("get", "upstream", "-n", applied.namespace, "-o", "json"))["items"]
        return sum(
            any(c["type"] == "Programmed" and c["status"] == "True" for c in conditions(each)) for each in listed
        )

    wait_until(lambda: programmed() == count + 1, "every Upstream is told that it is served", 50)
    assert applied.fleet.writes() - writes <= 4 * 2 * count
