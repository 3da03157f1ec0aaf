"""An HTTP server on this machine that hands out credentials, as a cloud's does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOUR = 3600


@dataclass
class Endpoint:
    """What it answers, and what it was asked: method, path and body. `gate`: it answers nothing before this is set."""

    url: str = ""
    answer: Callable[["Endpoint"], tuple[int, str, dict[str, str]]] = lambda _: (404, "", {})
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Serve until the end of the block."""
    played = Endpoint()
    played.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            played.asked.append((self.command, self.path, body.decode()))
            played.gate.wait()
            status, text, headers = played.answer(played)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    played.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield played
    finally:
        played.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Clock:
    """A clock that a test sets forward."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


# ── Google ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def private_key() -> str:
    """The key of a service account, made once."""
    made = rsa.generate_private_key(65537, 2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def secret(token_uri: str, **fields: Any) -> str:
    """The JSON text of a service account's key; a field that is None is left out."""
    key = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "id-of-the-key",
        "private_key": private_key(),
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": token_uri,
        **fields,
    }
    return msgspec.json.encode({name: value for name, value in key.items() if value is not None}).decode()


def tokens(played: Endpoint) -> tuple[int, str, dict[str, str]]:
    """Another token each time, for an hour."""
    fields = {"access_token": f"token-{len(played.asked)}", "expires_in": HOUR, "token_type": "Bearer"}
    return 200, msgspec.json.encode(fields).decode(), {"content-type": "application/json"}
