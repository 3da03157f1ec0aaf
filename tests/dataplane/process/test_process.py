"""The data plane as a process: it starts, drains on a signal, and ends with nothing lost."""

import asyncio
import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import pytest

from certificates import Authority
from running import until
from said import with_what_it_said
from serving import END, STREAM_HEAD, Seen, chunks, event, free_port, good, limited, raw, table, targets
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import encode, sealed


@dataclass
class Running:
    """A data-plane process and where its channels are."""

    process: asyncio.subprocess.Process
    channel: Path
    admin: int
    written: list[str] = field(default_factory=list)

    async def push(self, of: Table) -> None:
        """Push a table and expect it to be acknowledged."""
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.channel))) as client:
            async with client.put("http://dataplane/v1/table", data=encode(of)) as answer:
                assert answer.status == 200, await answer.text()

    async def says(self, text: str) -> str:
        """Read its log up to a line with this text."""
        assert self.process.stdout is not None
        with with_what_it_said(lambda: "".join(self.written)):
            while line := (await self.process.stdout.readline()).decode():
                self.written.append(line)
                if text in line:
                    return line
            raise AssertionError(f"it ended without saying {text!r}")

    async def probe(self, path: str) -> int:
        """Ask the admin port; the status."""
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{self.admin}{path}") as answer:
                return answer.status

    async def is_leaving(self) -> None:
        """Wait until probes are told so."""
        while await self.probe("/readyz") != 503:
            await asyncio.sleep(0.01)


def changed(of: Table, *ports: int, by: str = "") -> Table:
    """The table with other ports that serve the same, and with a secret that makes it another table."""
    also = tuple(msgspec.structs.replace(of.ports[0], number=number) for number in ports)
    return sealed((*of.ports, *also), of.rules, of.policies, of.upstreams, {**of.secrets, "other": by})


@asynccontextmanager
async def dataplane(folder: Path, *flags: str, allowed: str = "127.0.0.0/8") -> AsyncIterator[Running]:
    path, admin = folder / "push", free_port()
    channels = ["--push", f"unix:{path}", "--admin", f"127.0.0.1:{admin}", "--allow-targets", allowed]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "switchover_dataplane", *channels, *flags, stdout=asyncio.subprocess.PIPE
    )
    yield Running(process, path, admin)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with dataplane(tmp_path, "--grace", "20") as one:
        await one.says("takes tables")
        yield one


async def test_a_stream_in_flight_ends_whole_after_sigterm_and_nothing_new_is_taken(running: Running) -> None:
    go_on = asyncio.Event()

    async def halting(_seen: object, _reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(event({"content": "before"}), end=False))
        await writer.drain()
        await go_on.wait()
        writer.write(chunks(event({"content": "after"}), event({}, "stop")))

    async with targets(halting) as (first,), aiohttp.ClientSession() as client:
        port = free_port()
        await running.push(table(port, [first.port]))
        async with client.post(f"http://127.0.0.1:{port}/model", json={"model": "a", "stream": True}) as answer:
            assert b"before" in await answer.content.readany()
            running.process.send_signal(signal.SIGTERM)
            await _refuses(port)
            go_on.set()
            assert b"after" in await answer.read()

    assert await running.process.wait() == 0


async def _refuses(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.01)


async def test_its_first_line_says_whether_it_is_compiled(tmp_path: Path) -> None:
    async with dataplane(tmp_path) as running:
        line = msgspec.json.decode(await running.says("takes tables"))
    assert line["compiled"] is (find_spec("switchover__mypyc") is not None)


async def test_a_second_signal_ends_it_at_once(running: Running) -> None:
    async def never(_seen: object, reader: asyncio.StreamReader, _writer: object) -> None:
        await reader.read()

    async with targets(never) as (first,):
        port = free_port()
        await running.push(table(port, [first.port]))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
        while not first.seen:
            await asyncio.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        await _refuses(port)
        running.process.send_signal(signal.SIGTERM)

        assert await running.process.wait() == 1
        writer.close()


# ── Stopping while clients still send ───────────────────────────────────────────────────────────────────────────────


