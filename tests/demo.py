"""`make demo`: the failover guide on this machine, shown and checked.

A simulated provider and the gateway run as two child processes on the example's own YAML. What is printed is what they
wrote; the demo fails if it is not what the guide promises.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "manifests" / "examples" / "model-failover"
PROVIDER = "model-failover.gloo-system.svc.cluster.local:80"
MODELS = ["gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo"]
LISTENER_PORT = 8080
PATIENCE = 30.0

ASKED = {
    "model": "gpt-4o",
    "messages": [
        {
            "role": "system",
            "content": "You are a poetic assistant, skilled in explaining complex programming concepts.",
        },
        {"role": "user", "content": "Compose a poem that explains the concept of recursion in programming."},
    ],
}

COLOUR = "NO_COLOR" not in os.environ and (sys.stdout.isatty() or "FORCE_COLOR" in os.environ)


class Failed(Exception):
    """The demo could not be run, or did not show what it should; the text says why and what to do."""


# ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def painted(text: str, code: str) -> str:
    """Colour a text where there is somebody to see it."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - showing is what a demo is for


def heading(number: int, text: str) -> None:
    """Print a step's heading."""
    say()
    say(painted(f"{number}. {text}", "1"))


def show_received(line: str) -> None:
    """Print one line of the simulated provider, the model's name in colour, the long prompt shortened."""
    shortened = re.sub(r'(\\"content\\":\\")(.{24}).*?(\\")', r"\1\2...\3", line)
    say("   " + re.sub(r'(\\"model\\":\\")([^\\]+)', lambda found: found[1] + painted(found[2], "36;1"), shortened))


def show_trace(trace: dict[str, Any]) -> None:
    """Print the gateway's line about one request, its attempts below each other."""
    good = trace["status"] == 200
    say("   " + painted(trace["msg"], "32;1" if good else "31;1"))
    for number, step in enumerate(trace["attempts"], 1):
        what = " ".join(str(part) for part in (step["status"], step["error_class"]) if part is not None)
        mark = painted("ok", "32") if step["error_class"] is None else painted("--", "31")
        say(f"     {mark} {number}. {step['model']:<14} {what:<18} {step['duration_ms']:>6} ms   {step['decision']}")


# ── What runs ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Child:
    """A `switchover` command as a child process whose output goes to a file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._output = folder / f"{arguments[0]}.log"
        self._read = 0
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "switchover_operator", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def all_lines(self) -> list[str]:
        """Return what it has written so far, whole lines."""
        return [line for line in self._output.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def tail(self) -> str:
        """Return the end of what it has written, for a failure."""
        return "".join(line[:1000] for line in self.all_lines()[-10:])

    def new_lines(self, containing: str, count: int) -> list[str]:
        """Wait for `count` lines that hold a text, of those not returned before; return all there are."""

        def found() -> list[str]:
            return [line.rstrip("\n") for line in self.all_lines()[self._read :] if containing in line]

        wait_for(lambda: len(found()) >= count, f"{count} lines with {containing!r}", self)
        lines = found()
        self._read = len(self.all_lines())
        return lines

    def stop(self) -> None:
        """End it and what it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Child]:
    """Run a child as long as it is needed."""
    child = Child(folder, *arguments)
    try:
        yield child
    finally:
        child.stop()


def wait_for(condition: Callable[[], bool], what: str, child: Child) -> None:
    """Wait until a condition holds; say what the child wrote if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if child.process.poll() is not None:
            raise Failed(f"a process ended while waiting for {what}:\n{child.tail()}")
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come within {PATIENCE:g} s:\n{child.tail()}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def need_listener_port() -> None:
    """Say clearly if the example's own port is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", LISTENER_PORT))
        except OSError:
            raise Failed(
                f"port {LISTENER_PORT} is in use on this machine, and the example's Gateway listens there; "
                "stop what uses it and run the demo again"
            ) from None


