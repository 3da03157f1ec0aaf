"""`switchover simulate`: its scenario, its log lines, and the process."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner
from hypothesis import example as hypothesis_example
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from running import free_port, is_free, until
from said import with_what_it_said
from switchover_simulator import lines
from switchover_simulator.behaviour import Answer
from switchover_simulator.cli import simulate
from switchover_simulator.request import Request
from switchover_simulator.scenario import BadScenario, Playback, Scenario, parse

GUIDE = """{ "model": "gpt-4o", "messages": [ { "role": "user", "content": "Compose a <poem> & \\"more\\"." } ] }"""
TOLD = 1_719_853_883_994_822_887


def request(body: Any = None, path: str = "/v1/chat/completions", *, whole: bool = True, **headers: str) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(1, "POST", path, CIMultiDict(headers), 0.0, body=data if whole else None)


def statuses(scenario: str, *models: str, path: str = "/v1/chat/completions") -> list[int | str]:
    """What each request gets, by the model that it asks for."""
    playback = Playback(parse(scenario))
    chosen = [playback.choose(request({"model": model}, path)) for model in models]
    return [each.status if isinstance(each, Answer) else each.mode for each in chosen if each is not None]


# ── The scenario ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_scenario_every_request_gets_429() -> None:
    assert statuses("", "a", "b", "a") == [429, 429, 429]


def test_each_model_takes_its_own_behaviours_in_turn_and_the_last_sticks() -> None:
    assert statuses("models: {a: [500, 200], b: rst}", "a", "b", "a", "a", "c") == [500, "rst", 200, 200, 429]


def test_a_path_comes_before_a_model_and_the_first_requests_before_both() -> None:
    scenario = "{requests: [418, null], paths: {/here: [503, 504]}, models: {a: 200}}"
    assert statuses(scenario, "a", "a", "a", path="/here") == [418, 503, 504]


def test_an_azure_deployment_is_the_model() -> None:
    path = "/openai/deployments/d/chat/completions"
    assert statuses("models: {d: 200, m: 500}", "m", path=path) == [200]


def test_a_head_is_enough_only_where_no_model_decides() -> None:
    head = request(whole=False)
    assert Playback(parse("models: {a: 200}")).choose(head) is None
    assert Playback(parse("default: rst-on-head")).choose(head) is not None
    assert Playback(parse("{models: {a: 200}, requests: [rst-on-head]}")).choose(head) is not None
    assert Playback(parse("{models: {a: 200}, paths: {/v1/chat/completions: 200}}")).choose(head) is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: {m: [429, {status: 99}]}", "models.m[1].status: must be greater than or equal to 200 (found 99)"),
        ("models: {a: ok}", "models.a[0]: must be a status (429), a mode (answer, stream,"),
        ("default: {mode: blackhole}", "default[0]: must be a status (429), a mode"),
        ("default: {delay: soon}", "default[0].delay: must be a valid number (found 'soon')"),
        ("default: {mode: rst, status: 200}", "default[0].status: is not a field here"),
        ("default: {mode: stream, events: [{sleep: 1}]}", "default[0].events[0]: must be text (a piece of content),"),
        ('default: {headers: {x: "a\\r\\nb: c"}}', "default[0].headers.x[0]: must be one line"),
        ("default: {body: a, content: b}", "default[0]: body and content are each a body; give one of them"),
        ("default: []", "default: must not be empty"),
        ("models: {a: rst-on-head}", "a: rst-on-head cannot depend on the model"),
        ("modles: {}", "modles: is not a field here"),
        ("[429]", "must be a mapping of requests, paths, hosts, models, default or name"),
        ("a: [", "line 2, column 1: not YAML: "),
        ("a: \x00", "not YAML: "),
    ],
)
def test_a_mistake_is_told_with_its_field_and_what_was_found(text: str, problem: str) -> None:
    with pytest.raises(BadScenario) as raised:
        parse(text)
    assert raised.value.problems[0].startswith(problem)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(BadScenario) as raised:
        parse("{models: {a: [1, 2]}, default: {gap: -1}}")
    assert len(raised.value.problems) == 3


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_text_does_more_to_the_parser_than_to_be_refused(text: str | bytes) -> None:
    with contextlib.suppress(BadScenario):
        assert isinstance(parse(text), Scenario)


# ── The log line ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_looks_as_in_the_guide() -> None:
    assert lines.received(request(GUIDE.encode()), TOLD) == (
        '{"time":"2024-07-01T17:11:23.994822887Z","level":"INFO","msg":"Request received","msg":'
        r'"{\"messages\":[{\"content\":\"Compose a <poem> & \\\"more\\\".\",\"role\":\"user\"}],\"model\":\"gpt-4o\"}"}'
    )


@given(st.binary(max_size=100))
@hypothesis_example(b'"\x80"')
def test_a_line_is_one_line_of_json_whatever_the_body(body: bytes) -> None:
    line = lines.received(request(body), TOLD)
    assert "\n" not in line
    assert isinstance(json.loads(line)["msg"], str)


def test_a_verbose_line_tells_keys_apart_without_telling_them() -> None:
    asked = request(b"{}", authorization="Bearer sk-the-right-one")
    line = lines.received_verbosely(asked, Answer(status=429), TOLD)
    assert "sk-the-right-one" not in line
    assert json.loads(line) == {
        "time": "2024-07-01T17:11:23.994822887Z",
        "level": "INFO",
        "msg": "{}",
        "method": "POST",
        "path": "/v1/chat/completions",
        "credentials": {"authorization": lines.digest("sk-the-right-one")},
        "answer": 429,
    }


# ── The process ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Running:
    """`switchover simulate` on a free port; what it wrote to standard output and standard error."""

    process: asyncio.subprocess.Process
    out: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, stream: asyncio.StreamReader, keep: Callable[[str], None]) -> None:
        while line := await stream.readline():
            keep(line.decode())
            self.wrote.set()
        self.wrote.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        with with_what_it_said(self.written):
            async with asyncio.timeout(40):
                while not condition():
                    self.wrote.clear()
                    await self.wrote.wait()

    def written(self) -> str:
        return "".join([*self.out, *(f"{json.dumps(line)}\n" for line in self.told)])

    async def says(self, message: str) -> dict[str, Any]:
        await self.until(lambda: any(line["msg"] == message for line in self.told))
        return next(line for line in self.told if line["msg"] == message)

    async def url(self) -> str:
        return f"http://{(await self.says('Listening'))['address']}"


@asynccontextmanager
async def simulator(*flags: str, **environment: str) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover_simulator", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "SWITCHOVER_SIMULATE_BIND": "127.0.0.1:0", **environment},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    running = Running(process)
    async with asyncio.TaskGroup() as readers:
        readers.create_task(running.read(process.stdout, running.out.append))
        readers.create_task(running.read(process.stderr, lambda line: running.told.append(json.loads(line))))
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def status(session: aiohttp.ClientSession, url: str, model: str = "gpt-4o") -> int:
    async with session.post(f"{url}/v1/chat/completions", json={"model": model}) as response:
        return response.status


async def test_the_process_answers_429_prints_each_request_and_ends_at_a_signal() -> None:
    async with simulator() as running, aiohttp.ClientSession() as session:
        url = await running.url()
        assert [await status(session, url, model) for model in ("gpt-4o", "gpt-4.0-turbo")] == [429, 429]
        async with session.get(f"{url}/healthz") as response:
            assert response.status == 200
        await running.until(lambda: len(running.out) == 2)
        assert [json.loads(json.loads(line)["msg"])["model"] for line in running.out] == ["gpt-4o", "gpt-4.0-turbo"]
        running.process.send_signal(signal.SIGTERM)
        assert await running.process.wait() == 0


async def test_a_scenario_is_replaced_by_put_shown_by_get_and_kept_when_the_new_one_is_wrong() -> None:
    async with simulator() as running, aiohttp.ClientSession() as session:
        url = await running.url()
        async with session.put(f"{url}/__scenario", data="models: {gpt-4o: 200}") as response:
            assert response.status == 200
        assert await status(session, url) == 200
        async with session.put(f"{url}/__scenario", data="models: {gpt-4o: never}") as response:
            assert response.status == 422
            assert "models.gpt-4o[0]" in (await response.json())["problems"][0]
        async with session.get(f"{url}/__scenario") as response:
            assert (await response.json())["models"]["gpt-4o"][0]["status"] == 200
        async with session.delete(f"{url}/__scenario") as response:
            assert (response.status, response.headers["allow"]) == (405, "GET, PUT")


async def test_what_a_scenario_holds_back_is_released_by_post() -> None:
    async with simulator() as running, aiohttp.ClientSession() as session:
        url = await running.url()
        async with session.put(f"{url}/__scenario", data="default: {hold: true}") as response:
            assert response.status == 200
        asking = asyncio.create_task(status(session, url))
        await running.until(lambda: len(running.out) == 1)
        async with session.post(f"{url}/__release") as response:
            assert response.status == 204
        assert await asking == 200


async def test_an_edited_file_is_played_from_its_beginning_and_a_broken_edit_keeps_the_last(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("default: [500, 501]")
    async with simulator("--scenario", str(file)) as running, aiohttp.ClientSession() as session:
        url = await running.url()
        assert [await status(session, url) for _ in range(2)] == [500, 501]
        _replace(file, "default: 503")
        await running.says("Scenario reloaded")
        assert await status(session, url) == 503
        _replace(file, "default: 99")
        told = await running.says("Scenario kept, as the new one is not valid")
        assert told["problems"] == ["default[0].status: must be greater than or equal to 200 (found 99)"]
        assert await status(session, url) == 503


def _replace(file: Path, text: str) -> None:
    """Write as editors and ConfigMaps do: another file in the place of the old one."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


