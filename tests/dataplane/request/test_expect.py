"""What a request expects of its answer: of which API, in which shape, for how many texts."""

from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from serving import table
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.call import CallHead
from switchover_dataplane.request.expect import expected_of
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.upstream.targets import routes


def of(path: str, *, method: str = "POST", query: str = "", full_path: str = "", **fields: Any) -> Expected:
    [upstream] = table(1, [2]).upstreams.values()
    [[target]] = upstream.priorities
    if full_path:
        target = msgspec.structs.replace(target, full_path=full_path)
    whole = msgspec.structs.replace(table(1, [2]), upstreams={"ns/up": Upstream("ns/up", True, ((target,),))})
    [route] = routes(whole).values()
    head = CallHead(method, path, query, CIMultiDict(), True, "", "").to(route)
    return expected_of(head, JsonBody.parse(msgspec.json.encode(fields)), in_a_form=True)


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/model", Api.CHAT),
        ("/v1/chat/completions", Api.CHAT),
        ("/v1/completions", Api.COMPLETIONS),
        ("/v1/messages", Api.MESSAGES),
        ("/v1/responses", Api.RESPONSES),
        ("/v1/embeddings", Api.EMBEDDINGS),
        ("/v1/messages/count_tokens", None),
        ("/v1/responses/compact", None),
        ("/v1/images/generations", None),
        ("/v1/rerank", None),
    ],
)
def test_the_path_alone_tells_the_api(path: str, api: Api | None) -> None:
    assert of(path) == Expected(api)
    assert of(path, method="GET").api is None


def test_a_stream_is_asked_for_in_the_body() -> None:
    assert of("/v1/messages", stream=True) == Expected(Api.MESSAGES, "events")
    assert of("/v1/rerank", stream=True) == Expected(None, "events")
    assert of("/v1/messages", stream=False) == Expected(Api.MESSAGES)
    assert of("/v1/embeddings", stream=True, input="a") == Expected(Api.EMBEDDINGS, inputs=1)


def test_gemini_s_paths_tell_the_shape() -> None:
    asked = "/v1beta/models/g:{}".format
    assert of("/v1/x", full_path=asked("generateContent"), stream=True) == Expected(Api.GENERATE)
    assert of("/v1/x", full_path=asked("streamGenerateContent?alt=sse")) == Expected(Api.GENERATE, "events")
    assert of("/v1/x", full_path=asked("streamGenerateContent?key=k&alt=sse")) == Expected(Api.GENERATE, "events")
    assert of("/v1/x", full_path=asked("streamGenerateContent")) == Expected(Api.GENERATE, "array")
    assert of("/v1/x", full_path=asked("streamGenerateContent?alt=json")) == Expected(Api.GENERATE, "array")


def test_a_promise_of_an_answer_is_expected_where_it_was_asked_for() -> None:
    assert of("/v1/responses", background=True) == Expected(Api.RESPONSES, later=True)
    assert of("/v1/responses", background=False) == Expected(Api.RESPONSES)
    assert of("/v1/chat/completions", deferred=True) == Expected()
    assert of("/v1/chat/completions", deferred="true") == Expected(Api.CHAT)


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("one", 1),
        (["one"], 1),
        (["one", "two"], 2),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
        ([{"text": "one"}, {"image": "two"}], 2),
        ([], 0),
        (None, 0),
        (7, 0),
        ({"text": "one"}, 0),
        ([1] * 40_000, 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_texts_to_embed_are_counted_where_that_costs_little(given: object, inputs: int) -> None:
    assert of("/v1/embeddings", input=given) == Expected(Api.EMBEDDINGS, inputs=inputs)
