"""The strict look at an answer finds nothing good that the full judgement does not."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.formats.whole_answer import fault_of

CHAT: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 1},
}
MESSAGES: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
}
GOOD = {Api.CHAT: CHAT, Api.MESSAGES: MESSAGES}
NAMES = ["error", "refusal", "tool_calls", "text", "finish_reason"]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 1),
    st.sampled_from(["", "error", "stop", "content_filter", "tool_calls", "text", "max_tokens", "refusal", "\ud800"]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: {"message": "overloaded"}),
    st.builds(lambda: [{"type": "thinking", "thinking": "x"}]),
)


@pytest.mark.parametrize("api", GOOD)
def test_a_text_with_an_ordinary_end_is_good_at_first_sight(api: Api) -> None:
    assert is_plainly_good(api, msgspec.json.encode(GOOD[api]))


@pytest.mark.parametrize("api", [api for api in Api if api not in GOOD])
def test_the_answers_of_other_apis_are_left_to_the_full_judgement(api: Api) -> None:
    assert not any(is_plainly_good(api, msgspec.json.encode(answer)) for answer in GOOD.values())


def test_a_long_answer_is_left_to_the_full_judgement() -> None:
    long = copy.deepcopy(CHAT)
    long["choices"][0]["message"]["content"] = "x" * 40_000
    assert not is_plainly_good(Api.CHAT, msgspec.json.encode(long))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in _places(each, (*path, name)))]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_what_is_good_at_first_sight_is_good_in_the_full_judgement(data: st.DataObject) -> None:
    api = data.draw(st.sampled_from(list(GOOD)))
    answer: Any = {"root": copy.deepcopy(GOOD[api])}
    for _ in range(data.draw(st.integers(0, 3))):
        *way, last = data.draw(st.sampled_from([("root", *each) for each in _places(answer["root"])]))
        at = answer
        for name in way:
            at = at[name]
        match data.draw(st.sampled_from(["set", "drop", "add"])):
            case "set":
                at[last] = data.draw(ODD)
            case "drop" if way:
                del at[last]
            case _ if isinstance(at, dict) and way:
                at[data.draw(st.sampled_from(["error", "refusal", "tool_calls", "text", "finish_reason"]))] = data.draw(
                    ODD
                )
    text = json.dumps(answer["root"]).encode("utf-8", "surrogatepass")
    if is_plainly_good(api, text):
        assert fault_of(Expected(api), text) is None
