"""Bodies of any shape: each is read or refused with its field, and what was read is written for every target."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import generate, messages
from switchover_dataplane.translation.format import Format, ProviderKind
from switchover_dataplane.translation.neutral import BadRequest, Request
from translated import written

_TARGETS: list[tuple[Format, str, ProviderKind]] = [
    (messages.FORMAT, "claude-sonnet-4-5", "anthropic"),
    (messages.FORMAT, "claude-opus-4-8", "vertex"),
    (messages.FORMAT, "other", "anthropic"),
    (generate.FORMAT, "gemini-2.5-pro", "gemini"),
    (generate.FORMAT, "gemini-3-flash-preview", "vertex"),
]
_SCALARS = st.sampled_from([None, True, 0, 1, -1, 0.5, "", "a", "b", "aGVsbG8=", "\ud800", 2**70])


def _objects(keys: str, words: str) -> st.SearchStrategy[Any]:
    names, scalars = st.sampled_from(keys.split()), _SCALARS | st.sampled_from(words.split())
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=20
    )


_MESSAGES = _objects(
    "type text source data media_type url id name input tool_use_id content is_error thinking signature cache_control",
    "text image document tool_use tool_result thinking redacted_thinking base64 url file content user assistant",
)
_MESSAGES_FIELDS = (
    "system tools tool_choice thinking output_config output_format stop_sequences temperature top_k metadata stream"
)
_PARTS = _objects(
    "text inlineData fileData functionCall functionResponse name args response parts role thought thought_signature",
    "user model",
)
_GENERATE_FIELDS = "systemInstruction system_instruction tools toolConfig generationConfig cachedContent labels"


def _read(form: Format, body: dict[str, Any], path: str) -> Request | BadRequest:
    try:
        return form.read_request(body, path)
    except BadRequest as bad:
        return bad


def _is_refused_or_written_everywhere(request: Request | BadRequest) -> None:
    if isinstance(request, BadRequest):
        assert request.path
        assert str(request)
        return
    for form, model, provider in _TARGETS:
        done = written(form, request, model, provider)
        assert json.loads(lenient_json.encode(done.body))
        assert all(loss.path and loss.why for loss in (*request.losses, *done.losses)), (*request.losses, *done.losses)


def _block(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=fields)


_BLOCKS = st.one_of(
    _block("text", text=st.text(max_size=3)),
    _block("tool_use", id=st.sampled_from(["a", "b", "c:0"]), name=st.just("f"), input=_MESSAGES),
    _block("tool_result", tool_use_id=st.sampled_from(["a", "b", "c:0"]), content=st.text(max_size=3) | _MESSAGES),
    _block("thinking", thinking=st.text(max_size=3), signature=st.just("EqQB")),
    _MESSAGES,
)
_TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(_BLOCKS, max_size=4) | _MESSAGES}
)


@given(st.lists(_TURNS, max_size=5), st.dictionaries(st.sampled_from(_MESSAGES_FIELDS.split()), _MESSAGES, max_size=4))
def test_any_body_of_messages_is_read_or_refused(turns: list[Any], fields: dict[str, Any]) -> None:
    _is_refused_or_written_everywhere(_read(messages.FORMAT, {**fields, "messages": turns}, "/v1/messages"))


_CONTENTS = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "model"]), "parts": st.lists(_PARTS, max_size=4) | _PARTS}
)


@given(st.lists(_CONTENTS, max_size=5), st.dictionaries(st.sampled_from(_GENERATE_FIELDS.split()), _PARTS, max_size=4))
def test_any_body_of_generate_content_is_read_or_refused(contents: list[Any], fields: dict[str, Any]) -> None:
    _is_refused_or_written_everywhere(
        _read(generate.FORMAT, {**fields, "contents": contents}, "/models/m:generateContent")
    )


@pytest.mark.parametrize(("form", "model", "provider"), _TARGETS)
def test_an_empty_request_is_written(form: Format, model: str, provider: ProviderKind) -> None:
    assert written(form, Request(), model, provider).body
