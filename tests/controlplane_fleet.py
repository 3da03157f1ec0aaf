"""A whole Switchover on a control plane: the operator with the chart's rights, data planes, and a model that fails.

The processes are the real ones, on loopback. Data planes are told to the operator by address, as nobody makes
EndpointSlices here; everything else is as in a cluster.
"""

import base64
import copy
import http.client
import json
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from controlplane_server import ControlPlane, KubectlFailed, Object
from process_group import Program, wait_until
from running import HOST, PROMPT, SECRET, example, free_port

SYSTEM = "switchover-system"
INSTALL = Path(__file__).parents[1] / "manifests" / "install.yaml"
RIGHTS = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "GatewayClass")
PYTHON = (sys.executable, "-m")


def installed(*kinds: str) -> list[Object]:
    """The objects of some kinds in manifests/install.yaml."""
    return [each for each in yaml.safe_load_all(INSTALL.read_text()) if each and each["kind"] in kinds]


@dataclass
class DataPlane:
    """A data-plane process with the certificate that the operator made for it."""

    program: Program
    bind: str
    admin: int

    def ask(self, port: int, path: str, body: Object | None = None, key: str = "") -> tuple[int, str]:
        """Send a prompt, with a bearer token where there is a `key`; the status, and the model that answered."""
        connection = http.client.HTTPConnection(self.bind, port, timeout=30)
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        connection.request("POST", path, json.dumps(body or PROMPT), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text).get("model", "") if answer.status == 200 else ""

    def page(self, path: str) -> str:
        """A page of the admin port."""
        return page(self.admin, path)


