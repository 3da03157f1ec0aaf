"""Runs the blocks of a page as a reader does, one after the other, and compares what comes with what the page says.

| language | what is done |
|---|---|
| `sh` | each command is run. `switchover run` and `simulate` go on until the page ends, as in their own terminal |
| `console` | the same for lines that begin with `$ `; the lines below them are their output |
| `text` | the output of the command before it |
| `log` | lines of the gateway that runs |
| `python` | all such blocks in a row are run as one program |
| `yaml`, `toml`, ... with a second word | is written to the file of that name |

`...` stands for anything, also as `export KEY=...`. Times, durations and identifiers are not compared. The page's ports
become free ones, so that pages can be run beside each other.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from page_blocks import ROOT, Block
from process_group import ProcessGroup, wait_until
from running import free_port
from said import with_what_it_said
from switchover_operator.cli import main

PORTS: Final = ("8080", "8081", "8082", "8083", "8084", "9180", "18080")
"""What the pages call the ports of listeners, of the admin port and of the simulator."""

COMMANDS: Final = ("sh", "console", "python")
DATA: Final = ("yaml", "json", "toml", "text", "log", "js", "promql")
"""The languages of blocks: those that are run, and those that are looked at."""

_SERVES: Final = re.compile(r"switchover (run|simulate)\b")
_OURS: Final = re.compile(r"switchover (?:check|crds|run)\b[^|&;<>$]*(?:> *(\S+))?")
_PORT: Final = re.compile(rf"(?<![0-9.])({'|'.join(PORTS)})(?![0-9])")
_PROVIDERS: Final = ("ANTHROPIC_", "AWS_", "AZURE_", "GEMINI_", "GOOGLE_", "MISTRAL_", "OPENAI_")
"""How variables begin that say something of providers: the reader of a page has none yet."""

_VARYING: Final = (
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ms"), "N ms"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r" +\n"), "\n"),
)


class Terminal:
    """A folder with the examples in it, a shell's variables, and what runs in the background."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {port: str(free_port()) for port in PORTS}
        self._processes = ProcessGroup()
        self._serving: dict[str, subprocess.Popen[bytes]] = {}
        self._log = folder / ".log"
        self._log.touch()
        self._output = ""
        self._program = ""
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_PROVIDERS)},
            "PATH": f"{folder / '.bin'}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "SWITCHOVER_LISTEN_PORT": self._ports["8080"],
            "SWITCHOVER_ADMIN": f"127.0.0.1:{self._ports['9180']}",
            "SWITCHOVER_SIMULATE_BIND": f"127.0.0.1:{self._ports['18080']}",
            "SWITCHOVER_LOG_FORMAT": "text",
        }
        _install(folder / ".bin" / "switchover")
        for source in sorted((ROOT / "manifests" / "examples").rglob("*.yaml")):
            copy = folder / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(self._here(source.read_text()))

    def close(self) -> None:
        """End everything that runs."""
        self._processes.kill()

    def run(self, block: Block) -> None:
        """Do what the table above says."""
        with with_what_it_said(self._log.read_text):
            if block.language == "python":
                self._program += f"{block.text}\n"
                return
            self.finish()
            if block.file:
                (self._folder / block.file).write_text(self._here(block.text) + "\n")
            elif block.language == "sh":
                self._output = "".join([self._command(each) for each in _commands(block.text)])
            elif block.language == "console":
                self._dialogue(block)
            elif block.language == "text":
                self._compare(self._output, block.text, block.place)
            elif block.language == "log":
                wait_until(lambda: _matches(self._log.read_text(), block.text, self._there), f"{block.place} is logged")

    def finish(self) -> None:
        """Run the program that was read so far."""
        if self._program:
            program, self._program = self._here(self._program), ""
            self._output = self._finished([sys.executable, "-W", "ignore", "-c", program])

    def _dialogue(self, block: Block) -> None:
        parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
        for part in parts:
            [command] = _commands(part)[:1]
            expected = part[part.index(command) + len(command) :].strip("\n")
            self._compare(self._command(command), expected, block.place)

    def _command(self, command: str) -> str:
        """Run one command; its output."""
        here = self._here(command.removesuffix("&").strip())
        if (exported := re.match(r"export ", here)) is not None:
            for assignment in shlex.split(here[exported.end() :], comments=True):
                name, _, value = assignment.partition("=")
                self._environment[name] = "notarealkey0123456789" if value == "..." else self._expanded(value)
            return ""
        if (serves := _SERVES.match(here)) is not None and "--print" not in here:
            self._serve(here, serves[1])
            return ""
        if (ours := _OURS.fullmatch(here.partition("  #")[0].strip())) is not None:
            return self._ours(here.partition("  #")[0].partition(">")[0], ours[1])
        return self._finished(["bash", "-c", here])

    def _serve(self, command: str, what: str) -> None:
        self._stop(what)
        before = self._log.stat().st_size
        shell = ["bash", "-c", f"cd {shlex.quote(str(self._folder))} && exec {command}"]
        process = self._serving[what] = self._processes.start(shell, self._log, self._environment)
        sign = "ready: " if what == "run" else '"Listening"'

        def is_up() -> bool:
            assert process.poll() is None, f"{command} ended"
            return sign in self._log.read_text()[before:]

        wait_until(is_up, f"{command} is up")

    def _stop(self, what: str) -> None:
        """End what runs of this kind, as a reader does with Ctrl-C."""
        process = self._serving.pop(what, None)
        if process is not None:
            process.terminate()
            process.wait()

    def _ours(self, command: str, file: str | None) -> str:
        """Run a command of ours that serves nothing in this process: to start another one takes most of its time."""
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(self._folder):
            for name, value in self._environment.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(main, shlex.split(command, comments=True)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
        if file is not None:
            (self._folder / file).write_text(result.output)
            return ""
        return result.output

    def _finished(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=50, check=False
        )
        assert done.returncode == 0, f"{command[-1]}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def _compare(self, output: str, expected: str, place: str) -> None:
        assert _matches(output, expected, self._there), f"{place} is not what comes:\n{self._there(output)}"

    def _expanded(self, value: str) -> str:
        return re.sub(r"\$(\w+)", lambda name: self._environment.get(name[1], ""), value)

    def _here(self, text: str) -> str:
        return _PORT.sub(lambda found: self._ports[found[1]], text)

    def _there(self, text: str) -> str:
        for documented, port in self._ports.items():
            text = re.sub(rf"(?<![0-9]){port}(?![0-9])", documented, text)
        return text


@contextlib.contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """Make a terminal in a folder, and end what it runs."""
    opened = Terminal(folder)
    try:
        yield opened
    finally:
        opened.close()


def _install(program: Path) -> None:
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m switchover_operator "$@"\n')
    program.chmod(0o755)
    if shutil.which("python") is None:
        (program.parent / "python").symlink_to(sys.executable)


def _commands(text: str) -> list[str]:
    """The commands of a block; one goes on in the next line after a backslash."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _matches(output: str, expected: str, there: object) -> bool:
    assert callable(there)
    pattern = ".*?".join(re.escape(part) for part in _even(expected.strip()).split("..."))
    return re.search(rf"^{pattern}$", _even(there(output)), re.DOTALL | re.MULTILINE) is not None


def _even(text: str) -> str:
    """Take out what differs from run to run."""
    text = re.sub(r"^[ \t]+", "", f"{text}\n", flags=re.MULTILINE)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.rstrip("\n")
