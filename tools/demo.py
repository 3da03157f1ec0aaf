"""`make demo`: the failover guide on this machine, shown and checked.

A simulated provider and the gateway run as two child processes on the example's own YAML, or on that of the folder
given as an argument. What is printed is what they wrote; the demo fails if it is not what the guide promises, and it
leaves nothing running, however it ends.
"""

import http.client
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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "manifests" / "examples" / "model-failover"
PROVIDER = "model-failover.gloo-system.svc.cluster.local:80"
MODELS = ["gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo"]
PATIENCE = 30.0

ASKED = {
    "model": "gpt-4o",
    "messages": [
        {
            "role": "system",
            "content": "You are a poetic assistant, skilled in explaining complex programming concepts "
            "with creative flair.",
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
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    """Print a step's heading."""
    say()
    say(painted(f"{number}. {text}", "1"))


def show_received(lines: list[str]) -> None:
    """Print lines of the simulated provider, the model's name in colour, the long prompt shortened."""
    for line in lines:
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
        """End it, and by force what it started and left."""
        try:
            if self.process.poll() is None:
                self.process.terminate()
                self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Interrupts:
    """Signals that end the demo → KeyboardInterrupt, but never between a child's start and our knowing of it."""

    def __init__(self) -> None:
        self._held_back = False
        self._came = False

    def __call__(self, _number: int, _frame: object) -> None:
        """Handle a signal."""
        if not self._held_back:
            raise KeyboardInterrupt
        self._came = True

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let what comes meanwhile take effect at the end."""
        self._held_back = True
        try:
            yield
        finally:
            self._held_back = False
        if self._came:
            raise KeyboardInterrupt


interrupts = Interrupts()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Child]:
    """Run a child as long as it is needed."""
    child: Child | None = None
    try:
        with interrupts.held_back():
            child = Child(folder, *arguments)
        yield child
    finally:
        if child is not None:
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


def listener_port(manifests: Path) -> int:
    """Return the port of the Gateway in a folder.

    Raises:
        Failed: there is none, or the port is in use.
    """
    found = re.search(r"^ *(?:- )?port: (\d+)", _text(manifests / "gateway.yaml"), re.MULTILINE)
    if found is None:
        raise Failed(f"{manifests / 'gateway.yaml'} has no port")
    port = int(found[1])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Failed(
                f"port {port} cannot be had: {os.strerror(error.errno or 0)}.\n"
                f"The Gateway in {shown(manifests)} listens there. Stop what uses the port; or copy that folder,\n"
                f"change the port in its gateway.yaml, and run\n"
                f"    {shown(Path(sys.executable))} {sys.argv[0]} COPY"
            ) from None
    return port


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from None


def send(port: int, path: str, body: object, method: str = "POST") -> tuple[int, dict[str, str], Any]:
    """Send JSON; return status, headers and the JSON that came back.

    Raises:
        Failed: there was no such answer.
    """
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
        with error:
            return error.code, {n.lower(): v for n, v in error.headers.items()}, json.loads(error.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(f"no answer from 127.0.0.1:{port}{path}: {error}") from None


# ── The story ───────────────────────────────────────────────────────────────────────────────────────────────────────


def demo(manifests: Path, folder: Path) -> None:
    """Tell it, step by step; what the processes write goes to a folder."""
    port, provider_port, admin_port = listener_port(manifests), free_port(), free_port()
    say(painted("Switchover: when a language model fails, the request moves on to the next one.", "1"))
    say("An app asks one address for one answer. Behind it stand three models in an order of priority:")
    say("   " + " > ".join(painted(model, "36;1") for model in MODELS))
    with running(folder, "simulate", "--bind", f"127.0.0.1:{provider_port}") as provider:
        provider.new_lines("Listening", 1)
        with running(
            folder,
            "run",
            *("-f", str(manifests), "--admin", f"127.0.0.1:{admin_port}", "--log-format", "json"),
            *("--connect-to", f"{PROVIDER}:127.0.0.1:{provider_port}"),
        ) as gateway:
            gateway.new_lines('"ready', 1)
            heading(1, "Started: a simulated provider of the three models, and the gateway before it")
            say(f"   manifests   {shown(manifests)}, as they would be applied to a cluster")
            say(f"   gateway     http://127.0.0.1:{port}")
            all_fail(port, provider, gateway)
            one_recovers(port, provider_port, provider, gateway)
    say()
    say(painted("The app sent one request each time, and never had to know which model was well.", "1"))


def shown(path: Path) -> str:
    """Shorten a path below the project."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def all_fail(port: int, provider: Child, gateway: Child) -> None:
    """Send the guide's request while every model is rate-limited."""
    heading(2, 'All three models answer 429 "Too Many Requests". One request is sent')
    say(f'   $ curl http://127.0.0.1:{port}/model -d \'{{"model": "gpt-4o", "messages": [...]}}\'')
    status, headers, answer = send(port, "/model", ASKED)
    say(f"   < HTTP/1.1 {painted(str(status), '31;1')}, after {headers.get('x-switchover-attempts')} attempts")
    say()
    say("   What the provider received (long texts are cut here): each model is asked once, in order.")
    lines = received(provider, MODELS)
    show_received(lines)
    say()
    say("   What the gateway logs about it:")
    trace = traced(gateway, [(model, 429) for model in MODELS])
    show_trace(trace)
    expect(status == 429, f"the app gets 429 when every model failed, not {status}: {answer}")


def one_recovers(port: int, provider_port: int, provider: Child, gateway: Child) -> None:
    """Send it again when the second model is well."""
    heading(3, f"{MODELS[1]} recovers, and the same request is sent again")
    scenario = {"models": {MODELS[1]: [{"status": 200}]}}
    status, _, answer = send(provider_port, "/__scenario", scenario, "PUT")
    expect(status == 200, f"the provider takes the scenario: {answer}")
    status, headers, answer = send(port, "/model", ASKED)
    expect(status == 200, f"the app gets 200 when the second model is well, not {status}: {answer}")
    say(f"   < HTTP/1.1 {painted(str(status), '32;1')}, after {headers.get('x-switchover-attempts')} attempts,")
    say(f"     answered by {painted(headers.get('x-switchover-served-by', '?'), '36;1')}")
    say(f'     "{answer["choices"][0]["message"]["content"]}"')
    say()
    show_received(received(provider, MODELS[:2]))
    say()
    show_trace(traced(gateway, [(MODELS[0], 429), (MODELS[1], 200)]))
    expect(answer["model"] == MODELS[1], f"the answer names {MODELS[1]} as its model, not {answer['model']}")


def received(provider: Child, models: list[str]) -> list[str]:
    """Return the provider's lines since the last time; they have to be for these models in this order."""
    lines = provider.new_lines("Request received", len(models))
    asked = [model_of(line) for line in lines]
    expect(asked == models, f"the provider is asked for {models}, not {asked}")
    return lines


def traced(gateway: Child, attempts: list[tuple[str, int]]) -> dict[str, Any]:
    """Return the gateway's one line about the last request; it has to tell of these models and statuses."""
    lines = gateway.new_lines('"attempts"', 1)
    expect(len(lines) == 1, f"the gateway logs one line for one request, not {lines}")
    trace: dict[str, Any] = json.loads(lines[0])
    told = [(step["model"], step["status"]) for step in trace["attempts"]]
    expect(told == attempts, f"the gateway tells of {attempts}, not {told}")
    return trace


def model_of(line: str) -> str:
    """Return the model in a line of the provider."""
    found = re.search(r'\\"model\\":\\"([^\\]+)', line)
    return found[1] if found else ""


def expect(holds: bool, what: str) -> None:
    """Fail unless the demo showed what it promised."""
    if not holds:
        raise Failed(f"this should have held: {what}")


def main(arguments: list[str]) -> int:
    """Run the demo; return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupts)
    manifests = Path(arguments[0]).resolve() if arguments else EXAMPLE
    try:
        with tempfile.TemporaryDirectory(prefix="switchover-demo-") as folder:
            demo(manifests, Path(folder))
    except Failed as failed:
        print(painted(f"\nThe demo failed: {failed}", "31;1"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe demo was stopped; nothing is left running.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read along is gone; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