def page(port: int, path: str) -> str:
    """A page of an admin port on loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


@dataclass
class Fleet:
    """What runs. `stack` ends it."""

    cluster: ControlPlane
    folder: Path
    stack: ExitStack
    kubeconfig: Path
    # Of loopback, and its own: several fleets run at a time, and each begins with the same internal port.
    network: str = field(default_factory=lambda: f"127.{random.randrange(1, 255)}.{random.randrange(255)}")
    pushes: list[int] = field(default_factory=list)
    admin: int = 0
    models_port: int = 0
    programs: list[Program] = field(default_factory=list)
    planes: list[DataPlane] = field(default_factory=list)
    operator: Program | None = None
    models: Program | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    # ── Processes ──

    def start_operator(self) -> None:
        """Start the operator, or start it anew."""
        self.stop_operator()
        dataplanes = [argument for port in self.pushes for argument in ("--dataplane", f"127.0.0.1:{port}")]
        self._running = ExitStack()
        self.operator = self._running.enter_context(
            self.cluster.running(
                *(*PYTHON, "switchover_operator", "operator", *dataplanes, "--own-namespace", SYSTEM),
                *("--admin", f"127.0.0.1:{self.admin}", "--identity", "the-operator", "--log-format", "json"),
                kubeconfig=self.kubeconfig,
            )
        )
        self.programs.append(self.operator)

    def stop_operator(self) -> None:
        """Let the operator end."""
        self._running.close()

    def start_data_plane(self, number: int) -> DataPlane:
        """Start data plane `number`, which keeps its table in a file as a pod does in memory."""
        bind, admin = f"{self.network}.{number + 2}", free_port()
        flags = {"push-cert": "tls.crt", "push-key": "tls.key", "push-ca": "ca.crt"}
        program = self.stack.enter_context(
            self.cluster.running(
                *(*PYTHON, "switchover_dataplane", "--bind", bind, "--admin", f"127.0.0.1:{admin}"),
                *("--push", f"127.0.0.1:{self.pushes[number]}", "--log-format", "json"),
                *(argument for flag, name in flags.items() for argument in (f"--{flag}", str(self.folder / name))),
                *("--table-file", str(self.folder / f"table-{number}.json")),
                *("--connect-to", f"{HOST}:127.0.0.1:{self.models_port}"),
                kubeconfig=self.kubeconfig,
            )
        )
        self.programs.append(program)
        return DataPlane(program, bind, admin)

    def start_models(self) -> None:
        """Start the model-failover app: every model answers 429 unless told otherwise."""
        self.models = self.stack.enter_context(
            self.cluster.running(
                *(*PYTHON, "switchover_operator", "simulate", "--bind", f"127.0.0.1:{self.models_port}", "--verbose"),
                kubeconfig=self.kubeconfig,
            )
        )
        self.models.says("Listening")

    # ── What tests do ──

    def models_answer(self, **statuses: int) -> None:
        """Let models answer with these statuses; `default` stands for all others."""
        default = statuses.pop("default", 429)
        connection = http.client.HTTPConnection("127.0.0.1", self.models_port, timeout=30)
        scenario = {"models": {name.replace("_", "-"): status for name, status in statuses.items()}, "default": default}
        connection.request("PUT", "/__scenario", json.dumps(scenario))
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
        connection.close()

    @property
    def received(self) -> list[Object]:
        """The requests that reached a model."""
        assert self.models is not None
        return [line for line in self.models.lines if line.get("msg", "").startswith(("Request received", "{"))]

    def port(self, namespace: str, gateway: str = "ai-gateway") -> int:
        """The fleet's internal port of a Gateway's only port, once it has one."""
        found: list[int] = []

        def has_service() -> bool:
            found[:] = [
                port["targetPort"]
                for service in json.loads(self.cluster.kubectl("get", "service", "-n", SYSTEM, "-o", "json"))["items"]
                if (service["metadata"].get("annotations") or {}).get("switchover.dev/gateway")
                == f"{namespace}/{gateway}"
                for port in service["spec"]["ports"]
            ]
            return bool(found)

        wait_until(has_service, f"a Service of Gateway {namespace}/{gateway}")
        return found[0]

    def condition(self, kind: str, name: str, namespace: str, wanted: str) -> Object:
        """Wait until an object has a condition TYPE=STATUS or TYPE=STATUS/REASON of its generation; the condition."""
        found: list[Object] = []

        def holds() -> bool:
            try:
                body = self.cluster.get(kind, name, namespace)
            except KubectlFailed:
                return False
            found[:] = [each for each in conditions(body) if wanted in _names(each, body)]
            return bool(found)

        wait_until(holds, f"{wanted} at {kind} {namespace}/{name}", 30)
        return found[0]

    def writes(self) -> int:
        """How many requests of the operator changed something so far."""
        lines = page(self.admin, "/metrics").splitlines()
        return sum(
            int(float(line.split()[-1])) for line in lines if line.startswith("switchover_operator_writes_total")
        )

    def compiled(self) -> int:
        """How many rounds of the operator looked at the cluster so far."""
        name = "switchover_operator_compile_seconds_count"
        return next(
            int(float(line.split()[-1])) for line in page(self.admin, "/metrics").splitlines() if line.startswith(name)
        )


def _names(condition: Object, body: Object) -> list[str]:
    if condition.get("observedGeneration") != body["metadata"].get("generation"):
        return []
    short = f"{condition['type']}={condition['status']}"
    return [short, f"{short}/{condition['reason']}"]


def conditions(body: Object) -> list[Object]:
    """Every condition in a status: of the object, its parents, its ancestors and its listeners."""
    status = body.get("status") or {}
    parts = [status, *(part for key in ("parents", "ancestors", "listeners") for part in status.get(key) or ())]
    return [condition for part in parts for condition in part.get("conditions") or ()]


def guide(namespace: str) -> dict[str, Object]:
    """Kind → the example's object, in a namespace of the test's own."""
    text = json.dumps({kind: example(kind) for kind in ("Gateway", "Secret", "Upstream", "HTTPRoute", "RouteOption")})
    objects: dict[str, Any] = json.loads(text.replace('"namespace": "gloo-system"', f'"namespace": "{namespace}"'))
    objects["Secret"]["stringData"] = {"Authorization": f"Bearer {SECRET}"}
    return copy.deepcopy(objects)


@contextmanager
def fleet(cluster: ControlPlane, folder: Path, planes: int = 2) -> Iterator[Fleet]:
    """Run everything, with the rights of manifests/install.yaml and no others."""
    cluster.apply(*installed(*RIGHTS), _headless_service())
    with ExitStack() as stack:
        made = Fleet(cluster, folder, stack, cluster.service_account("switchover-operator", SYSTEM))
        made.pushes = [free_port() for _ in range(planes)]
        made.admin, made.models_port = free_port(), free_port()
        made.start_models()
        made.start_operator()
        stack.callback(made.stop_operator)
        _fetch_certificates(cluster, folder)
        made.planes = [made.start_data_plane(number) for number in range(planes)]
        for plane in made.planes:
            wait_until(lambda plane=plane: _is_ready(plane), "a data plane has a table")  # type: ignore[misc]
        yield made


def _is_ready(plane: DataPlane) -> bool:
    try:
        return plane.page("/readyz").startswith("ready")
    except OSError:
        return False


def _fetch_certificates(cluster: ControlPlane, folder: Path) -> None:
    """Write the Secret that the operator made to files, as a kubelet mounts it."""

    def is_there() -> bool:
        try:
            secret = cluster.get("secret", "switchover-push", SYSTEM)
        except KubectlFailed:
            return False
        for name, value in secret["data"].items():
            (folder / name).write_bytes(base64.b64decode(value))
        return True

    wait_until(is_there, "the operator made the push channel's Secret")


def _headless_service() -> Object:
    [service] = [each for each in installed("Service") if each["spec"].get("clusterIP") == "None"]
    return service
