"""The failover guide on this machine: `switchover run`, a worker process, models that answer as told."""

import asyncio
import sys
from typing import Any

import pytest

from running import EXAMPLE, MODELS, SECRET, Manifests, Models, Seen, Shared, free_port, switchover

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_guide_s_request_gives_429_after_each_model_in_order_every_time_it_is_sent(shared: Shared) -> None:
    path = await shared.guide("again")
    for _ in range(5):
        shared.models.seen.clear()
        assert await shared.running.ask(path) == 429
        assert [(seen.model, seen.path, seen.authorization) for seen in shared.models.seen] == [
            (model, "/v1/chat/completions", f"Bearer {SECRET}") for model in MODELS
        ]


async def test_the_second_model_rescues_the_request_once_it_recovers(shared: Shared) -> None:
    path = await shared.guide("recovers")
    assert await shared.running.ask(path) == 429
    shared.models.seen.clear()
    shared.models.statuses["gpt-4.0-turbo"] = 200
    assert await shared.running.ask(path) == 200
    assert shared.models.tried == ["gpt-4o", "gpt-4.0-turbo"]


async def test_without_a_route_option_each_model_is_tried_once_too(shared: Shared) -> None:
    path = await shared.guide("without-option", with_route_option=False)
    assert await shared.running.ask(path) == 429
    assert shared.models.tried == list(MODELS)


async def test_twenty_clients_at_once_are_twenty_rescued_clients(shared: Shared) -> None:
    path = await shared.guide("twenty")
    shared.models.statuses["gpt-3.5-turbo"] = 200
    assert await asyncio.gather(*(shared.running.ask(path) for _ in range(20))) == [200] * 20
    assert shared.models.tried.count("gpt-3.5-turbo") == 20


async def test_a_body_of_five_mebibytes_is_sent_again_whole(shared: Shared) -> None:
    path = await shared.guide("large")
    shared.models.statuses["gpt-3.5-turbo"] = 200
    prompt = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * (5 << 20)}]}
    assert await shared.running.ask(path, prompt) == 200
    assert shared.models.tried == list(MODELS)
    assert all(seen.size > 5 << 20 for seen in shared.models.seen)


async def test_a_refused_connection_fails_over_though_retry_on_does_not_name_it(shared: Shared) -> None:
    upstream, *rest = shared.manifests.guide("refused")
    first = upstream["spec"]["ai"]["multi"]["priorities"][0]["pool"][0]["openai"]
    first["customHost"] = {"host": "127.0.0.1", "port": free_port()}
    shared.models.seen.clear()
    shared.models.statuses = {"gpt-4.0-turbo": 200}
    shared.manifests.write("refused", upstream, *rest)
    await shared.running.serves("/refused")
    assert await shared.running.ask("/refused") == 200
    assert shared.models.tried == ["gpt-4.0-turbo"]


async def test_a_file_edited_under_fifty_requests_a_second_loses_none(shared: Shared) -> None:
    path = await shared.guide("edited")
    shared.models.statuses["gpt-4o"] = 200
    asked: list[asyncio.Task[int]] = []
    done = asyncio.Event()

    async def fifty_a_second() -> None:
        while not done.is_set():
            asked.append(asyncio.create_task(shared.running.ask(path)))
            await asyncio.sleep(0.02)

    asking = asyncio.create_task(fifty_a_second())
    for number in range(5):
        upstream, route, option = shared.manifests.guide("edited")
        route["spec"]["rules"][0]["matches"].append({"path": {"type": "Exact", "value": f"/edit-{number}"}})
        shared.manifests.write("edited", upstream, route, option)
        await shared.running.serves(f"/edit-{number}")
    done.set()
    await asking
    assert set(await asyncio.gather(*asked)) == {200}
    assert len(asked) > 10


async def test_a_broken_edit_keeps_the_last_good_table_and_names_file_object_and_field(shared: Shared) -> None:
    path = await shared.guide("broken")
    upstream, route, option = shared.manifests.guide("broken")
    upstream["spec"]["connectionConfig"] = {"connectTimeout": 5}
    file = shared.manifests.write("broken", upstream, route, option)
    line = await shared.running.says("connectTimeout")
    assert f"{file}:" in line["msg"]
    assert "Upstream gloo-system/broken" in line["msg"]
    assert "spec.connectionConfig.connectTimeout" in line["msg"]
    assert await shared.running.ask(path) == 429
    assert shared.models.tried == list(MODELS)


