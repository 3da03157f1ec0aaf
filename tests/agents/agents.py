"""The two agents: how each is run once, headless, against the gateway, in folders of its own."""

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agents.session import PROMPT

MODULES: Final = Path(__file__).parent / "node_modules"
LONGEST: Final = 45.0
"""Seconds after which a session is given up."""


@dataclass(frozen=True)
class Ended:
    """How a session ended: exit code, the model's last words, and what was written."""

    code: int | None
    final: str
    written: str


class Agent(Protocol):
    """One agent."""

    @property
    def api(self) -> str:
        """Its own API, by which `places.OWN` names its provider."""

    def missing(self) -> str:
        """Return what is not installed; "" if nothing."""

    def command(self) -> list[str]:
        """Return its command line."""

    def environment(self, home: Path, url: str) -> dict[str, str]:
        """Prepare its home folder, and return its environment."""

    def final(self, lines: list[dict[str, Any]]) -> str:
        """Return the model's last words, of the JSON lines that it wrote."""


class ClaudeCode:
    """Claude Code, headless (docs.anthropic.com, Claude Code: headless mode, settings)."""

    api = "messages"

    def missing(self) -> str:
        """Return what is not installed."""
        return "" if self._binaries() else "@anthropic-ai/claude-code"

    def command(self) -> list[str]:
        """Ask once; what it may do is not asked for."""
        flags = ["--output-format", "json", "--dangerously-skip-permissions"]
        return [str(self._binaries()[0]), "-p", PROMPT, *flags]

    def environment(self, home: Path, url: str) -> dict[str, str]:
        """Name the gateway; IS_SANDBOX lets root skip permissions."""
        return {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-of-the-agents",
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
        }

    def final(self, lines: list[dict[str, Any]]) -> str:
        """Return the result of its one line."""
        return next((str(line["result"]) for line in lines if not line.get("is_error") and "result" in line), "")

    def _binaries(self) -> list[Path]:
        """Find the program of this platform: without install scripts, the package itself has none."""
        return sorted(MODULES.glob("@anthropic-ai/claude-code-*/claude"))


@dataclass(frozen=True)
class Codex:
    """Codex, headless (developers.openai.com, Codex: non-interactive mode, configuration reference).

    It knows some models by name and offers them other tools: to those of the 5 series that it knows a custom tool for
    patches. `websockets`: it asks for a WebSocket first, as it does of its built-in provider.
    """

    model: str = "gpt-5-codex"
    websockets: bool = False
    api = "responses"

    def missing(self) -> str:
        """Return what is not installed."""
        return "" if self._program().exists() else "@openai/codex"

    def command(self) -> list[str]:
        """Ask once; what it may do is not asked for."""
        flags = ["--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        return [str(self._program()), "exec", *flags, PROMPT]

    def environment(self, home: Path, url: str) -> dict[str, str]:
        """Name the gateway as a model provider."""
        folder = home / ".codex"
        folder.mkdir()
        provider = f'name = "gateway"\nbase_url = "{url}/v1"\nenv_key = "GATEWAY_KEY"\nwire_api = "responses"\n'
        provider += f"supports_websockets = {str(self.websockets).lower()}\n"
        config = f'model = "{self.model}"\nmodel_provider = "gateway"\n[model_providers.gateway]\n{provider}'
        (folder / "config.toml").write_text(config)
        return {"CODEX_HOME": str(folder), "GATEWAY_KEY": "sk-of-the-agents"}

    def final(self, lines: list[dict[str, Any]]) -> str:
        """Return the last message, of a turn that was completed."""
        if not any(line.get("type") == "turn.completed" for line in lines):
            return ""
        items = [line["item"] for line in lines if line.get("type") == "item.completed"]
        return next((item["text"] for item in reversed(items) if item["type"] == "agent_message"), "")

    def _program(self) -> Path:
        return MODULES / ".bin" / "codex"


async def run(agent: Agent, url: str, home: Path, work: Path) -> Ended:
    """Run a session in the folder `work`; one that takes too long is killed with all that it started."""
    process = await asyncio.create_subprocess_exec(
        *agent.command(),
        cwd=work,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **agent.environment(home, url)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    try:
        written, _ = await asyncio.wait_for(process.communicate(), LONGEST)
    except TimeoutError:
        return Ended(None, "", f"nothing: it still ran after {LONGEST:g} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    text = written.decode("utf-8", "replace")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Ended(process.returncode, agent.final(lines), text)
