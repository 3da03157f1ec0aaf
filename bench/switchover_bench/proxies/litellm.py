"""LiteLLM's proxy, newest release, one worker: a fallback from the first model to the second, without retries."""

import json
from pathlib import Path
from typing import Any

from switchover_bench import cache
from switchover_bench.proxies.proxy import MODEL_PATH, Launch, Proxy
from switchover_bench.scenarios import Ports, Scenario

_REQUIREMENT = "litellm[proxy]"


def launch(scenario: Scenario, ports: Ports, folder: Path) -> Launch:
    """LiteLLM's proxy, newest release: a fallback from the first model to the second, without retries of its own."""
    home = cache.installed("litellm", _REQUIREMENT)
    settings = folder / "litellm.json"
    settings.write_text(json.dumps(settings_of(scenario, ports)))
    command = [str(home / "bin" / "litellm"), "--config", str(settings), "--host", "127.0.0.1"]
    command += ["--port", str(ports.proxy), "--num_workers", "1", "--telemetry", "False"]
    environment = {
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_RUST": "True",
    }
    return Launch(command, f"http://127.0.0.1:{ports.proxy}/health/readiness", environment)


def settings_of(scenario: Scenario, ports: Ports) -> dict[str, Any]:
    """LiteLLM's configuration; where it is tuned, without cool-down.

    `rust` lets it use its Rust core for requests that the core serves, and Python for all others, by LiteLLM's own
    page on it. OpenAI's chat completions were not among them at 1.108.7, and that release's wheel brings no core.
    """
    names = ("gpt-4o", "second")
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": "openai/gpt-4o",
                "api_base": f"http://127.0.0.1:{port}/v1",
                "api_key": "sk-not-a-real-key",
                "max_retries": 0,
                "rust": True,
            },
        }
        for name, port in zip(names, scenario.targets(ports), strict=True)
    ]
    router: dict[str, Any] = {"fallbacks": [{"gpt-4o": ["second"]}], "num_retries": 0}
    if scenario.tuned:
        router["disable_cooldowns"] = True
    # It asks for a key of its own from every client otherwise, which is work that no other proxy here does.
    general = {"dangerously_permit_weak_or_unset_master_key": True}
    return {"model_list": models, "router_settings": router, "general_settings": general}


def version() -> str:
    """The package's version."""
    return cache.version_of("litellm", "litellm", _REQUIREMENT)


LITELLM = Proxy("litellm", "LiteLLM", launch, version, MODEL_PATH)
