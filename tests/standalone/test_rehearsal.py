"""Manifests as they are deployed, at providers' own names, rehearsed with a simulator that is all of them over TLS."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from running import PROMPT, Manifests, free_port, switchover
from scripted import Scripted
from switchover_simulator.tls import Authority

EXAMPLE = Path(__file__).parents[2] / "manifests" / "examples" / "across-providers"


def deployed(folder: Path) -> int:
    """Write the example as its README has it deployed, without `customHost`, at a port that is free; the port."""
    manifests = Manifests(folder, free_port())
    for file in EXAMPLE.glob("*.yaml"):
        objects: list[dict[str, Any]] = [*filter(None, yaml.safe_load_all(file.read_text()))]
        for each in objects:
            if each["kind"] == "Gateway":
                each["spec"]["listeners"][0]["port"] = manifests.port
            if each["kind"] == "Upstream":
                for priority in each["spec"]["ai"]["multi"]["priorities"]:
                    [[provider]] = [[*entry.values()] for entry in priority["pool"]]
                    del provider["customHost"]
        manifests.write(file.stem, *objects)
    return manifests.port


async def test_what_is_deployed_is_rehearsed_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests, ca = tmp_path / "manifests", tmp_path / "ca.pem"
    manifests.mkdir()
    port = deployed(manifests)
    authority = Authority()
    ca.write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    async with Scripted(429, 529, 200, tls=authority.server()) as providers:
        to = ("--connect-to", f"::127.0.0.1:{providers.port}")
        async with switchover(manifests, port, providers.port, *to) as running:
            await running.says("ready: ")
            async with aiohttp.ClientSession() as session:
                url = f"{running.url}/v1/chat/completions"
                async with session.post(url, json=PROMPT) as response:
                    assert response.status == 200, await response.text()
                    assert response.headers["x-switchover-served-by"] == "mistral/mistral-large-latest"
        hosts = [request.host for request in providers.requests]
    assert hosts == ["api.openai.com", "my-resource.openai.azure.com", "api.mistral.ai"]
