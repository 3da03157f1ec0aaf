"""Statuses that there should be → objects on a real API server: what is written, how often, and what is left alone."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from controlplane_objects import HOSTS, made
from controlplane_server import ControlPlane, Object
from switchover_operator.cluster.api import Api, object_path
from switchover_operator.cluster.event_writer import EventWriter
from switchover_operator.cluster.object_events import LONGEST_NOTE, ObjectEvent
from switchover_operator.cluster.status_writer import INTERVAL, DesiredStatus, StatusWriter
from switchover_operator.identity import Body, Identity

FOREIGN = {
    "type": "example.com/Checked",
    "status": "True",
    "reason": "Fine",
    "message": "checked",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
}


class Writing:
    """A StatusWriter on a real API server; `said` counts what that said to writes, `again` the calls for a round."""

    def __init__(self, api: Api, said: Counter[str]) -> None:
        self.api = api
        self.said = said
        self.again = 0
        self.writer = StatusWriter(api, self._call_again)

    def _call_again(self) -> None:
        self.again += 1

    async def desired(self, identity: Identity, **status: object) -> tuple[Identity, DesiredStatus]:
        """A wish made from the object as it is now."""
        return identity, DesiredStatus(await self.read(identity), status)

    async def read(self, identity: Identity) -> Body:
        body: Body = await self.api.get(object_path(identity))
        return body


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
async def writing(cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Writing]:
    # The library reads its environment once, when it is imported.
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))
    said: Counter[str] = Counter()
    async with Api(lambda _what, result: said.update([result])) as api:
        made = Writing(api, said)
        yield made
        await made.writer.close()


def apply(cluster: ControlPlane, namespace: str, names: Iterable[str]) -> list[Identity]:
    """Make Upstreams of these names."""
    objects = [made("Upstream", HOSTS, namespace, name) for name in names]
    items: Object = {"apiVersion": "v1", "kind": "List", "items": objects}
    cluster.kubectl("create", "-f", "-", input=json.dumps(items))
    return [Identity("gloo.solo.io", "Upstream", namespace, each["metadata"]["name"]) for each in objects]


def edit(cluster: ControlPlane, identity: Identity, change: Object, *flags: str) -> None:
    """Change an object as others do."""
    patch = ("patch", "upstream", identity.name, "-n", identity.namespace, "--type=merge", "-p", json.dumps(change))
    cluster.kubectl(*patch, *flags)


async def test_only_what_changed_is_written_and_what_others_wrote_survives(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    others = {"conditions": [FOREIGN], "statuses": {"gloo": {"state": 1}}, "targets": 3}
    edit(cluster, upstream, {"status": others}, "--subresource=status")
    writing.writer.want([await writing.desired(upstream, **(others | {"targets": 2, "priorities": 1}))])
    await until(writing.said.total)
    body = await writing.read(upstream)
    assert body["status"] == others | {"targets": 2, "priorities": 1}
    assert body["spec"] == made("Upstream", HOSTS)["spec"]
    owned = [each for each in body["metadata"]["managedFields"] if each["manager"] == "switchover"]
    assert [each["fieldsV1"] for each in owned] == [{"f:status": {"f:priorities": {}, "f:targets": {}}}]


async def test_a_status_made_from_an_older_version_is_refused_and_the_one_made_anew_is_taken(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    old = await writing.desired(upstream, targets=1)
    edit(cluster, upstream, {"status": {"conditions": [FOREIGN]}}, "--subresource=status")
    writing.writer.want([old])
    await until(lambda: writing.said["refused"])
    new = await writing.desired(upstream, conditions=[FOREIGN], targets=1)
    assert new[1].body["status"] == {"conditions": [FOREIGN]}, "the words of others stand"
    writing.writer.want([new])
    await until(lambda: writing.said["ok"])
    assert (await writing.read(upstream))["status"] == {"conditions": [FOREIGN], "targets": 1}
    assert writing.again == 0, "news of the newer version is on its way by itself"


async def test_of_statuses_that_follow_one_another_only_the_last_is_written(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    clock = asyncio.get_running_loop().time
    began = clock()
    for targets in range(50):
        writing.writer.want([await writing.desired(upstream, targets=targets)])
    writing.writer.want([await writing.desired(upstream, targets=99)])
    async with asyncio.timeout(20):
        while (await writing.read(upstream)).get("status") != {"targets": 99}:
            await asyncio.sleep(0.05)
    assert writing.said.total() <= 2 + (clock() - began) / INTERVAL


async def test_a_status_that_keeps_changing_is_written_once_a_second_at_most(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    clock = asyncio.get_running_loop().time
    began = clock()
    targets = 0
    while writing.said["ok"] < 4:
        targets += 1
        writing.writer.want([await writing.desired(upstream, targets=targets)])
    assert writing.said.total() <= 1 + (clock() - began) / INTERVAL


async def test_a_status_that_is_no_longer_wished_for_is_not_written(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    one, two = apply(cluster, namespace, ["one", "two"])
    writing.writer.want([await writing.desired(one, targets=1)])
    writing.writer.want([await writing.desired(two, targets=2)])
    await until(lambda: writing.said["ok"])
    assert "status" not in await writing.read(one)
    assert (await writing.read(two))["status"] == {"targets": 2}


async def test_a_status_that_the_api_server_refuses_is_asked_for_again_and_harms_no_other(
    cluster: ControlPlane, namespace: str, writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = apply(cluster, namespace, ["bad", "good"])
    writing.writer.want([await writing.desired(bad, targets=-1), await writing.desired(good, targets=1)])
    await until(lambda: writing.said == {"refused": 1, "ok": 1})
    await until(lambda: writing.again)
    [record] = caplog.records
    assert f"the status of Upstream {namespace}/bad cannot be written: 422 Invalid" in record.getMessage()
    writing.writer.want([await writing.desired(bad, targets=1)])
    await until(lambda: writing.said["ok"] == 2)


async def test_the_status_of_an_object_that_is_gone_is_given_up(
    cluster: ControlPlane, namespace: str, writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    wish = await writing.desired(upstream, targets=1)
    cluster.kubectl("delete", "upstream", "chat", "-n", namespace)
    writing.writer.want([wish])
    await until(lambda: writing.said["refused"])
    assert (writing.again, caplog.records) == (0, [])


async def test_a_writer_that_was_closed_writes_again_as_an_operator_may_lead_again(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    [upstream] = apply(cluster, namespace, ["chat"])
    wish = await writing.desired(upstream, targets=1)
    writing.writer.want([wish])
    await writing.writer.close()
    assert "status" not in await writing.read(upstream)
    writing.writer.want([wish])
    await until(lambda: writing.said["ok"])


async def test_hundreds_of_statuses_are_each_written_once(
    cluster: ControlPlane, namespace: str, writing: Writing
) -> None:
    upstreams = apply(cluster, namespace, [f"many-{number}" for number in range(300)])
    listed = await writing.api.get(f"/apis/gloo.solo.io/v1/namespaces/{namespace}/upstreams")
    bodies = {each["metadata"]["name"]: each for each in listed["items"]}
    # A list leaves out what every item has.
    wishes = [
        (
            each,
            DesiredStatus({**bodies[each.name], "apiVersion": "gloo.solo.io/v1", "kind": "Upstream"}, {"targets": 1}),
        )
        for each in upstreams
    ]
    for _ in range(3):
        writing.writer.want(wishes)
    await until(lambda: writing.said["ok"] == len(upstreams))
    writing.writer.want(wishes)
    listed = await writing.api.get(f"/apis/gloo.solo.io/v1/namespaces/{namespace}/upstreams")
    assert [each["status"] for each in listed["items"]] == [{"targets": 1}] * len(upstreams)
    assert writing.said == {"ok": len(upstreams)}, "what is of the past is not written"


@pytest.mark.parametrize("letter", ["x", "語"])
async def test_an_event_about_the_longest_name_with_the_longest_note_is_taken(
    cluster: ControlPlane, namespace: str, writing: Writing, letter: str
) -> None:
    # Cut in the middle, such a name would end with what no name may end with.
    [upstream] = apply(cluster, namespace, [f"{'u' * 199}.{'u' * 53}"])
    body = await writing.read(upstream)
    events = EventWriter(writing.api, "the-operator")
    running = asyncio.create_task(events.run())
    note = (letter * LONGEST_NOTE).encode()[:LONGEST_NOTE].decode(errors="ignore")
    events.write([ObjectEvent(upstream, "Warning", "NotServed", note)], {upstream: body}.get)
    await until(writing.said.total)
    running.cancel()
    assert writing.said == {"ok": 1}
    [event] = json.loads(cluster.kubectl("get", "events.events.k8s.io", "-n", namespace, "-o", "json"))["items"]
    assert (event["note"], event["regarding"]["name"]) == (note, upstream.name)
