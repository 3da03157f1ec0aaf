"""By what callers and requests are told apart: headers, addresses and bodies in, equal or different numbers out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.asker import Asker
from switchover_dataplane.request.call import Call, CallHead, RawBody

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-one"}


def asker(
    headers: dict[str, str] | None = None,
    *,
    name: str = "",
    query: str = "",
    address: str = "10.0.0.1",
    path: str = "/v1/chat/completions",
    body: Any = None,
) -> Asker:
    given = CIMultiDict(headers or {})
    is_raw = isinstance(body, bytes) or body is None
    worded = RawBody(body) if is_raw else JsonBody.parse(msgspec.json.encode(body))
    call = Call(CallHead("POST", path, query, CIMultiDict(), True, ""), worded, b"id")
    return Asker(call, name=name, fields=given, query=query, address=address)


def test_a_caller_with_a_key_of_the_gateways_is_its_name_wherever_it_calls_from() -> None:
    one = asker(KEY, name="ns/alice")
    assert one.caller == asker(name="ns/alice", address="10.0.0.2").caller
    assert one.caller != asker(KEY, name="ns/bob").caller


@pytest.mark.parametrize(
    "other",
    [
        asker({"authorization": "Bearer sk-two"}),
        asker({"x-api-key": "sk-one"}),
        asker({**KEY, "api-key": "sk-two"}),
        asker(KEY, query="key=abc"),
        asker(KEY, address="10.0.0.2"),
        asker(),
    ],
    ids=["another key", "in another place", "one more", "in the query", "another address", "no key"],
)
def test_other_callers_are_told_apart_by_their_credentials_and_addresses(other: Asker) -> None:
    assert asker(KEY).caller != other.caller


def test_what_is_no_credential_makes_no_other_caller() -> None:
    one = asker({**KEY, "user-agent": "a", "openai-organization": "b"}, query="key=abc&alt=sse", body=ASKED)
    assert one.caller == asker({**KEY, "x-caller": "c"}, query="alt=json&key=abc").caller


@pytest.mark.parametrize(
    "other",
    [
        asker(path="/v1/responses", body=ASKED),
        asker(query="beta=true", body=ASKED),
        asker(body={**ASKED, "model": "n"}),
        asker(body={**ASKED, "temperature": 0}),
        asker(body={**ASKED, "messages": [{"role": "user", "content": "ho"}]}),
        asker(),
        asker(body=b"audio"),
    ],
    ids=["a path", "a query", "a model", "a field", "a prompt", "nothing", "bytes"],
)
def test_requests_that_differ_in_anything_are_told_apart(other: Asker) -> None:
    assert asker(body=ASKED).request != other.request


def test_the_same_request_is_the_same_whoever_sends_it() -> None:
    assert asker(KEY, body=ASKED).request == asker(address="10.9.9.9", body=ASKED).request


@pytest.mark.parametrize(("begin", "end"), [("x", "y"), ("y", "x")])
def test_long_conversations_are_told_apart_by_their_beginning_and_their_end(begin: str, end: str) -> None:
    long = "-" * 1_000_000
    one, other = (asker(body={**ASKED, "input": f"{a}{long}{b}"}) for a, b in (("x", "x"), (begin, end)))
    assert one.request != other.request


def test_the_numbers_are_of_this_process_so_that_nobody_can_work_them_out() -> None:
    print_it = (
        "import test_asker; asks = test_asker.asker(test_asker.KEY, body=test_asker.ASKED); "
        "print(asks.caller, asks.request)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", print_it], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    asks = asker(KEY, body=ASKED)
    assert not {str(asks.caller), str(asks.request)} & set(ended.stdout.split())
    assert len(ended.stdout.split()) == 2
