"""A request of a known form is written as one that is translated anew."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import table
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.known_forms import MOST_FORMS, KnownForms, conversation_of
from switchover_dataplane.request.translating import Translating, WrittenBody, encoded
from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.upstream.targets import routes

[ROUTE] = routes(table(1, [1])).values()
TARGETS = {
    Api.CHAT: (Asker("openai", model_of("gpt-4o")), Asker("mistral", model_of("mistral-large-latest"))),
    Api.RESPONSES: (Asker("openai", model_of("gpt-5")),),
    Api.MESSAGES: (Asker("anthropic", model_of("claude-sonnet-4-5")), Asker("vertex", model_of("claude-opus-4-8"))),
    Api.GENERATE: (Asker("gemini", model_of("gemini-2.5-flash")),),
    Api.CONVERSE: (
        Asker("bedrock", model_of("anthropic.claude-sonnet-4-5")),
        Asker("bedrock", model_of("amazon.nova")),
    ),
}
PATHS = {
    Api.CHAT: "/v1/chat/completions",
    Api.MESSAGES: "/v1/messages",
    Api.RESPONSES: "/v1/responses",
    Api.GENERATE: "/v1beta/models/any:generateContent",
}
FORMS: dict[Api, list[dict[str, Any]]] = {
    Api.CHAT: [
        {"temperature": 0.5, "stream": True},
        {"response_format": {"type": "json_object"}, "max_tokens": 9},
        {"n": 2, "user": "somebody", "stop": ["END"]},
    ],
    Api.MESSAGES: [
        {"max_tokens": 100, "system": "Be brief."},
        {"max_tokens": 9_000, "thinking": {"type": "enabled", "budget_tokens": 2_000}},
    ],
    Api.RESPONSES: [{"instructions": "Be brief."}, {"text": {"format": {"type": "json_object"}}, "store": False}],
    Api.GENERATE: [
        {"generationConfig": {"temperature": 0.1}},
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
    ],
}
WORDS = st.text(max_size=20) | st.sampled_from(
    [
        "hi",
        "give me JSON",
        " ",
        "\n",
        "hi \n",
        '"}],"x":[{"',
        "\\",
        "\u20ac\U0001f600",
        "<system>",
        "{}",
        "\x00",
        "\u2028",
    ]
)
CLIENTS = list(PATHS)


def body_of(client: Api, fields: dict[str, Any], said: list[tuple[str, list[str]]]) -> bytes:
    """Write a conversation in the form that a client of an API writes."""
    body: dict[str, Any] = {"model": "any", **fields} if client is not Api.GENERATE else dict(fields)
    if client is Api.GENERATE:
        roles = {"assistant": "model"}
        body["contents"] = [
            {"role": roles.get(role, "user"), "parts": [{"text": text} for text in texts]} for role, texts in said
        ]
        return json.dumps(body).encode()
    kinds = {"assistant": "output_text"} if client is Api.RESPONSES else {}
    usual = "input_text" if client is Api.RESPONSES else "text"
    body["input" if client is Api.RESPONSES else "messages"] = [
        {
            "role": role,
            "content": texts[0]
            if len(texts) == 1
            else [{"type": kinds.get(role, usual), "text": text} for text in texts],
        }
        for role, texts in said
    ]
    return json.dumps(body).encode()


def written(client: Api, target: Api, asker: Asker, body: bytes) -> WrittenBody:
    """Translate a request as the data plane does."""
    return Translating(FORMATS[client], PATHS[client], JsonBody.parse(body)).written(ROUTE, FORMATS[target], asker)


@pytest.mark.parametrize("client", CLIENTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_request_of_a_known_form_is_written_as_if_it_were_the_first(client: Api, data: st.DataObject) -> None:
    roles = ["user", "assistant"] if client in (Api.GENERATE, Api.MESSAGES) else ["system", "user", "assistant"]
    shape = data.draw(st.lists(st.tuples(st.sampled_from(roles), st.integers(1, 3)), min_size=1, max_size=4))
    fields = data.draw(st.sampled_from(FORMS[client]))
    target = data.draw(st.sampled_from([each for each in TARGETS if each is not client]))
    asker = data.draw(st.sampled_from(TARGETS[target]))
    for _ in range(4):
        said = [(role, [data.draw(WORDS) for _ in range(count)]) for role, count in shape]
        body = body_of(client, fields, said)
        got = written(client, target, asker, body)
        request = FORMATS[client].read_request(json.loads(body), PATHS[client])
        anew = FORMATS[target].write_request(request, asker)
        losses = tuple(dict.fromkeys((*request.losses, *anew.losses)))
        expected = WrittenBody(encoded(anew.body), losses, request)
        assert (got.content, got.grave, got.names, got.stream) == (
            expected.content,
            expected.grave,
            expected.names,
            expected.stream,
        )


def test_the_third_request_of_a_form_is_not_read() -> None:
    asker = Asker("anthropic", model_of("claude-sonnet-4-5"))
    made = [
        written(Api.CHAT, Api.MESSAGES, asker, body_of(Api.CHAT, {"seed": 4711}, [("user", [text])]))
        for text in ("one", "two", 'three "3"')
    ]
    assert [len(each.request.turns) for each in made] == [1, 0, 0]
    assert json.loads(made[2].content)["messages"][0]["content"] == [{"type": "text", "text": 'three "3"'}]
    assert made[2].names == ("seed",)


def test_a_request_with_anything_but_texts_has_no_form() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    for messages in ([{"role": "user", "content": [image]}], [{"role": "user", "content": "hi", "name": "Ann"}], []):
        assert conversation_of(JsonBody.parse(json.dumps({"messages": messages}).encode())) is None


def test_messages_that_the_route_adds_are_never_left_out() -> None:
    body = JsonBody.parse(b'{"messages":[{"role":"user","content":"hi"}]}')
    assert conversation_of(body) is not None
    assert conversation_of(body.with_messages(before=b'{"role":"system","content":"Be brief."}')) is None


def test_no_more_forms_are_kept_than_there_may_be() -> None:
    known = KnownForms()
    keys = [("any", str(number).encode(), b"}", ("user",)) for number in range(2 * MOST_FORMS)]
    for key in keys:
        assert not known.is_wanted(key)
        assert known.is_wanted(key)
        known.add(key, None)
        assert not known.is_wanted(key)
    assert known.is_wanted(keys[-1]) is False
    assert not known.is_wanted(keys[0])
    assert known.is_wanted(keys[0])