async def test_a_quiet_one_says_nothing_but_the_requests() -> None:
    port = free_port()
    flags = ("--bind", f"127.0.0.1:{port}", "--quiet")
    async with simulator(*flags, SWITCHOVER_SIMULATE_BIND="") as running, aiohttp.ClientSession() as session:
        await until(lambda: not is_free(port), "it listens")
        async with session.put(f"http://127.0.0.1:{port}/__scenario", data="default: 200") as response:
            assert response.status == 200
        assert await status(session, f"http://127.0.0.1:{port}") == 200
        await running.until(lambda: len(running.out) == 1)
        running.process.send_signal(signal.SIGTERM)
        assert await running.process.wait() == 0
    assert running.told == []


async def test_verbose_lines_hold_a_digest_of_the_key_and_not_the_key() -> None:
    async with simulator(SWITCHOVER_SIMULATE_VERBOSE="1") as running, aiohttp.ClientSession() as session:
        headers = {"authorization": "Bearer sk-never-to-be-seen"}
        async with session.post(f"{await running.url()}/x", headers=headers, json={}):
            await running.until(lambda: len(running.out) == 1)
        assert "sk-never-to-be-seen" not in running.out[0]
        assert json.loads(running.out[0])["credentials"] == {"authorization": lines.digest("sk-never-to-be-seen")}


