"""The examples do what their READMEs say, with the simulator's engine in the place of the providers."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from running import EXAMPLE, Switchover, free_port, switchover, until_async
from scripted import Scripted
from switchover_operator.cli import main
from switchover_simulator.behaviour import Answer

EXAMPLES = EXAMPLE.parent
FOLDERS = sorted(each for each in EXAMPLES.iterdir() if each.is_dir())
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


@asynccontextmanager
async def served(name: str, folder: Path, providers: Scripted) -> AsyncIterator[Switchover]:
    """Serve an example on a free port, every host being the scripted provider."""
    port = free_port()
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    gateway = folder / "gateway.yaml"
    written = yaml.safe_load(gateway.read_text())
    written["spec"]["listeners"][0]["port"] = port
    gateway.write_text(yaml.safe_dump(written))
    async with switchover(folder, port, providers.port, "--connect-to", f"::127.0.0.1:{providers.port}") as running:
        await running.says("ready: ")
        yield running


@pytest.mark.parametrize("folders", [*([each] for each in FOLDERS), FOLDERS], ids=[*(f.name for f in FOLDERS), "all"])
def test_an_example_is_accepted_alone_and_all_are_together(folders: list[Path]) -> None:
    checked = CliRunner().invoke(main, ["check", *(part for folder in folders for part in ("-f", str(folder)))])
    assert checked.exit_code == 0, checked.output


def test_every_example_has_a_readme_that_names_each_of_its_files() -> None:
    for example in FOLDERS:
        readme = (example / "README.md").read_text()
        assert [file.name for file in example.glob("*.yaml") if f"`{file.name}`" not in readme] == []


async def test_across_providers_each_is_asked_in_its_own_way_until_one_answers(tmp_path: Path) -> None:
    async with Scripted(429, 503, 200) as providers, served("across-providers", tmp_path, providers) as running:
        assert await running.ask("/v1/chat/completions", CHAT) == 200
        openai, azure, mistral = providers.requests
        assert (openai.target, openai.model) == ("/v1/chat/completions", "gpt-4o")
        assert openai.headers["authorization"] == "Bearer sk-not-a-real-key"
        assert azure.target == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
        assert azure.headers["api-key"] == "not-a-real-azure-key"
        assert "authorization" not in azure.headers
        assert (mistral.target, mistral.model) == ("/v1/chat/completions", "mistral-large-latest")
        assert mistral.headers["authorization"] == "Bearer not-a-real-mistral-key"


async def test_a_failover_policy_leaves_a_model_out_that_failed_once(tmp_path: Path) -> None:
    async with Scripted(503, 200) as providers, served("failover-policy", tmp_path, providers) as running:
        assert [await running.ask("/v1/chat/completions", CHAT) for _ in range(2)] == [200, 200]
        assert providers.models == ["gpt-4o", "gpt-4o-mini", "gpt-4o-mini"]


async def test_a_failover_policy_moves_on_without_waiting_and_stops_at_what_it_does_not_name(tmp_path: Path) -> None:
    limited = Answer(status=429, headers={"retry-after": "1"})
    async with Scripted(limited, 200) as providers, served("failover-policy", tmp_path, providers) as running:
        assert await running.ask("/v1/chat/completions", CHAT) == 200
        providers.behave(Answer(status=400, error={"code": "content_policy_violation"}))
        assert await running.ask("/v1/chat/completions", CHAT) == 400
        assert providers.models == ["gpt-4o", "gpt-4o-mini", "gpt-4o-mini"]


async def test_callers_are_let_in_by_their_keys_and_nobody_else_is(tmp_path: Path) -> None:
    async with Scripted(200) as providers, served("callers", tmp_path, providers) as running:
        assert await running.ask("/v1/chat/completions", CHAT) == 401
        assert await running.ask("/v1/chat/completions", CHAT, "not-a-real-key-of-anybody") == 401
        assert await running.ask("/v1/chat/completions", CHAT, "not-a-real-key-of-the-chat-app-1") == 200
        (request,) = providers.requests
        assert request.headers["authorization"] == "Bearer sk-not-a-real-key"


async def test_a_route_hands_its_requests_to_the_routes_of_others_and_asks_for_the_key_itself(tmp_path: Path) -> None:
    key = "not-a-real-key-of-the-notes-app-1"
    async with Scripted(200) as providers, served("delegation", tmp_path, providers) as running:
        assert await running.ask("/v1/chat/completions", CHAT) == 401
        assert await running.ask("/v1/chat/completions", CHAT, key) == 200
        assert await running.ask("/v1/chat/others", CHAT, key) == 404
        assert providers.models == ["gpt-4o"]
        # The paths of this child are relative: its rule has none.
        assert await running.ask("/v1/embeddings", {"model": "any", "input": "Hello"}) == 401
        parent = tmp_path / "parent.yaml"
        parent.write_text(parent.read_text().replace("/v1/chat", "/v1/chat/completions/only"))
        await until_async(lambda: _is_answered(running, key, 404), "the child has nothing of it left")


async def _is_answered(running: Switchover, key: str, status: int) -> bool:
    return await running.ask("/v1/chat/completions", CHAT, key) == status


async def test_a_key_is_rotated_by_an_edit_of_its_secret(tmp_path: Path) -> None:
    old, new = "not-a-real-key-of-the-chat-app-1", "not-a-real-key-of-the-chat-app-2"
    async with Scripted(200) as providers, served("callers", tmp_path, providers) as running:
        secrets = tmp_path / "secrets.yaml"
        secrets.write_text(secrets.read_text().replace(old, new))
        await until_async(lambda: _is_let_in(running, new), "the new key is let in")
        assert await running.ask("/v1/chat/completions", CHAT, old) == 401


async def _is_let_in(running: Switchover, key: str) -> bool:
    return await running.ask("/v1/chat/completions", CHAT, key) == 200
