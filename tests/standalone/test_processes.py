"""`switchover run` as a process among processes: what it starts, replaces, waits for and leaves behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from running import HOST, MODELS, Manifests, Models, free_port, run, switchover, until, until_async
from switchover_operator.standalone.data_plane import DATA_PLANE
from switchover_operator.standalone.workers import ending, wait_after


def children(pid: int) -> list[int]:
    """The processes that a process started (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def workers(pid: int) -> list[int]:
    return [child for child in children(pid) if "switchover_dataplane" in arguments(child)]


def socket_folder(worker: int) -> Path:
    [socket] = [argument.removeprefix("unix:") for argument in arguments(worker) if argument.startswith("unix:")]
    return Path(socket).parent


def core_limits(pid: int) -> list[str]:
    """How large a core dump of a process may be, and could be made."""
    [line] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core" in line]
    return line.split()[4:6]


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_worker_that_is_killed_is_replaced_and_gets_the_table(manifests: Manifests) -> None:
    models = Models(statuses={"gpt-4o": 200})
    manifests.write("guide", *manifests.guide("model"))
    async with models.running(), switchover(manifests.folder, manifests.port, models.port) as running:
        await running.says("ready: ")
        [first] = workers(running.process.pid)
        os.kill(first, signal.SIGKILL)
        await running.says("worker 0 ended (killed by SIGKILL) and is started again")

        async def asked() -> bool:
            try:
                return await running.ask("/model") == 200
            except OSError:
                return False

        await until_async(asked, "the new worker answers")
        [second] = workers(running.process.pid)
        assert second != first


async def test_a_crash_of_a_process_writes_no_memory_to_disk(manifests: Manifests) -> None:
    manifests.write("guide", *manifests.guide("model"))
    async with Models().running() as models:
        async with switchover(manifests.folder, manifests.port, models.port) as running:
            await running.says("ready: ")
            for pid in (running.process.pid, *workers(running.process.pid)):
                assert core_limits(pid) == ["0", "0"]


@pytest.mark.parametrize(
    "command", [DATA_PLANE, ("-P", "-m", "switchover_operator", "dataplane")], ids=["worker", "switchover dataplane"]
)
def test_a_data_plane_imports_nothing_of_the_current_folder(tmp_path: Path, command: tuple[str, ...]) -> None:
    for module in ("uvloop", "resource", "msgspec"):
        (tmp_path / f"{module}.py").write_text("print('imported from the current folder')")

    ended = subprocess.run(
        [sys.executable, *command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert ended.stdout.startswith("Usage:")
    assert "current folder" not in ended.stdout


async def test_it_ends_with_0_and_takes_its_workers_and_sockets_along(manifests: Manifests) -> None:
    async with Models().running() as models:
        async with switchover(manifests.folder, manifests.port, models.port, "--workers", "2") as running:
            await running.says("ready: ")
            started = workers(running.process.pid)
            folder = socket_folder(started[0])
            assert folder.stat().st_mode & 0o777 == 0o700
            assert len(started) == 2
            assert await running.stop() == 0
        assert len([line for line in running.lines if line["msg"].startswith("stopping")]) == 1
        assert not folder.exists()
        assert not any(map(lives, started))


async def test_workers_do_not_outlive_a_parent_that_is_killed(manifests: Manifests) -> None:
    async with Models().running() as models:
        async with switchover(manifests.folder, manifests.port, models.port) as running:
            await running.says("ready: ")
            [worker] = workers(running.process.pid)
            running.process.kill()
            await running.process.wait()
        await until(lambda: not lives(worker), "the worker is gone")


async def test_a_taken_port_is_named_with_its_listener_and_served_once_it_is_free(manifests: Manifests) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", manifests.port))
        other.listen()
        async with Models().running() as models, switchover(manifests.folder, manifests.port, models.port) as running:
            line = await running.says(f"port {manifests.port}")
            assert "gloo-system/ai-gateway" in line["msg"]
            assert not running.said("ready: ")
            other.close()
            await running.says("ready: ")


async def test_an_address_that_this_machine_does_not_have_is_named_with_the_flag(manifests: Manifests) -> None:
    for address in ("no-such-host.invalid", "192.0.2.1"):
        async with switchover(manifests.folder, manifests.port, 1, "--bind", address) as running:
            line = await running.says(f"port {manifests.port}")
            assert line["msg"].startswith("not served: ")
            assert "--bind" in line["msg"]
            assert "another port" not in line["msg"]


async def test_a_taken_admin_port_ends_it_at_once_with_what_to_do(manifests: Manifests) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        async with switchover(manifests.folder, manifests.port, 1, "--admin", taken) as running:
            assert await running.process.wait() == 1
    assert f"the admin port {taken} cannot be opened" in "".join(running.written)


async def test_a_folder_that_is_waited_for_is_not_ready_until_it_has_a_gateway(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path / "later", 0)
    async with Models().running() as models, switchover(manifests.folder, 0, models.port, "--wait") as running:
        await running.says("nothing is served: there is no Gateway")
        assert running.said("later: does not exist")
        async with running.session.get(f"{running.admin}/readyz") as response:
            assert (response.status, await response.text()) == (503, "nothing is served: the table has no port\n")
        manifests.folder.mkdir()
        manifests.port = free_port()
        manifests.gateway()
        await running.says(f"ready: http://127.0.0.1:{manifests.port}")
        async with running.session.get(f"{running.admin}/readyz") as response:
            assert response.status == 200


async def test_nothing_to_serve_ends_it_with_what_is_wrong_first_and_what_to_do_last(manifests: Manifests) -> None:
    (manifests.folder / "gateway.yaml").write_text("kind: [\n")
    async with switchover(manifests.folder, 0, 1) as running:
        assert await running.process.wait() == 1
    problem, error = running.written
    assert "gateway.yaml:2:1: not YAML" in problem
    why = "there is no Gateway of class switchover that can be read (1 problem above)"
    assert error.startswith(f"Error: nothing to serve: {why}; ")
    assert "--wait" in error


async def test_manifests_are_served_from_standard_input_too(manifests: Manifests) -> None:
    manifests.write("guide", *manifests.guide("model"))
    text = b"".join(b"---\n" + file.read_bytes() for file in manifests.folder.glob("*.yaml"))
    models = Models(statuses={MODELS[0]: 200})
    async with (
        models.running(),
        run(
            manifests.port, "-", "--connect-to", f"{HOST}:127.0.0.1:{models.port}", "--log-format", "json", text=text
        ) as running,
    ):
        ready = await running.says("ready: ")
        assert ready["routes"] == {
            "gloo-system/model": [
                f":{manifests.port} /model -> openai/gpt-4o, then openai/gpt-4.0-turbo, then openai/gpt-3.5-turbo"
            ]
        }
        assert await running.ask("/model") == 200


async def test_what_is_served_is_said_before_anything_about_processes(manifests: Manifests) -> None:
    manifests.write("guide", *manifests.guide("model"))
    async with switchover(manifests.folder, manifests.port, 1) as running:
        await running.says("admin port: ")
    open_access, ready, *others = (line["msg"] for line in running.lines)
    assert "has no access control" in open_access
    assert ready == f"ready: http://127.0.0.1:{manifests.port}"
    assert [other.split(":")[0] for other in others[1:2]] == ["admin port"]


def test_a_worker_that_dies_again_and_again_is_replaced_later_and_later() -> None:
    assert [wait_after(deaths) for deaths in range(9)] == [0, 0, 0.5, 1, 2, 4, 8, 10, 10]


def test_an_exit_is_called_by_the_name_of_its_signal() -> None:
    assert [ending(1), ending(-9), ending(-63)] == ["exit code 1", "killed by SIGKILL", "killed by signal 63"]


async def test_with_log_all_a_plain_success_is_a_line_and_so_is_a_request_after_a_drain(manifests: Manifests) -> None:
    upstream, *rest = manifests.guide("model")
    manifests.write("guide", upstream, *rest)
    statuses = dict.fromkeys(MODELS, 200)
    async with Models(statuses=statuses).running() as models:
        async with switchover(manifests.folder, manifests.port, models.port, "--log-all") as running:
            await running.says("ready: ")
            assert await running.ask("/model") == 200
            await running.says("served: openai/gpt-4o 200")
            upstream["metadata"]["annotations"] = {"switchover.dev/disabled": "the bill is due"}
            manifests.write("guide", upstream, *rest)
            await running.says("takes all its targets out of rotation: the bill is due")
            await running.serves("the bill is due")
            assert await running.ask("/model") == 503
            line = await running.says("exhausted: no target; passed by: gloo-system/model disabled (the bill is due)")
            assert line["level"] == "WARNING"