def send(port: int, path: str, body: object, method: str = "POST") -> tuple[int, dict[str, str], Any]:
    """Send JSON; return status, headers and the JSON that came back."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, {n.lower(): v for n, v in answer.headers.items()}, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, {n.lower(): v for n, v in error.headers.items()}, json.loads(error.read())


# ── The story ───────────────────────────────────────────────────────────────────────────────────────────────────────


def demo(folder: Path) -> None:
    """Tell it, step by step."""
    need_listener_port()
    provider_port, admin_port = free_port(), free_port()
    say(painted("Switchover: three models in order of priority, and what happens when they fail", "1"))
    with running(folder, "simulate", "--bind", f"127.0.0.1:{provider_port}") as provider:
        heading(1, f"A provider whose models all answer 429, and the gateway with {EXAMPLE.relative_to(ROOT)}/*.yaml")
        with running(
            folder,
            "run",
            *("-f", str(EXAMPLE), "--admin", f"127.0.0.1:{admin_port}", "--log-format", "json"),
            *("--connect-to", f"{PROVIDER}:127.0.0.1:{provider_port}"),
        ) as gateway:
            gateway.new_lines("ready", 1)
            say(f"   both run; the gateway listens at http://127.0.0.1:{LISTENER_PORT}")
            all_fail(provider, gateway)
            one_recovers(provider_port, provider, gateway)


def all_fail(provider: Child, gateway: Child) -> None:
    """Send the guide's request while every model is rate-limited."""
    heading(2, "One request while every model is rate-limited")
    say(f'   curl localhost:{LISTENER_PORT}/model -H content-type:application/json -d \'{{"model": "gpt-4o", ...}}\'')
    status, headers, _ = send(LISTENER_PORT, "/model", ASKED)
    say(f"   < HTTP/1.1 {painted(str(status), '31;1')}, after {headers['x-switchover-attempts']} attempts")
    say()
    say("   What the provider saw: each model asked once, in order.")
    lines = provider.new_lines("Request received", 3)
    for line in lines:
        show_received(line)
    say()
    say("   What the gateway says about it:")
    trace = json.loads(gateway.new_lines('"attempts"', 1)[0])
    show_trace(trace)
    expect(status == 429, f"the caller gets 429, not {status}")
    expect([model_of(line) for line in lines] == MODELS, f"the provider sees {MODELS}, not {lines}")


def one_recovers(provider_port: int, provider: Child, gateway: Child) -> None:
    """Send it again when the second model is well."""
    heading(3, "The second model recovers, and the same request is sent again")
    scenario = {"models": {MODELS[1]: [{"status": 200}]}}
    status, _, answer = send(provider_port, "/__scenario", scenario, "PUT")
    expect(status == 200, f"the provider takes the scenario: {answer}")
    status, headers, answer = send(LISTENER_PORT, "/model", ASKED)
    say(f"   < HTTP/1.1 {painted(str(status), '32;1')}, after {headers.get('x-switchover-attempts')} attempts,")
    say(f"     answered by {painted(headers.get('x-switchover-served-by', '?'), '36;1')}")
    say()
    lines = provider.new_lines("Request received", 2)
    for line in lines:
        show_received(line)
    say()
    show_trace(json.loads(gateway.new_lines('"attempts"', 1)[0]))
    expect(status == 200, f"the caller gets 200, not {status}: {answer}")
    expect([model_of(line) for line in lines] == MODELS[:2], f"the provider sees {MODELS[:2]}, not {lines}")
    say()
    say(painted("The caller saw one request and one answer. That is all Switchover does.", "1"))


def model_of(line: str) -> str:
    """Return the model in a line of the provider."""
    found = re.search(r'\\"model\\":\\"([^\\]+)', line)
    return found[1] if found else ""


def expect(holds: bool, what: str) -> None:
    """Fail unless the demo showed what it promised."""
    if not holds:
        raise Failed(f"this should have held: {what}")


def main() -> int:
    """Run the demo; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="switchover-demo-") as folder:
            demo(Path(folder))
    except Failed as failed:
        say(painted(f"\nThe demo failed: {failed}", "31;1"))
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
