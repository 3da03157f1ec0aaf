"""Files are read as kubectl and the API server read them: what is stored is what `check` and `run` would serve."""

import json
from pathlib import Path
from typing import Any

import pytest

from controlplane_server import ControlPlane
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document


def upstream(name: str, port: str = "80", **metadata: str) -> str:
    labels = f", labels: {json.dumps(metadata)}" if metadata else ""
    return (
        f"apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {{name: {name}{labels}}}\n"
        f"spec: {{static: {{hosts: [{{addr: 192.0.2.1, port: {port}}}]}}}}\n"
    )


def as_json(name: str, port: str) -> str:
    body = {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "metadata": {"name": name}}
    spec = '{"static": {"hosts": [{"addr": "192.0.2.1", "port": PORT}]}}'.replace("PORT", port)
    return json.dumps(body)[:-1] + f', "spec": {spec}}}'


FILES: dict[str, tuple[str, bytes]] = {
    "numbers in YAML": (
        "a.yaml",
        "---\n".join(
            upstream(f"n{number}", port)
            for number, port in enumerate(["80.0", "8e1", "8.05e+2", "0x50", "0120", "0o120", "8_0", "08", "800e-1"])
        ).encode(),
    ),
    "numbers in JSON, one object after the other": (
        "a.json",
        "\n".join(as_json(f"n{number}", port) for number, port in enumerate(["80.0", "8e1", "8.05e+2", "80"])).encode(),
    ),
    "YAML that is named JSON": ("a.json", upstream("a").encode()),
    "UTF-16": ("a.yaml", b"\xff\xfe" + upstream("a").encode("utf-16-le")),
    "UTF-16 with its bytes the other way": ("a.yaml", b"\xfe\xff" + upstream("a").encode("utf-16-be")),
    "JSON with a mark": ("a.json", b"\xef\xbb\xbf" + as_json("a", "80").encode()),
    "JSON and YAML": ("a.yaml", f"{as_json('a', '80')}\n---\n{upstream('b')}---\n{as_json('c', '90')}\n".encode()),
    "a list of one kind": (
        "a.yaml",
        b"apiVersion: gloo.solo.io/v1\nkind: UpstreamList\nitems:\n"
        b"- {metadata: {name: a}, spec: {static: {hosts: [{addr: 192.0.2.1, port: 80}]}}}\n",
    ),
    "a merged key": ("a.yaml", upstream("a").replace("port: 80", "port: 80, <<: {port: 90}").encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_the_api_server_stores_what_is_read_from_a_file(
    cluster: ControlPlane, namespace: str, tmp_path: Path, name: str
) -> None:
    file_name, content = FILES[name]
    file = tmp_path / file_name
    file.write_bytes(content)
    cluster.kubectl("apply", "-n", namespace, "-f", str(file))
    listed = json.loads(cluster.kubectl("get", "upstreams.gloo.solo.io", "-n", namespace, "-o", "json"))
    stored = {each["metadata"]["name"]: each["spec"] for each in listed["items"]}
    found = list(documents(content))
    read: dict[str, Any] = {each.identity.name: each.body["spec"] for each in found if isinstance(each, Document)}
    assert len(read) == len(found)
    # 80 and 80.0 are equal for Python, and differ for a field that has to be a whole number.
    assert json.dumps(read, sort_keys=True) == json.dumps(stored, sort_keys=True)
