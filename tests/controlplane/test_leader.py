"""Operators and one real Lease: which of them works, and when another takes over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NoReturn

import pytest

from controlplane_server import ControlPlane, Object
from switchover_operator.cluster.api import Api, ApiRefused, kind_path
from switchover_operator.cluster.leader import Leadership

NAME = "operator"


@pytest.fixture(autouse=True)
def kubeconfig(cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reads its environment once, when it is imported."""
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))


class Operator:
    """One contender; `works` while it leads."""

    def __init__(self, api: Api, namespace: str, me: str) -> None:
        self.api = api
        self.leadership = Leadership(api, namespace, NAME, me)
        self.works = False
        self.terms = 0
        self.fail = asyncio.Event()
        self.task: asyncio.Task[NoReturn] | None = None

    async def work(self) -> NoReturn:
        self.works = True
        self.terms += 1
        try:
            await self.fail.wait()
            raise RuntimeError("the work failed")
        finally:
            self.works = False

    def start(self) -> None:
        self.task = asyncio.create_task(self.leadership.lead(self.work))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError, RuntimeError):
                await self.task

    async def lease(self, namespace: str) -> dict[str, Any]:
        """The Lease's spec; {} if there is none."""
        try:
            found = await self.api.get(f"{kind_path('coordination.k8s.io', 'v1', 'leases', namespace)}/{NAME}")
        except ApiRefused as refused:
            if refused.status != 404:
                raise
            return {}
        spec: dict[str, Any] = found["spec"]
        return spec


@asynccontextmanager
async def operators(namespace: str, *names: str) -> AsyncIterator[list[Operator]]:
    async with AsyncExitStack() as stack:
        made = []
        for name in names:
            api = await stack.enter_async_context(Api(lambda *_: None))
            made.append(Operator(api, namespace, name))
            stack.push_async_callback(made[-1].stop)
        yield made


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def until_lease(operator: Operator, namespace: str, condition: Callable[[dict[str, Any]], object]) -> None:
    while not condition(await operator.lease(namespace)):
        await asyncio.sleep(0.05)


def held_by(holder: str, namespace: str, seconds: int) -> Object:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds}
    metadata = {"name": NAME, "namespace": namespace}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


async def test_of_operators_that_start_together_one_works_and_when_it_ends_another_takes_over(namespace: str) -> None:
    async with operators(namespace, "one", "two", "three") as all_of_them:
        for each in all_of_them:
            each.start()
        await until(lambda: any(each.works for each in all_of_them))
        [first] = [each for each in all_of_them if each.works]
        taken = await first.lease(namespace)
        # Twice, so that each of the others has looked at it again.
        for _ in range(2):
            before = (await first.lease(namespace))["renewTime"]
            await until_lease(first, namespace, lambda lease, before=before: lease["renewTime"] != before)  # type: ignore[misc]
        assert [each for each in all_of_them if each.terms] == [first]
        await first.stop()
        assert not first.works
        await until(lambda: any(each.works for each in all_of_them))
        assert sum(each.terms for each in all_of_them) == 2
        after = await first.lease(namespace)
        assert after["holderIdentity"] not in ("", taken["holderIdentity"])
        assert (taken["leaseTransitions"], after["leaseTransitions"]) == (1, 3), "taken, given back and taken"


async def test_a_holder_that_renews_no_more_is_replaced_once_its_lease_has_stood_still(
    cluster: ControlPlane, namespace: str
) -> None:
    cluster.apply(held_by("frozen", namespace, seconds=1))
    async with operators(namespace, "next") as [operator]:
        operator.start()
        await until(lambda: operator.works)
        lease = await operator.lease(namespace)
        assert (lease["holderIdentity"], lease["leaseDurationSeconds"]) == ("next", 15)


async def test_an_operator_whose_lease_is_anothers_stops_and_takes_nothing_back(
    cluster: ControlPlane, namespace: str
) -> None:
    async with operators(namespace, "one") as [operator]:
        operator.start()
        await until(lambda: operator.works)
        cluster.apply(held_by("other", namespace, seconds=3600))
        await until(lambda: not operator.works)
        await operator.stop()
        assert (await operator.lease(namespace))["holderIdentity"] == "other"


async def test_a_lease_that_somebody_deletes_is_made_again_and_the_work_goes_on(
    cluster: ControlPlane, namespace: str
) -> None:
    async with operators(namespace, "one") as [operator]:
        operator.start()
        await until(lambda: operator.works)
        cluster.kubectl("delete", "lease", NAME, "-n", namespace)
        await until_lease(operator, namespace, lambda lease: lease.get("holderIdentity") == "one")
        assert (operator.works, operator.terms) == (True, 1)


async def test_work_that_fails_ends_its_operator_which_gives_the_lease_back(namespace: str) -> None:
    async with operators(namespace, "one") as [operator]:
        operator.start()
        await until(lambda: operator.works)
        operator.fail.set()
        assert operator.task is not None
        with pytest.raises(RuntimeError, match="the work failed"):
            await operator.task
        assert (await operator.lease(namespace))["holderIdentity"] == ""


async def test_while_the_api_server_hangs_the_work_goes_on_only_as_long_as_nobody_else_may_begin(
    cluster: ControlPlane, namespace: str
) -> None:
    async with operators(namespace, "one") as [operator]:
        operator.start()
        await until(lambda: operator.works)
        with cluster.server_frozen():
            await until(lambda: not operator.works)
        await until(lambda: operator.terms == 2)
