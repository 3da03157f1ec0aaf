"""`make bench-operator`: from `kubectl apply` to the first request served by it, and what an idle operator costs.

Before that, how long `check` and `run` take for many objects in files.

A real API server, the real operator with the chart's rights and two data planes run on this machine, as in
tests/controlplane. Figures are of this machine and whatever else it does: compare within one run.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial
from http import HTTPStatus
from pathlib import Path

from controlplane_fleet import Fleet, conditions, fleet, guide, page
from controlplane_server import ControlPlane, Object, control_plane, gateway_api_crds, program
from process_group import wait_until
from running import free_port
from switchover_bench.scale import manifests
from switchover_bench.scenarios import Ports

CRDS = Path(__file__).parents[1] / "crds"
NAMESPACE = "bench"
OBJECTS = 10_000
SWITCHOVER = (sys.executable, "-m", "switchover_operator")
EDITED = 7
IDLE = 60.0


def main(routes: int, edits: int) -> None:
    """Measure with so many routes, each with an Upstream of its own, and so many edits."""
    _measure_files()
    with control_plane() as cluster, tempfile.TemporaryDirectory() as folder:
        folders = ("-f", str(gateway_api_crds()), "-f", str(CRDS))
        cluster.kubectl("apply", *folders)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *folders)
        with fleet(cluster, Path(folder)) as running:
            running.models_answer(default=200)
            _create(cluster, routes)
            _measure_idle(running)
            _measure_edits(running, edits)


def _measure_files() -> None:
    """In one file and in a file each; a fourth of the objects are routes, each with an Upstream and two policies."""
    ports = Ports(*(free_port() for _ in range(5)))
    with tempfile.TemporaryDirectory() as name:
        one = manifests.one_file(Path(name), OBJECTS // 4, ports)
        many = Path(name, "many")
        many.mkdir()
        for number, text in enumerate(one.read_text().split("---\n")):
            (many / f"{number:05}.yaml").write_text(text)
        for path, how in ((one, "one file"), (many, f"{OBJECTS:,} files")):
            began = time.monotonic()
            subprocess.run([*SWITCHOVER, "check", "-f", str(path)], stdout=subprocess.DEVNULL, check=True)
            checked = time.monotonic() - began
            began = time.monotonic()
            with subprocess.Popen(
                [*SWITCHOVER, "run", "-f", str(path), "--admin", f"127.0.0.1:{ports.admin}"], stdout=subprocess.DEVNULL
            ) as run:
                wait_until(partial(_is_ready, ports.admin), "all of them are served", 60)
                served = time.monotonic() - began
                run.terminate()
            _say(f"{OBJECTS:,} objects in {how}: `check` {checked:.1f} s, `run` until ready {served:.1f} s")


def _is_ready(admin: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _create(cluster: ControlPlane, routes: int) -> None:
    cluster.kubectl("create", "namespace", NAMESPACE)
    objects = guide(NAMESPACE)
    cluster.apply(objects["Gateway"], objects["Secret"])
    began = time.monotonic()
    made = [each for number in range(routes) for each in _numbered(objects, number)]
    for start in range(0, len(made), 400):
        items = {"apiVersion": "v1", "kind": "List", "items": made[start : start + 400]}
        cluster.kubectl("create", "-f", "-", input=json.dumps(items))
    _say(f"{len(made)} objects created in {time.monotonic() - began:.1f} s")
    wait_until(lambda: _programmed(cluster) == routes, "every Upstream is told that it is served", 300)
    _say(f"all of them told that they are served {time.monotonic() - began:.1f} s after the first was created")


def _numbered(objects: dict[str, Object], number: int, model: str = "m0") -> list[Object]:
    """A route at /r-NUMBER and its Upstream, whose first model is `model`."""
    route, upstream = (json.loads(json.dumps(objects[kind])) for kind in ("HTTPRoute", "Upstream"))
    route["metadata"]["name"] = upstream["metadata"]["name"] = f"r-{number}"
    [rule] = route["spec"]["rules"]
    rule["matches"] = [{"path": {"type": "PathPrefix", "value": f"/r-{number}"}}]
    rule["backendRefs"][0]["name"] = f"r-{number}"
    upstream["spec"]["ai"]["multi"]["priorities"][0]["pool"][0]["openai"]["model"] = model
    return [route, upstream]


def _programmed(cluster: ControlPlane) -> int:
    listed = json.loads(cluster.kubectl("get", "upstream", "-n", NAMESPACE, "-o", "json"))["items"]
    return sum(any(c["type"] == "Programmed" and c["status"] == "True" for c in conditions(each)) for each in listed)


def _measure_idle(running: Fleet) -> None:
    assert running.operator is not None
    pid = running.operator.process.pid
    time.sleep(20)  # until kopf's workers, which wait for more of the same, have gone
    used, writes, began = _cpu(pid), running.writes(), time.monotonic()
    time.sleep(IDLE)
    share = 100 * (_cpu(pid) - used) / (time.monotonic() - began)
    _say(f"idle for {IDLE:g} s: {share:.2f} % of a core, {running.writes() - writes} writes, {_resident(pid)} MiB")


def _measure_edits(running: Fleet, edits: int) -> None:
    port = running.port(NAMESPACE)
    served, applied = [], []
    for number in range(1, edits + 1):
        model = f"m{number}"
        upstream = _numbered(guide(NAMESPACE), EDITED, model)[1]
        began = time.perf_counter()
        with subprocess.Popen(
            [str(program("kubectl")), f"--kubeconfig={running.cluster.kubeconfig}", "apply", "-f", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as kubectl:
            assert kubectl.stdin is not None
            kubectl.stdin.write(json.dumps(upstream).encode())
            kubectl.stdin.close()
            ended = 0.0
            while not all(plane.ask(port, f"/r-{EDITED}") == (200, model) for plane in running.planes):
                if not ended and kubectl.poll() is not None:
                    ended = time.perf_counter() - began
                time.sleep(0.002)
        served.append(time.perf_counter() - began)
        applied.append(ended or served[-1])
    served.sort()
    _say(
        f"from `kubectl apply` to served by both data planes, {edits} times: median {_ms(statistics.median(served))}, "
        f"p99 {_ms(served[int(len(served) * 0.99)])}, longest {_ms(served[-1])}; "
        f"of that kubectl itself {_ms(statistics.median(applied))}"
    )
    sums = {
        line.split()[0].rpartition("_")[2]: float(line.split()[1])
        for line in page(running.admin, "/metrics").splitlines()
        if line.startswith(("switchover_operator_compile_seconds_sum", "switchover_operator_compile_seconds_count"))
    }
    _say(f"compiling took {_ms(sums['sum'] / sums['count'])} on average")


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _resident(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3]))