async def test_a_port_in_use_is_named() -> None:
    async with simulator() as running:
        address = (await running.url()).removeprefix("http://")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "switchover_simulator", "--bind", address),
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await process.communicate()
        assert process.returncode == 1
        assert error.decode() == f"Error: cannot listen on {address}: Address already in use\n"


def test_a_file_that_is_no_scenario_is_refused_with_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("{default: 1, models: {a: b}}")
    refused = CliRunner().invoke(simulate, ["--scenario", str(file)])
    assert refused.exit_code == 1
    assert "default[0].status: " in refused.stderr
    assert "models.a[0]: " in refused.stderr


@pytest.mark.parametrize("bind", ["8080", "127.0.0.1:", ":8080", "127.0.0.1:65536", "127.0.0.1:http"])
def test_an_address_that_is_none_is_named(bind: str) -> None:
    refused = CliRunner().invoke(simulate, ["--bind", bind])
    assert refused.exit_code == 2
    assert f"'{bind}' must be HOST:PORT" in refused.stderr


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["api.openai.com", "my-resource.openai.azure.com", "localhost", "a" * 63 + ".example"])
async def test_whoever_trusts_the_ca_gets_a_certificate_for_the_name_that_it_asks_for(
    tmp_path: Path, name: str
) -> None:
    ca = tmp_path / "ca.pem"
    async with simulator("--tls", "--ca", str(ca)) as running:
        port = int((await running.url()).rpartition(":")[2])
        trusting = ssl.create_default_context(cafile=str(ca))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name)
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context(), server_hostname=name)


async def test_an_address_is_served_where_no_name_is_asked_for(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    async with simulator("--tls", "--ca", str(ca)) as running, aiohttp.ClientSession() as session:
        url = (await running.url()).replace("http:", "https:")
        trusting = ssl.create_default_context(cafile=str(ca))
        async with session.get(f"{url}/healthz", ssl=trusting) as response:
            assert response.status == 200


@pytest.mark.parametrize("flags", [["--tls"], ["--ca", "ca.pem"]])
def test_tls_and_its_ca_belong_together(flags: list[str]) -> None:
    refused = CliRunner().invoke(simulate, flags)
    assert refused.exit_code == 2
    assert "--tls and --ca FILE need each other" in refused.stderr


def test_a_ca_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    refused = CliRunner().invoke(simulate, ["--tls", "--ca", str(tmp_path / "nowhere" / "ca.pem")])
    assert refused.exit_code == 1
    assert "cannot write" in refused.stderr
