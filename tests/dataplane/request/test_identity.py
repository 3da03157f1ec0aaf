"""By what callers and requests are told apart: headers, addresses and bodies in, equal or different numbers out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.call import Call, CallHead, RawBody
from switchover_dataplane.request.identity import RequestIdentity

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-one"}


def identity(
    headers: dict[str, str] | None = None,
    *,
    name: str = "",
    query: str = "",
    address: str = "10.0.0.1",
    path: str = "/v1/chat/completions",
    body: Any = None,
) -> RequestIdentity:
    given = CIMultiDict(headers or {})
    is_raw = isinstance(body, bytes) or body is None
    worded = RawBody(body) if is_raw else JsonBody.parse(msgspec.json.encode(body))
    call = Call(CallHead("POST", path, query, CIMultiDict(), True, "", ""), worded, b"id")
    return RequestIdentity(call, name=name, fields=given, query=query, address=address)


def test_a_caller_with_a_key_of_the_gateways_is_its_name_wherever_it_calls_from() -> None:
    one = identity(KEY, name="ns/alice")
    assert one.caller == identity(name="ns/alice", address="10.0.0.2").caller
    assert one.caller != identity(KEY, name="ns/bob").caller


@pytest.mark.parametrize(
    "other",
    [
        identity({"authorization": "Bearer sk-two"}),
        identity({"x-api-key": "sk-one"}),
        identity({**KEY, "api-key": "sk-two"}),
        identity(KEY, query="key=abc"),
        identity(KEY, address="10.0.0.2"),
        identity(),
    ],
    ids=["another key", "in another place", "one more", "in the query", "another address", "no key"],
)
def test_other_callers_are_told_apart_by_their_credentials_and_addresses(other: RequestIdentity) -> None:
    assert identity(KEY).caller != other.caller


def test_what_is_no_credential_makes_no_other_caller() -> None:
    one = identity({**KEY, "user-agent": "a", "openai-organization": "b"}, query="key=abc&alt=sse", body=ASKED)
    assert one.caller == identity({**KEY, "x-caller": "c"}, query="alt=json&key=abc").caller


@pytest.mark.parametrize(
    "other",
    [
        identity(path="/v1/responses", body=ASKED),
        identity(query="beta=true", body=ASKED),
        identity(body={**ASKED, "model": "n"}),
        identity(body={**ASKED, "temperature": 0}),
        identity(body={**ASKED, "messages": [{"role": "user", "content": "ho"}]}),
        identity(),
        identity(body=b"audio"),
    ],
    ids=["a path", "a query", "a model", "a field", "a prompt", "nothing", "bytes"],
)
def test_requests_that_differ_in_anything_are_told_apart(other: RequestIdentity) -> None:
    assert identity(body=ASKED).request != other.request


def test_the_same_request_is_the_same_whoever_sends_it() -> None:
    assert identity(KEY, body=ASKED).request == identity(address="10.9.9.9", body=ASKED).request


@pytest.mark.parametrize(("begin", "end"), [("x", "y"), ("y", "x")])
def test_long_conversations_are_told_apart_by_their_beginning_and_their_end(begin: str, end: str) -> None:
    long = "-" * 1_000_000
    one, other = (identity(body={**ASKED, "input": f"{a}{long}{b}"}) for a, b in (("x", "x"), (begin, end)))
    assert one.request != other.request


def test_the_numbers_are_of_this_process_so_that_nobody_can_work_them_out() -> None:
    print_it = (
        "import test_identity; asks = test_identity.identity(test_identity.KEY, body=test_identity.ASKED); "
        "print(asks.caller, asks.request)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", print_it], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    asks = identity(KEY, body=ASKED)
    assert not {str(asks.caller), str(asks.request)} & set(ended.stdout.split())
    assert len(ended.stdout.split()) == 2