async def test_targets_with_faults_are_left_out_each_with_a_line_of_its_own_and_the_others_are_asked(
    shared: Shared,
) -> None:
    upstream, route, option = shared.manifests.guide("partly")
    priorities: list[dict[str, Any]] = upstream["spec"]["ai"]["multi"]["priorities"]
    priorities[0]["pool"][0]["openai"]["customHost"]["host"] = "broken.example/status/429"
    priorities[1]["pool"][0]["openai"]["customHost"]["port"] = "eighty"
    file = shared.manifests.write("partly", upstream, route, option)
    places = []
    for number, field in enumerate(("host", "port")):
        path = f"spec.ai.multi.priorities[{number}].pool[0].openai.customHost.{field}: "
        line = await shared.running.says(path)
        assert line["msg"].startswith(f"{line['place']}: Upstream gloo-system/partly: {path}")
        places.append(line["place"])
    lines = file.read_text().splitlines()
    numbers = [int(place.removeprefix(f"{file}:")) for place in places]
    assert [lines[number - 1].strip() for number in numbers] == ["host: broken.example/status/429", "port: eighty"]
    await shared.running.serves("/partly")
    shared.models.seen.clear()
    shared.models.statuses = {MODELS[2]: 200}
    assert await shared.running.ask("/partly") == 200
    assert shared.models.tried == [MODELS[2]]


async def test_a_file_that_is_no_yaml_keeps_its_objects_serving_and_is_named_with_its_line(shared: Shared) -> None:
    path = await shared.guide("no-yaml")
    file = shared.manifests.folder / "no-yaml.yaml"
    file.write_text("kind: Upstream\nspec: [\n")
    line = await shared.running.says("not YAML")
    assert line["msg"].startswith(f"{file}:3:1: not YAML")
    assert await shared.running.ask(path) == 429
    assert shared.models.tried == list(MODELS)


async def test_the_example_runs_with_the_simulator_in_the_place_of_the_provider(manifests: Manifests) -> None:
    for file in EXAMPLE.glob("*.yaml"):
        if file.name not in ("gateway.yaml", "secret.yaml"):
            (manifests.folder / file.name).write_bytes(file.read_bytes())
    port = free_port()
    simulator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover_operator", "simulate", "--bind", f"127.0.0.1:{port}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert simulator.stdout is not None
    assert simulator.stderr is not None
    try:
        assert b"Listening" in await simulator.stderr.readline()
        async with switchover(manifests.folder, manifests.port, port) as running:
            await running.says("ready: ")
            assert await running.ask("/model") == 429
            lines = [(await simulator.stdout.readline()).decode() for _ in MODELS]
    finally:
        simulator.terminate()
        await simulator.wait()
    assert all('"msg":"Request received"' in line for line in lines)
    assert [next(model for model in MODELS if f'\\"model\\":\\"{model}\\"' in line) for line in lines] == list(MODELS)


async def test_no_process_ever_writes_the_key(manifests: Manifests) -> None:
    models = Models(statuses={"gpt-4.0-turbo": 200})
    async with models.running(), switchover(manifests.folder, manifests.port, models.port, "--workers", "2") as running:
        manifests.write("guide", *manifests.guide("model"))
        await running.says("ready: ")
        await running.serves("/model")
        assert await running.ask("/model") == 200
        assert models.seen[0] == Seen("/v1/chat/completions", "gpt-4o", f"Bearer {SECRET}", models.seen[0].size)
        manifests.write("broken", {"apiVersion": "v1", "kind": "Secret", "stringData": {"Authorization": SECRET}})
        (manifests.folder / "worse.yaml").write_text(f"apiVersion: v1\nkind: Secret\nstringData: '{SECRET}\n")
        await running.says("worse.yaml")
        dumps = []
        for port in range(2):
            host, _, first = running.admin.rpartition(":")
            for page in ("v1/table", "v1/health", "metrics", "readyz", "healthz"):
                async with running.session.get(f"{host}:{int(first) + port}/{page}") as response:
                    dumps.append(await response.text())
        assert await running.stop() == 0
    everything = "".join([*running.written, *dumps])
    assert SECRET not in everything
    assert "gpt-4.0-turbo" in everything