@dataclass
class Client:
    """Keeps a connection for as long as it is told that it may, as an SDK's pool does."""

    port: int
    statuses: list[int] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    lost: int = 0
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def ask(self, body: bytes = b'{"model": "a"}') -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            ConnectionRefusedError: nothing listens any more, and no connection was left.
        """
        if self._writer is None or self.was_left:
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._reader, self._writer
        assert reader is not None
        try:
            writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            answer = await _body(reader, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost += 1
            self.close()
            raise
        self.statuses.append(int(head.split(b" ")[1]))
        self.heads.append(head)
        if b"connection: close\r\n" in head:
            assert await reader.read() == b""
            self.close()
        return answer

    async def ask_until_refused(self) -> None:
        """Send one request after the other."""
        while True:
            try:
                await self.ask()
            except ConnectionRefusedError:
                return
            except (asyncio.IncompleteReadError, ConnectionError):
                continue

    @property
    def was_left(self) -> bool:
        """Whether the connection was closed by the gateway, as every pool looks before it uses one again."""
        assert self._writer is not None
        readable, _, _ = select.select([self._writer.get_extra_info("socket").fileno()], [], [], 0)
        return bool(readable)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    return await reader.readuntil(b"\r\n0\r\n\r\n")


def resident(process: asyncio.subprocess.Process) -> int:
    """How many MiB of memory a process has."""
    [line] = [each for each in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in each]
    return int(line.split()[1]) // 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux' /proc, and glibc")
async def test_the_memory_of_large_bodies_returns_to_the_system(running: Running) -> None:
    async with targets(limited(), good()) as (first, second), aiohttp.ClientSession() as client:
        port = free_port()
        await running.push(table(port, [first.port, second.port]))
        before = resident(running.process)
        body = b'{"model":"a","messages":[],"user":"' + b"x" * (12 << 20) + b'"}'

        async def ask() -> int:
            async with client.post(f"http://127.0.0.1:{port}/model", data=BytesIO(body)) as answer:
                return answer.status

        for _ in range(3):
            assert await asyncio.gather(*(ask() for _ in range(8))) == [200] * 8
        async with asyncio.timeout(40):
            while resident(running.process) > before + 12:
                await asyncio.sleep(0.05)


async def test_during_the_drain_delay_it_serves_and_probes_and_clients_learn_that_it_stops(tmp_path: Path) -> None:
    stream = raw(STREAM_HEAD + chunks(event({"content": "a"}), END))

    async def as_asked(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (stream if b"stream" in seen.body else good())(seen, reader, writer)

    async with targets(as_asked) as (first,), dataplane(tmp_path, "--drain-delay", "300") as running:
        await running.says("takes tables")
        port, later = free_port(), free_port()
        await running.push(table(port, [first.port]))
        async with Client(port) as idle, Client(port) as used, Client(port) as fresh, Client(later) as pushed:
            for client in (idle, used):
                await client.ask()
                assert b"connection:" not in client.heads[-1]

            running.process.send_signal(signal.SIGTERM)
            await running.is_leaving()

            assert await running.probe("/healthz") == 200
            for client in (used, fresh):
                await client.ask()
                assert b"connection: close" in client.heads[-1]
            await running.push(changed(table(port, [first.port]), later))
            assert b"[DONE]" in await pushed.ask(b'{"model": "a", "stream": true}')
            assert b"connection: close" in pushed.heads[-1]
            assert not idle.was_left
            await idle.ask()
            assert b"connection: close" in idle.heads[-1]
            assert [client.statuses for client in (idle, used, fresh, pushed)] == [[200] * 2, [200] * 2, [200], [200]]


async def test_a_connection_that_nobody_uses_any_more_does_not_keep_it(running: Running) -> None:
    async with targets(good()) as (first,):
        port = free_port()
        await running.push(table(port, [first.port]))
        async with Client(port) as idle:
            await idle.ask()
            running.process.send_signal(signal.SIGTERM)

            assert await running.process.wait() == 0
            assert idle.was_left


async def test_no_request_is_lost_when_it_stops_under_load(tmp_path: Path) -> None:
    async with targets(good()) as (first,), dataplane(tmp_path, "--drain-delay", "0.3") as running:
        await running.says("takes tables")
        port = free_port()
        await running.push(table(port, [first.port]))
        clients = [Client(port) for _ in range(20)]
        asking = [asyncio.create_task(client.ask_until_refused()) for client in clients]
        await _answered(clients, 1000)

        running.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*asking)

        assert await running.process.wait() == 0
        assert sum(client.lost for client in clients) == 0
        assert {status for client in clients for status in client.statuses} == {200}


async def test_no_request_is_lost_while_tables_are_pushed_under_load_and_when_the_port_leaves(running: Running) -> None:
    async with targets(good()) as (first,):
        port, other = free_port(), free_port()
        await running.push(table(port, [first.port]))
        clients = [Client(port) for _ in range(20)]
        asking = [asyncio.create_task(client.ask_until_refused()) for client in clients]
        for number in range(30):
            await _answered(clients, number * 100)
            await running.push(changed(table(port, [first.port]), *([other] if number % 2 else []), by=str(number)))
        assert {status for client in clients for status in client.statuses} == {200}

        await running.push(table(other, [first.port]))
        await asyncio.gather(*asking)

        assert sum(client.lost for client in clients) == 0
        assert {status for client in clients for status in client.statuses} <= {200, 404}


async def _answered(clients: list[Client], count: int) -> None:
    while sum(len(client.statuses) for client in clients) < count:
        await asyncio.sleep(0.01)


# ── Started again ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_process_that_was_killed_serves_its_kept_table_again_before_anybody_pushes(tmp_path: Path) -> None:
    kept = ("--table-file", str(tmp_path / "kept.json"))
    async with targets(good()) as (first,):
        port = free_port()
        async with dataplane(tmp_path, *kept) as running:
            await running.says("takes tables")
            await running.push(table(port, [first.port]))
            running.process.kill()
            await running.process.wait()

        async with dataplane(tmp_path, *kept) as running:
            await running.says("takes tables")
            assert await running.probe("/readyz") == 200
            async with Client(port) as client:
                await client.ask()
                assert client.statuses == [200]


def _no_file(path: Path, _taken: int) -> None:
    path.mkdir()


KEPT: dict[str, Callable[[Path, int], object]] = {
    "with a port that another process has": lambda path, taken: path.write_bytes(encode(table(taken, [1]))),
    "that is half written": lambda path, _: path.write_bytes(encode(table(1, [1]))[:100]),
    "of a newer version": lambda path, _: path.write_text('{"version": 99, "revision": "x"}'),
    "that is empty": lambda path, _: path.write_bytes(b""),
    "that is binary": lambda path, _: path.write_bytes(bytes(range(256))),
    "nested without end": lambda path, _: path.write_bytes(b"[" * 100_000),
    "that is no file": _no_file,
}


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT.keys())
async def test_a_kept_table_that_cannot_be_served_never_keeps_it_from_starting(
    tmp_path: Path, keep: Callable[[Path, int], object]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        keep(tmp_path / "kept.json", taken.getsockname()[1])
        async with dataplane(tmp_path, "--table-file", str(tmp_path / "kept.json")) as running:
            assert "the kept table" in await running.says("the kept table")
            await running.says("takes tables")
            assert await running.probe("/readyz") == 503

            await running.push(table(free_port(), [1]))

            assert await running.probe("/readyz") == 200


async def test_a_table_that_was_lost_with_its_process_is_pushed_again_over_mutual_tls(tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.issue("localhost")
    for name, text in (("crt", chain), ("key", key), ("ca", authority.pem)):
        (tmp_path / name).write_text(text)
    (tmp_path / "client").write_text("".join(authority.issue("operator")))
    trusting = authority.client()
    trusting.load_cert_chain(tmp_path / "client")
    channel, port = free_port(), free_port()
    files = [part for name in ("crt", "key", "ca") for part in (_FLAG[name], str(tmp_path / name))]

    async with targets(good()) as (first,), aiohttp.ClientSession(f"https://localhost:{channel}") as operator:
        of = table(port, [first.port])
        for _ in range(2):
            async with dataplane(tmp_path, "--push", f"127.0.0.1:{channel}", *files) as running:
                await running.says("takes tables")
                async with operator.get("/v1/table", ssl=trusting) as answer:
                    assert await answer.json() == {"revision": None, "active": {}}
                async with operator.put("/v1/table", data=encode(of), ssl=trusting) as answer:
                    assert await answer.json() == {"revision": of.revision}
                async with Client(port) as client:
                    await client.ask()
                    assert client.statuses == [200]
                running.process.kill()
                await running.process.wait()


_FLAG = {"crt": "--push-cert", "key": "--push-key", "ca": "--push-ca"}


# ── How it is started, and by whom ──────────────────────────────────────────────────────────────────────────────────

WRONG = {
    "a redirection that is none": (["--push", "unix:/nowhere/x", "--connect-to", "a:b"], b"HOST:PORT:HOST:PORT"),
    "an admin port that is none": (["--push", "unix:/nowhere/x", "--admin", "9180"], b"HOST:PORT"),
    "a grace time below zero": (["--push", "unix:/nowhere/x", "--grace", "-1"], b"--grace"),
    "no push channel": ([], b"--push"),
}


@pytest.mark.parametrize(("flags", "said"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_flag_is_a_usage_error_that_names_the_expected_value(flags: list[str], said: bytes) -> None:
    code, errors = await _ended(flags)

    assert code == 2
    assert said in errors


async def test_a_route_to_the_own_admin_port_gets_503_and_the_trace_has_the_reason(running: Running) -> None:
    port = free_port()
    await running.push(table(port, [running.admin]))

    async with aiohttp.ClientSession() as client, client.post(f"http://127.0.0.1:{port}/model", json={}) as answer:
        assert answer.status == 503

    assert f"127.0.0.1:{running.admin} is a port of this gateway itself" in await running.says("exhausted")


async def test_a_target_on_loopback_is_moved_on_from_unless_it_is_allowed(tmp_path: Path) -> None:
    port = free_port()
    async with targets(good()) as (first,), dataplane(tmp_path, allowed="192.0.2.0/24") as running:
        await running.says("takes tables")
        await running.push(table(port, [first.port, first.port]))

        async with aiohttp.ClientSession() as client, client.post(f"http://127.0.0.1:{port}/model", json={}) as answer:
            assert answer.status == 503
        line = await running.says("exhausted")

    assert (line.count("127.0.0.1 is a loopback address"), first.seen) == (2, [])


async def test_a_network_that_is_none_is_refused_with_an_example(tmp_path: Path) -> None:
    code, errors = await _ended(["--push", f"unix:{tmp_path}/push", "--allow-targets", "everything"])

    assert (code, b"such as 127.0.0.0/8" in errors) == (2, True)


async def test_a_push_channel_over_tcp_without_certificates_is_refused() -> None:
    code, errors = await _ended(["--push", "127.0.0.1:0", "--admin", "127.0.0.1:0"])

    assert code == 1
    assert b"--push-cert, --push-key and --push-ca" in errors


async def _ended(flags: list[str]) -> tuple[int | None, bytes]:
    """Run to the end: exit code and what was written to standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover_dataplane", *flags),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    _, errors = await process.communicate()
    return process.returncode, errors


async def test_flags_can_be_given_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "push"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover_dataplane"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "SWITCHOVER_PUSH": f"unix:{path}", "SWITCHOVER_ADMIN": f"127.0.0.1:{free_port()}"},
    )
    assert process.stdout is not None
    assert f"unix:{path}".encode() in await process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    assert await process.wait() == 0


PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "switchover_dataplane", "--die-with-parent", *sys.argv[2:]],
                 stdin=subprocess.PIPE if sys.argv[1] == "pipe" else subprocess.DEVNULL)
input()
"""


@pytest.mark.parametrize("stdin", ["pipe", "nothing"])
async def test_it_ends_in_good_order_with_its_parent_even_if_that_is_killed(tmp_path: Path, stdin: str) -> None:
    channels = ["--push", f"unix:{tmp_path}/push", "--admin", f"127.0.0.1:{free_port()}", "--drain-delay", "0.2"]
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, stdin, *channels),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    # It writes no line of its start: its parent says what is served.
    await until((tmp_path / "push").exists, "it takes tables")

    parent.kill()

    # The child holds the other end of our pipe for as long as it lives.
    assert b"stopped" in await parent.stdout.read()
    await parent.wait()
