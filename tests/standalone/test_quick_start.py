"""`switchover run --model` as a user runs it: OpenAI's own client, two providers, keys of the environment."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deferred import deferred
from running import free_port, run
from scripted import Refusing, Scripted
from switchover_simulator.behaviour import Stream

if TYPE_CHECKING:
    import openai
else:
    openai = deferred("openai")

OPENAI_KEY = "sk-of-openai-never-to-be-seen"
MISTRAL_KEY = "of-mistral-never-to-be-seen"
KEYS = {"OPENAI_API_KEY": OPENAI_KEY, "MISTRAL_API_KEY": MISTRAL_KEY}
PROMPT: "list[openai.types.chat.ChatCompletionMessageParam]" = [{"role": "user", "content": "Hello"}]
CLIENT_KEY = "not-a-real-key-of-the-chat-app-1"


def models(first: Scripted, second: Scripted) -> tuple[str, ...]:
    return (
        *("--model", f"openai/gpt-4o@127.0.0.1:{first.port}"),
        *("--model", f"mistral/mistral-large-latest@127.0.0.1:{second.port}"),
    )


@pytest.mark.parametrize("broken", ["429", "refused"])
async def test_openai_s_client_is_answered_by_the_second_model_when_the_first_fails(broken: str) -> None:
    port = free_port()
    async with Scripted(429) as first, Scripted(200) as second, Refusing() as refusing:
        first.port = refusing.port if broken == "refused" else first.port
        async with run(
            port, *models(first, second), "--port", str(port), "--log-format", "json", environment=KEYS
        ) as running:
            ready = await running.says("ready: ")
            client = openai.AsyncOpenAI(
                base_url=ready["client"]["OPENAI_BASE_URL"], api_key=ready["client"]["OPENAI_API_KEY"], max_retries=0
            )
            async with client:
                answer = await client.chat.completions.create(model="anything", messages=PROMPT)
                assert answer.choices[0].message.content
                second.behave(Stream(events=3))
                stream = await client.chat.completions.create(model="anything", messages=PROMPT, stream=True)
                parts = [part.choices[0].delta.content async for part in stream if part.choices]
                assert "".join(part or "" for part in parts)
                listed = await client.models.with_raw_response.list()
                assert listed.status_code == 200
                with pytest.raises(openai.PermissionDeniedError):
                    await client.files.list()
        # The list of models is the gateway's own.
        assert [request.headers.get("authorization") for request in second.requests] == [f"Bearer {MISTRAL_KEY}"] * 2
        assert second.models[:2] == ["mistral-large-latest"] * 2
        if broken == "429":
            assert first.requests[0].headers["authorization"] == f"Bearer {OPENAI_KEY}"
            assert first.models[0] == "gpt-4o"
    assert ready["models"] == [*models(first, second)[1::2]]
    assert not [key for key in KEYS.values() if key in "".join(running.written)]


async def test_on_a_terminal_the_first_lines_are_what_a_person_needs() -> None:
    port = free_port()
    flags = ("--model", "ollama/llama3", "--port", str(port), "--log-format", "text")
    async with run(port, *flags, environment={"OLLAMA_API_KEY": ""}) as running:
        await running.until_written("admin port: ")
    first, *others = running.written
    assert first.split("  ", 1)[1] == f"ready: http://127.0.0.1:{port}/v1\n"
    assert [line.strip() for line in others[:4]] == [
        "1. ollama/llama3 (127.0.0.1:11434, plain HTTP, no key)",
        "Any OpenAI client, in the shell of your app:",
        f"export OPENAI_BASE_URL=http://127.0.0.1:{port}/v1",
        "export OPENAI_API_KEY=any-text  # no key is asked for",
    ]


async def test_callers_of_a_file_are_let_in_and_nobody_else_is(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "clients.txt"
    file.write_text(f"# who may ask\nchat-app {CLIENT_KEY}\nsearch: not-a-real-key-of-search-1  # since May\n")
    file.chmod(0o600)
    flags = ("--port", str(port), "--client-keys", str(file), "--log-format", "json")
    async with Scripted(200) as provider, run(port, *models(provider, provider), *flags, environment=KEYS) as running:
        ready = await running.says("ready: ")
        prompt = {"model": "any", "messages": [{"role": "user", "content": "Hello"}]}
        asked = [await running.ask("/v1/chat/completions", prompt, key) for key in ("", OPENAI_KEY, CLIENT_KEY)]
        assert asked == [401, 401, 200]
        assert provider.requests[0].headers["authorization"] == f"Bearer {OPENAI_KEY}"
    assert ready["client"]["OPENAI_API_KEY"] == "KEY"
    assert not running.said("no access control")
    assert CLIENT_KEY not in "".join(running.written)


async def test_a_port_beyond_this_machine_without_client_keys_is_warned_of() -> None:
    port = free_port()
    flags = ("--model", "ollama/llama3", "--port", str(port), "--log-format", "json")
    with_key = {"OLLAMA_API_KEY": "not-a-real-key-of-ollama"}
    async with run(port, *flags, "--bind", "0.0.0.0", environment=with_key) as running:
        await running.says("ready: ")
        assert running.said("no access control")
    async with run(port, *flags, environment=with_key) as running:
        await running.says("ready: ")
        assert not running.said("no access control")


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with run(port, "--model", "ollama/llama3", "--port", str(port)) as running:
            assert await running.process.wait() == 1
    [line] = running.written
    assert line.startswith(f"Error: port 127.0.0.1:{port} cannot be opened: Address already in use; ")
    assert "--port" in line


async def test_what_is_printed_is_served_as_the_models_are_once_its_variables_are_filled_in(tmp_path: Path) -> None:
    port = free_port()
    async with Scripted(429) as first, Scripted(200) as second:
        command = (sys.executable, "-m", "switchover_operator", "run", *models(first, second), "--port", str(port))
        process = await asyncio.create_subprocess_exec(
            *command, "--print", stdout=asyncio.subprocess.PIPE, env={**os.environ, **KEYS}
        )
        printed = (await process.communicate())[0].decode()
        assert not [key for key in KEYS.values() if key in printed]
        for variable, key in KEYS.items():
            assert f"Authorization: ${{{variable}}}" in printed
            printed = printed.replace(f"${{{variable}}}", key)
        file = tmp_path / "models.yaml"
        file.write_text(printed)
        async with run(port, str(file), "--log-format", "json") as running:
            await running.says("ready: ")
            prompt = {"model": "any", "messages": [{"role": "user", "content": "Hello"}]}
            assert await running.ask("/v1/chat/completions", prompt) == 200
        assert (first.models, second.models) == (["gpt-4o"], ["mistral-large-latest"])
