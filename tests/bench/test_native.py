"""The mock provider and the reader of streams, compiled and run against each other."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import free_port
from switchover_bench import cache, cells
from switchover_bench.load import Client, Failed
from switchover_bench.scenarios import STREAMS, SUCCESS, Ports

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("taskset")), reason="cc and taskset are needed, on Linux"
)
EVENTS = 6


@pytest.fixture
def ports() -> Ports:
    base = free_port(neighbours=4)
    return Ports(proxy=base + 3, admin=base + 4, good=base, limited=base + 1, spare=base + 2)


@pytest.fixture
def folder(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the body of a stream request, while the mock provider runs."""
    monkeypatch.setenv("SWITCHOVER_CACHE", str(tmp_path))
    (tmp_path / "body.json").write_bytes(STREAMS.body)
    with cells.mock(ports, tmp_path, EVENTS, 1.0):
        yield tmp_path


def ask(port: int, body: bytes, path: str = "/") -> tuple[bytes, bytes]:
    """The head and the body of an answer, its bytes as they come."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            head, _, rest = answer.read().partition(b"\r\n\r\n")
    return head, rest


@pytest.mark.usefixtures("folder")
def test_the_mock_answers_with_a_whole_chat_completion_of_about_600_bytes(ports: Ports) -> None:
    head, body = ask(ports.good, SUCCESS.body)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert 550 < len(body) < 650
    [choice] = json.loads(body)["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"]


@pytest.mark.usefixtures("folder")
def test_the_mock_speaks_the_messages_api_where_it_is_asked_in_it(ports: Ports) -> None:
    _, body = ask(ports.good, SUCCESS.body, "/v1/messages")
    message = json.loads(body)
    assert (message["type"], message["stop_reason"]) == ("message", "end_turn")
    with socket.create_connection(("127.0.0.1", ports.good), 10) as connection:
        connection.sendall(
            b"POST /v1/messages HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(STREAMS.body) + STREAMS.body
        )
        stream = b""
        while not stream.endswith(b"\r\n0\r\n\r\n"):
            stream += connection.recv(1 << 16)
    assert stream.count(b"event: content_block_delta\n") == EVENTS
    assert b"event: message_stop\n" in stream


@pytest.mark.usefixtures("folder")
def test_the_mock_that_fails_answers_with_an_error_of_openai(ports: Ports) -> None:
    head, body = ask(ports.limited, SUCCESS.body)
    assert head.startswith(b"HTTP/1.1 429 ")
    assert json.loads(body)["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.usefixtures("folder")
def test_the_mock_counts_the_requests_at_each_port_until_it_is_asked(ports: Ports) -> None:
    for port in (ports.good, ports.good, ports.limited):
        ask(port, SUCCESS.body)
    assert cells.counts(ports) == {str(ports.good): 2, str(ports.limited): 1, str(ports.spare): 0}
    assert set(cells.counts(ports).values()) == {0}


def test_streams_are_read_to_their_end_and_counted(ports: Ports, folder: Path) -> None:
    load = Client(cells.OTHER_CORE, ports.good, "/", folder / "body.json").streams(4, 0.2, EVENTS, 10)
    assert load.requests == cells.counts(ports)[str(ports.good)] >= 4
    assert load.p99_ms >= load.p50_ms >= EVENTS


def test_a_stream_with_fewer_events_than_it_should_have_is_no_figure(ports: Ports, folder: Path) -> None:
    with pytest.raises(Failed, match=f"{EVENTS + 3} events instead of {EVENTS + 4}"):
        Client(cells.OTHER_CORE, ports.good, "/", folder / "body.json").streams(1, 0.1, EVENTS + 1, 0)


def test_an_answer_that_is_no_success_is_no_stream(ports: Ports, folder: Path) -> None:
    with pytest.raises(Failed, match="status 429"):
        Client(cells.OTHER_CORE, ports.limited, "/", folder / "body.json").streams(1, 0.1, EVENTS, 0)


@pytest.mark.usefixtures("folder")
def test_a_port_that_is_taken_is_named(ports: Ports) -> None:
    second = subprocess.run(
        [cache.compiled("mock"), "1", "1", f"{ports.good}:200"], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"port {ports.good}: Address already in use" in second.stderr


@pytest.mark.usefixtures("folder")
def test_a_benchmark_does_not_start_where_something_listens(ports: Ports) -> None:
    with pytest.raises(cache.Missing, match=f"port {ports.good} is taken"):
        cells.check_free(ports)
