"""Reading a request and writing bodies in the shapes that providers document, bytes in and bytes out."""

import asyncio
from dataclasses import dataclass, field

import msgspec

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    label: str = ""
    fields: dict[str, object] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model that the body asks for, or the deployment that an Azure path names."""
        model = self.fields.get("model")
        _, found, rest = self.path.partition("/deployments/")
        return rest.partition("/")[0] if found else model if isinstance(model, str) else ""


async def read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    """Read a request line and header fields.

    Raises:
        asyncio.IncompleteReadError: the peer closed.
    """
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:] if line)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """Read a body of declared length, or in chunks."""
    if "chunked" in headers.get("transfer-encoding", ""):
        pieces = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return b"".join(pieces)
    return await reader.readexactly(int(headers.get("content-length", "0")))


def fields_of(body: bytes) -> dict[str, object]:
    """Return the fields of a JSON object, none of anything else."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def head(status: int, headers: dict[str, str]) -> bytes:
    """Write the head of an answer."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", *(f"{n}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def default_body(status: int, model: str, label: str) -> bytes:
    """Write a chat completion for a success, OpenAI's error object for anything else (OpenAI API reference)."""
    if status < 300:
        return msgspec.json.encode(
            {
                "id": "chatcmpl-simulated",
                "object": "chat.completion",
                "created": 1700000000,
                "model": model or "simulated",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": f"Answered by {label or model}."},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
            }
        )
    kind, code = ("requests", "rate_limit_exceeded") if status == 429 else ("server_error", None)
    message = f"The simulated model {model or label} answers {status}."
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def chunk(data: bytes) -> bytes:
    """Frame bytes as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: dict[str, object], model: str, finish: str | None = None) -> bytes:
    """Write one chat completion chunk as a server-sent event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "chatcmpl-simulated",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": model or "simulated",
        "choices": [choice],
    }
    return b"data: " + msgspec.json.encode(body) + b"\n\n"
