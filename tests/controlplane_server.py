"""A real control plane for tests: etcd and kube-apiserver on loopback, kubectl to talk to it, and no nodes.

Objects, admission, CEL, watches, RBAC and ServiceAccount tokens are Kubernetes' own. No controller manager runs: nobody
makes EndpointSlices of Services, default ServiceAccounts or Pods of Deployments, nobody collects what lost its owner,
and a namespace that is deleted stays Terminating for ever. So each test takes a namespace of its own and leaves it
behind, and writes itself what a controller would have written. EndpointSlices with loopback addresses are refused.

Everything started here ends with the test run, however that ends.
"""

import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from certificates import Authority
from process_group import ProcessGroup, Program, wait_until
from running import free_port

PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
HOW_TO_GET_IT = "run `make control-plane`"

Object = dict[str, Any]


class NotBuilt(Exception):
    """What `make control-plane` makes is not there."""


class KubectlFailed(Exception):
    """kubectl ended with an error; the text is what it wrote about it."""


# ── What `make control-plane` made ──────────────────────────────────────────────────────────────────────────────────


def _built() -> Path:
    cache = os.environ.get("SWITCHOVER_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "switchover" / "control-plane"


def program(name: str) -> str:
    """Find a program under KUBEBUILDER_ASSETS, where that is set, else where `make control-plane` puts it.

    Any kubectl will do: where there is none, the one on the PATH is taken.
    """
    folder = os.environ.get("KUBEBUILDER_ASSETS") or str(_built() / "bin")
    found = shutil.which(name, path=folder) or (shutil.which(name) if name == "kubectl" else None)
    if found is None:
        raise NotBuilt(f"{HOW_TO_GET_IT}: no {name} in {folder}")
    return found


def gateway_api_crds() -> Path:
    """Find the folder of the official CRDs of Gateway API."""
    folder = _built() / "crds"
    if not folder.is_dir():
        raise NotBuilt(f"{HOW_TO_GET_IT}: no CRDs of Gateway API in {folder}")
    return folder


# ── The control plane ───────────────────────────────────────────────────────────────────────────────────────────────


class ControlPlane:
    """An etcd and a kube-apiserver. `kubeconfig` is an administrator's."""

    def __init__(self, folder: Path, group: ProcessGroup) -> None:
        self._folder = folder
        self._group = group
        self._kubectl = program("kubectl")
        self._kube_apiserver = program("kube-apiserver")
        self._authority = Authority()
        self._token = secrets.token_urlsafe()
        self._etcd = self._start_etcd()
        self._address = ("127.0.0.1", free_port())
        self.url = "https://{}:{}".format(*self._address)
        self.kubeconfig = self._kubeconfig("admin", self._token)
        self._server_flags = self._write_server_files()
        self._server = self._start_server()
        wait_until(self._answers, "kube-apiserver is ready", 50)

    # ── kubectl ──

    def kubectl(self, *arguments: str, input: str = "", kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator unless another kubeconfig is given; what it printed.

        Raises:
            KubectlFailed: it exited with an error; the text is the API server's reason.
        """
        done = subprocess.run(
            [self._kubectl, *arguments],
            input=input,
            env=self._environment(kubeconfig or self.kubeconfig),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlFailed(done.stderr.strip())
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """`kubectl apply` of plain objects."""
        # One stream: what is in a List is checked by kubectl itself, not by the API server.
        self.kubectl("apply", "-f", "-", input="\n---\n".join(map(json.dumps, objects)))

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """One object as it is stored."""
        found: Object = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def complaints(self, path: str, body: Object) -> list[str]:
        """What the API server says against the creation of an object, which is not made; [] if it would be.

        Raises:
            AssertionError: the API server could not answer.
        """
        with closing(self._connection()) as connection:
            connection.request("POST", f"{path}?dryRun=All", json.dumps(body), self._headers)
            response = connection.getresponse()
            text = response.read().decode()
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            return []
        assert response.status < HTTPStatus.INTERNAL_SERVER_ERROR, text
        if response.status == HTTPStatus.NOT_FOUND:
            return ["this version or this namespace does not exist"]
        said: Object = json.loads(text)
        causes = said.get("details", {}).get("causes") or [{"message": said["message"]}]
        return ["{}: {}".format(each.get("field", ""), each["message"]).removeprefix(": ") for each in causes]

    def namespace(self, prefix: str = "test") -> str:
        """Make a namespace that no other test has; its name."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        return name

    def service_account(self, name: str, namespace: str) -> Path:
        """A kubeconfig with a token of a ServiceAccount that exists, as a Pod of it would have."""
        return self._kubeconfig(f"{namespace}-{name}", self.kubectl("create", "token", name, "-n", namespace).strip())

    # ── Programs that use it ──

    @contextmanager
    def running(self, *command: str, kubeconfig: Path, **environment: str) -> Iterator[Program]:
        """A program with KUBECONFIG in its environment, stopped at the end."""
        log = self._folder / f"program-{secrets.token_hex(4)}.log"
        log.touch()
        process = self._group.start(
            list(command), log, {**os.environ, **self._environment(kubeconfig), "PYTHONUNBUFFERED": "1", **environment}
        )
        program = Program(process, log)
        try:
            yield program
            if process.poll() is None:
                program.stop()
        finally:
            process.kill()
            process.wait()

    # ── An API server that is away ──

    @contextmanager
    def server_stopped(self) -> Iterator[None]:
        """Kill the API server; afterwards it is started again at the same address with the same data."""
        self._server.kill()
        self._server.wait()
        try:
            yield
        finally:
            self._server = self._start_server()
            wait_until(self._answers, "kube-apiserver is ready again", 50)

    @contextmanager
    def server_frozen(self) -> Iterator[None]:
        """Let the API server hang: connections stay open, and nothing is answered until the end."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    # ── How it is started ──

    def _start_etcd(self) -> subprocess.Popen[bytes]:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd_url = client
        command = [
            *(program("etcd"), "--name=test", f"--data-dir={self._folder / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}"),
            "--log-level=warn",
        ]
        return self._group.start(command, self._folder / "etcd.log", {})

    def _write_server_files(self) -> list[str]:
        chain, key = self._authority.issue("127.0.0.1", "localhost")
        checking_key, signing_key = self._authority.issue("tokens of ServiceAccounts")
        files = {
            "tls-cert-file": self._private("server.crt", chain),
            "tls-private-key-file": self._private("server.key", key),
            "service-account-key-file": self._private("tokens.crt", checking_key),
            "service-account-signing-key-file": self._private("tokens.key", signing_key),
            "token-auth-file": self._private("users.csv", f"{self._token},admin,admin,system:masters\n"),
        }
        return [f"--{flag}={path}" for flag, path in files.items()]

    def _start_server(self) -> subprocess.Popen[bytes]:
        host, port = self._address
        command = [
            *(self._kube_apiserver, f"--etcd-servers={self._etcd_url}", *self._server_flags),
            *(f"--bind-address={host}", f"--secure-port={port}", "--service-cluster-ip-range=10.96.0.0/16"),
            *("--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc"),
            # Loopback is no address for the EndpointSlice of the Service `kubernetes`, so nobody writes one.
            *(f"--advertise-address={host}", "--endpoint-reconciler-type=none"),
            *("--allow-privileged=true", f"--cert-dir={self._folder}"),
        ]
        return self._group.start(command, self._folder / "kube-apiserver.log", {})

    def _answers(self) -> bool:
        """Whether the API server is ready, and the namespaces that it makes itself are there."""
        for name, process in (("etcd", self._etcd), ("kube-apiserver", self._server)):
            if process.poll() is not None:
                log = (self._folder / f"{name}.log").read_text()
                raise AssertionError(f"{name} ended with {process.returncode}: ...{log[-2000:]}")
        return self._status("/readyz") == 200 and self._status("/api/v1/namespaces/default") == 200

    def _status(self, path: str) -> int:
        with closing(self._connection()) as connection:
            try:
                connection.request("GET", path, headers=self._headers)
                return connection.getresponse().status
            except OSError:
                return 0

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}", "content-type": "application/json"}

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(*self._address, context=self._authority.client(), timeout=20)

    def _kubeconfig(self, user: str, token: str) -> Path:
        authority = self._private("authority.pem", self._authority.pem)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": str(authority)}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        return self._private(f"{user}.kubeconfig", json.dumps(config))

    def _environment(self, kubeconfig: Path) -> dict[str, str]:
        # A home of its own: kubectl keeps what it learnt of a server there, and reads a person's preferences.
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder), "KUBECONFIG": str(kubeconfig)}

    def _private(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path


@contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """A control plane that answers, without any CRD.

    Raises:
        NotBuilt: a program is missing.
    """
    for name in PROGRAMS:
        program(name)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="switchover-")))
        group = ProcessGroup()
        stack.callback(group.kill)
        yield ControlPlane(folder, group)
