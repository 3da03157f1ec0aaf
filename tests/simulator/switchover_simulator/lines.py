"""A request → the log line that the guide's model-failover app prints for it.

The line carries the key `msg` twice, the event and then the request's body, because that is what people compare with.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from switchover_simulator.behaviour import Behaviour
from switchover_simulator.request import Request

LONGEST_BODY = 1 << 20
_CREDENTIALS = ("authorization", "api-key", "x-api-key")


def received(request: Request, nanoseconds: int) -> str:
    """Write the line. `nanoseconds` is unix time; the body is compact JSON with sorted keys, or text as it came."""
    return f'{_opening(nanoseconds, "Request received")},"msg":{_quoted(_body(request))}}}'


def received_verbosely(request: Request, behaviour: Behaviour, nanoseconds: int) -> str:
    """The same line and what else there is to know: method, path, credentials as digests, and what will be done."""
    more = {
        "method": request.method,
        "path": request.target,
        "credentials": {name: digest(value) for name in _CREDENTIALS if (value := request.headers.get(name))},
        "answer": behaviour.status if behaviour.mode == "answer" else behaviour.mode,
    }
    return f"{received(request, nanoseconds)[:-1]},{msgspec.json.encode(more).decode()[1:]}"


def event(level: str, message: str, nanoseconds: int, **fields: Any) -> str:
    """Write a line about the simulator itself."""
    more = "".join(f",{_quoted(name)}:{msgspec.json.encode(value).decode()}" for name, value in fields.items())
    return f"{_opening(nanoseconds, message, level)}{more}}}"


def digest(credential: str) -> str:
    """Shorten a token to `sha256:` and eight digits: enough to tell keys apart, not enough to use one."""
    token = credential.removeprefix("Bearer ")
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:8]}"


def _opening(nanoseconds: int, message: str, level: str = "INFO") -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    time = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    return f'{{"time":"{time}","level":"{level}","msg":{_quoted(message)}'


def _body(request: Request) -> str:
    body = request.body or b""
    if len(body) > LONGEST_BODY:
        return f"({len(body)} bytes)"
    if request.json is None:
        return body.decode("utf-8", "replace")
    return msgspec.json.encode(request.json, order="sorted").decode()


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
