"""JSON documents as servers send them under a success, and whether each of them is an error."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.formats.error_shape import looks_like_error

ERRORS = [
    '{"error":{"message":"x","code":503}}',
    '{"error":"Compute error."}',
    '[{"error":{"code":503}}]',
    '{"error":{"code":429},"choices":[]}',
    '{"error":{"code":429},"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"error"}]}',
    '{"object":"error","message":"x","code":400}',
    '{"type":"error","code":"x","message":"y"}',
    '{"type":"response.failed","response":{"status":"failed"}}',
    '{"type":"response.failed","response":null}',
    '{"type":"response.incomplete","response":{"error":{"code":"server_error"}}}',
    '{"status":"failed","output":[{"type":"message"}]}',
    '{"choices":null,"base_resp":{"status_code":1002,"status_msg":"rate limit exceeded(RPM)"}}',
    '{"header":{"code":10013,"message":"no","sid":"x","status":2}}',
    '{"ResponseMetadata":{"RequestId":"x","Error":{"Code":"AccountOverdue","Message":"no"}}}',
    '{"Response":{"Error":{"Code":"LimitExceeded","Message":"no"},"RequestId":"x"}}',
    '{"error_code":336501,"error_msg":"Rate limit reached for RPM"}',
    '{"errorMessage":"x","errorType":"Runtime.ExitError"}',
    '{"errcode":"40001","errmsg":"no"}',
    '{"fault":{"faultstring":"Rate limit quota violation"}}',
    '{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded","request_id":"r"}',
    '{"code":1113,"msg":"no balance","data":null}',
    '{"detail":"Internal error"}',
    '{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}',
    '{"success":false,"errors":[{"code":3040,"message":"Capacity"}],"messages":[],"result":null}',
    '{"success":false}',
    '{"success":"false","msg":"no"}',
    '{"ret":-1,"msg":"no"}',
    '{"__type":"com.amazon.coral#ThrottlingException","message":"no"}',
    '{"Message":"User is not authorized"}',
    '{"message":"Too many connections"}',
    '{"message":"Endpoint request timed out","requestId":"x","timestamp":3}',
    '{"status":500,"message":"Something broke"}',
    '{"status":"error","message":"Something broke"}',
    '{"title":"Bad Gateway","status":"502","type":"about:blank"}',
    '{"statusCode":503}',
    '{"message":"x","type":"invalid_request_error","param":null,"code":null}',
    '{"choices":[{"index":0,"message":{"role":"assistant","content":""},"error":{"code":502,"message":"x"}}]}',
]
OTHERS = [
    '{"choices":[{"message":{"content":"hi"}}]}',
    '{"choices":[{"message":{"content":"hi"}}],"error":{"message":"a warning"}}',
    '{"choices":[{"delta":{"tool_calls":[{"index":0}]}}],"code":400,"message":"x"}',
    '{"choices":[{"text":"hi"}],"code":0,"message":"success"}',
    '{"choices":[{"finish_reason":"content_filter"}]}',
    '{"choices":[{"content_filter_results":{"error":{"code":"content_filter_error"}}}]}',
    '{"id":"x","object":"chat.completion.chunk","choices":[],"base_resp":{"status_code":0,"status_msg":"success"}}',
    '{"error":null,"output":[],"status":"completed"}',
    '{"object":"response","status":"incomplete","error":null,"output":[{"type":"message"}]}',
    '{"type":"message","content":[],"stop_reason":"refusal"}',
    '{"type":"message_start","message":{"role":"assistant","content":[]}}',
    '{"type":"response.in_progress","response":{"status":"in_progress","error":null}}',
    '{"type":"response.mcp_call.failed","item_id":"x"}',
    '{"type":"heartbeat","message":"still at work"}',
    '{"status":"processing","message":"Your place in the queue is 3"}',
    '{"message":{"role":"assistant","content":"hi"},"done":true}',
    '{"candidates":[{"finishReason":"SAFETY"}]}',
    '{"promptFeedback":{"blockReason":"SAFETY"}}',
    '{"data":[{"error":1}]}',
    '{"code":0,"message":"success","data":{"text":"hi"}}',
    '{"code":"200","message":"OK"}',
    '{"success":true,"errors":[],"messages":[],"result":{"response":"hi"}}',
    '{"errors":[],"error_code":0,"error_msg":"","result":"hi"}',
    '{"text":"hello","duration":1.0}',
    '{"text":"hello","message":"no"}',
    '{"output":{"text":"hi"},"message":""}',
    "{}",
    "[]",
    "[3]",
    "null",
    "3",
    '"Slow down"',
]


@pytest.mark.parametrize("document", ERRORS)
def test_a_document_is_an_error_in_any_servers_form(document: str) -> None:
    assert looks_like_error(msgspec.json.decode(document))


@pytest.mark.parametrize("document", OTHERS)
def test_a_document_that_is_an_answer_or_an_event_is_no_error(document: str) -> None:
    assert not looks_like_error(msgspec.json.decode(document))


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["error", "failed"])
)
names = st.text(max_size=9) | st.sampled_from(
    ["error", "choices", "message", "status", "response", "success", "type", "code"]
)
documents = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


@given(documents)
def test_whatever_a_document_holds_it_is_an_error_or_none(document: object) -> None:
    assert looks_like_error(document) in (True, False)
    if isinstance(document, dict) and document.get("choices") in (None, []):
        assert looks_like_error({**document, "error": {"message": "no"}})


def test_names_and_words_without_end_are_no_error_and_take_no_time() -> None:
    assert not looks_like_error({"error" * 10_000: "x", "type": "a_" * 10_000 + "error"})
