"""Neutral requests as bodies of Converse; botocore's model of the API judges each of them."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from bedrock_recordings import faults
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    Block,
    CacheMark,
    HostedTool,
    Json,
    Media,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from switchover_dataplane.translation.tool_forms import restored

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
CLAUDE_46 = "global.anthropic.claude-opus-4-6-v1"
CLAUDE_47 = "us.anthropic.claude-opus-4-7"
NOVA = "us.amazon.nova-2-lite-v1:0"
KIMI = "moonshot.kimi-k2-thinking"

PNG = base64.b64encode(b"\x89PNG").decode()
WEATHER = Tool("weather", "Tells it", {"type": "object", "properties": {"city": {"type": "string"}}}, path="tools[0]")
CALLED = (
    Turn("user", (Text("How is it?"),), "messages[0]"),
    Turn("assistant", (ToolCall("c1", "weather", '{"city":"Paris"}'),), "messages[1]"),
    Turn("user", (ToolResult("c1", (Text("warm"),)),), "messages[2]"),
)


def asked(*blocks: Block, model: str = CLAUDE, **fields: Any) -> Written:
    """A request of one turn of a user, written."""
    return written(Request(turns=(Turn("user", blocks or (Text("Hi"),), "messages[0]"),), **fields), model)


def written(request: Request, model: str = CLAUDE) -> Written:
    made = FORMAT.write_request(request, Asker("bedrock", model_of(model)))
    assert faults(made.body) == ""
    msgspec.json.encode(made.body)
    return made


def content(made: Written, number: int = 0) -> list[Any]:
    found: list[Any] = made.body["messages"][number]["content"]
    return found


def grave(made: Written) -> list[str]:
    return [loss.path for loss in made.losses if not loss.is_hint]


def hints(made: Written) -> list[str]:
    return [loss.path for loss in made.losses if loss.is_hint]


def test_a_text_is_a_message_and_nothing_else_is_written() -> None:
    made = asked(Text("Hi"))

    assert made == Written({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})


def test_prompts_before_the_conversation_are_system_blocks() -> None:
    made = written(
        Request(
            system=(Text("Be kind."),), turns=(Turn("developer", (Text("Be brief."),)), Turn("user", (Text("Hi"),)))
        )
    )

    assert made.body["system"] == [{"text": "Be kind."}, {"text": "Be brief."}]
    assert made.losses == ()


def test_a_prompt_within_the_conversation_is_said_as_the_users_and_named() -> None:
    made = written(Request(turns=(Turn("user", (Text("Hi"),)), Turn("system", (Text("Be kind."),), "messages[1]"))))

    assert content(made) == [{"text": "Hi"}, {"text": "<system>\nBe kind.\n</system>"}]
    assert hints(made) == ["messages[1]"]


def test_a_prompt_without_a_conversation_is_asked_as_the_users() -> None:
    made = written(Request(system=(Text("Be kind."), Text("Say hello.")), model="m"))

    assert made.body == {
        "system": [{"text": "Be kind."}],
        "messages": [{"role": "user", "content": [{"text": "Say hello."}]}],
    }
    assert hints(made) == ["system"]


def test_equal_neighbours_are_merged_and_results_come_first() -> None:
    made = written(
        Request(
            turns=(
                *CALLED[:2],
                Turn("user", (Text("And:"),)),
                Turn("user", (ToolResult("c1", (Text("warm"),), cache=CacheMark()),)),
            ),
            tools=(WEATHER,),
        )
    )

    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    assert [next(iter(block)) for block in content(made, 2)] == ["toolResult", "cachePoint", "text"]


def test_empty_text_is_left_out_and_so_is_a_turn_of_nothing_else() -> None:
    made = written(Request(turns=(Turn("user", (Text(""), Text("Hi"), Text(" \n"))), Turn("assistant", (Text(""),)))))

    assert made.body["messages"] == [{"role": "user", "content": [{"text": "Hi"}]}]


def test_a_conversation_that_an_assistant_begins_gets_a_line_of_a_user() -> None:
    made = written(Request(turns=(Turn("assistant", (Text("Hello!"),), "messages[0]"), Turn("user", (Text("Hi"),)))))

    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    assert hints(made) == ["messages[0]"]


def test_an_answer_to_continue_has_no_white_space_at_its_end_and_newer_models_do_not_continue_it() -> None:
    request = Request(turns=(Turn("user", (Text("Hi"),)), Turn("assistant", (Text("Well, \n"),), "messages[1]")))

    assert content(written(request), 1) == [{"text": "Well,"}]
    assert grave(written(request)) == []
    assert grave(written(request, CLAUDE_46)) == ["messages[1]"]


# ── Media ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("media_type", "form"),
    [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/GIF", "gif"), ("image/webp", "webp")],
)
def test_an_image_is_sent_as_base64(media_type: str, form: str) -> None:
    assert content(asked(Media("image", media_type, PNG))) == [{"image": {"format": form, "source": {"bytes": PNG}}}]


@pytest.mark.parametrize(
    "media",
    [
        Media("image", url="https://a.example/a.png"),
        Media("image", "image/tiff", PNG),
        Media("image", "image/png", "not base64!"),
        Media("image", "image/png"),
        Media("document", file_id="file-1"),
        Media("document", "application/zip", PNG),
        Media("audio", "audio/wav", PNG),
        Media("video", "video/mp4", PNG),
    ],
)
def test_media_that_cannot_be_carried_are_a_grave_loss(media: Media) -> None:
    made = asked(Text("See:"), media)

    assert grave(made) == ["messages[0]"]
    assert content(made) == [{"text": "See:"}]


def test_another_model_may_watch_and_listen() -> None:
    made = asked(Media("video", "video/mp4", PNG), Media("audio", "audio/mp3", PNG), model=NOVA)

    assert [next(iter(block.values()))["format"] for block in content(made)] == ["mp4", "mp3"]
    assert made.losses == ()


def test_an_image_of_an_assistant_is_a_grave_loss() -> None:
    image = Media("image", "image/png", PNG)
    turns = (Turn("user", (Text("Hi"),)), Turn("assistant", (image, Text("this")), "messages[1]"), *CALLED[:1])

    assert grave(written(Request(turns=turns))) == ["messages[1]"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report"),
        ("Q3  report (final) [2].pdf", "Q3 report (final) [2]"),
        ("über_uns.pdf", "ber-uns"),
        ("a.b.pdf", "a-b"),
        ("", "Document"),
        ("日本.pdf", "Document"),
        ("x" * 300, "x" * 192),
    ],
)
def test_the_name_of_a_document_fits(given: str, name: str) -> None:
    block = content(asked(Text("See:"), Media("document", "application/pdf", PNG, name=given)))[1]

    assert block["document"] == {"format": "pdf", "name": name, "source": {"bytes": PNG}}


def test_two_documents_have_two_names_and_a_text_stands_beside_them() -> None:
    document = Media("document", "application/pdf", PNG, name="a.pdf")

    made = asked(document, document)

    assert [block["document"]["name"] for block in content(made)[:2]] == ["a", "a 2"]
    assert "text" in content(made)[2]


def test_the_type_of_a_document_may_be_in_its_name_and_a_text_is_sent_as_bytes() -> None:
    made = asked(
        Text("See:"),
        Media("document", "application/octet-stream", PNG, name="a.docx"),
        Media("document", "text/plain", text="words"),
        Media("document", "text/x-python", text="print()"),
    )

    assert [block["document"]["format"] for block in content(made)[1:]] == ["docx", "txt", "txt"]
    assert base64.b64decode(content(made)[2]["document"]["source"]["bytes"]) == b"words"


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def config(made: Written) -> Mapping[str, Json]:
    found: Mapping[str, Json] = made.body["toolConfig"]
    return found


def test_a_tool_is_written() -> None:
    spec = {"name": "weather", "description": "Tells it", "inputSchema": {"json": WEATHER.schema}}

    assert config(asked(tools=(WEATHER,))) == {"tools": [{"toolSpec": spec}]}


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("any"), {"any": {}}),
        (ToolChoice("tool", "weather"), {"tool": {"name": "weather"}}),
    ],
)
def test_a_choice_of_tools_is_written(choice: ToolChoice, chosen: Json) -> None:
    assert config(asked(tools=(WEATHER,), tool_choice=choice))["toolChoice"] == chosen


def test_without_any_tool_chosen_the_tools_are_left_out_where_no_history_has_calls() -> None:
    made = asked(tools=(WEATHER,), tool_choice=ToolChoice("none"))

    assert "toolConfig" not in made.body
    assert made.losses == ()
    after_calls = written(Request(turns=CALLED, tools=(WEATHER,), tool_choice=ToolChoice("none")))
    assert grave(after_calls) == ["tool_choice"]
    assert "toolChoice" not in config(after_calls)


def test_only_the_allowed_tools_are_sent() -> None:
    choice = ToolChoice("any", allowed=("b",))

    made = asked(tools=(WEATHER, Tool("b")), tool_choice=choice)

    assert [tool["toolSpec"]["name"] for tool in config(made)["tools"]] == ["b"]
    assert config(made)["toolChoice"] == {"any": {}}


def test_the_tools_that_the_history_names_are_sent_where_the_request_has_none() -> None:
    [tool] = config(written(Request(turns=CALLED)))["tools"]

    assert tool["toolSpec"]["name"] == "weather"


def test_a_call_and_its_result_have_one_id_that_fits() -> None:
    turns = (
        CALLED[0],
        Turn("assistant", (ToolCall("an id of/another kind", "weather"), ToolCall("", "weather"))),
        Turn("user", (ToolResult("an id of/another kind", ()), ToolResult("", (), is_error=True, name="weather"))),
    )

    made = written(Request(turns=turns, tools=(WEATHER,)))

    calls = [block["toolUse"]["toolUseId"] for block in content(made, 1)]
    results = [block["toolResult"] for block in content(made, 2)]
    assert calls == [result["toolUseId"] for result in results]
    assert len(set(calls)) == 2
    assert [result["status"] for result in results] == ["success", "error"]
    assert all(result["content"] for result in results)


@pytest.mark.parametrize(
    ("arguments", "sent"), [('{"a":1}', {"a": 1}), ("", {}), ("[1]", {"input": [1]}), ("no json", {"input": "no json"})]
)
def test_the_arguments_of_a_call_are_an_object(arguments: str, sent: Json) -> None:
    turns = (CALLED[0], Turn("assistant", (ToolCall("c1", "weather", arguments),)), CALLED[2])

    assert content(written(Request(turns=turns)), 1)[0]["toolUse"]["input"] == sent


def test_an_image_in_a_result_is_sent_in_it() -> None:
    result = ToolResult("c1", (Text("see"), Media("image", "image/png", PNG)))

    made = written(Request(turns=(*CALLED[:2], Turn("user", (result,)))))

    assert content(made, 2)[0]["toolResult"]["content"][1] == {"image": {"format": "png", "source": {"bytes": PNG}}}


def test_names_of_tools_fit_and_are_the_same_in_definition_call_and_choice() -> None:
    long = "n" * 80
    tools = (Tool("read", namespace="files"), Tool("read", namespace="mail"), Tool("read"), Tool("a.b"), Tool(long))
    calls = tuple(ToolCall(f"c{number}", each.name, namespace=each.namespace) for number, each in enumerate(tools))
    turns = (CALLED[0], Turn("assistant", calls), Turn("user", tuple(ToolResult(call.id) for call in calls)))

    made = written(Request(turns=turns, tools=tools, tool_choice=ToolChoice("tool", long)))

    names = [tool["toolSpec"]["name"] for tool in config(made)["tools"]]
    assert names[:3] == ["files__read", "mail__read", "read"]
    assert len(set(names)) == len(names)
    assert names == [block["toolUse"]["name"] for block in content(made, 1)]
    assert config(made)["toolChoice"] == {"tool": {"name": names[-1]}}


@pytest.mark.parametrize("name", ["read", "files__read"])
def test_a_tool_of_a_namespace_is_forced_by_its_own_name_or_the_flat_one(name: str) -> None:
    made = asked(tools=(WEATHER, Tool("read", namespace="files")), tool_choice=ToolChoice("tool", name))

    assert config(made)["toolChoice"] == {"tool": {"name": "files__read"}}


def test_a_call_in_the_answer_is_found_again_as_the_clients_own_tool() -> None:
    tools = (Tool("read", namespace="files"), Tool("run", is_custom=True), Tool("n" * 80), Tool("9 lives"))
    request = Request(tools=tools, turns=(Turn("user", (Text("Hi"),)),))
    names = [tool["toolSpec"]["name"] for tool in config(written(request))["tools"]]
    uses = [{"toolUse": {"toolUseId": name[:9], "name": name, "input": {"input": "ls"}}} for name in names]
    document = {"output": {"message": {"content": uses}}, "stopReason": "tool_use"}

    calls = restored(request, FORMAT.read_answer(document)).blocks

    found = [(call.name, call.namespace, call.is_custom) for call in calls if isinstance(call, ToolCall)]
    assert found == [(tool.name, tool.namespace, tool.is_custom) for tool in tools]
    assert isinstance(calls[1], ToolCall)
    assert calls[1].arguments == "ls"


def test_a_custom_tool_takes_one_text() -> None:
    tool = Tool("run", is_custom=True, path="tools[0]")
    call = Turn("assistant", (ToolCall("c1", "run", "ls -l", is_custom=True),))

    made = written(Request(turns=(CALLED[0], call, CALLED[2]), tools=(tool,)))

    assert config(made)["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"] == ["input"]
    assert content(made, 1)[0]["toolUse"]["input"] == {"input": "ls -l"}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    limited = asked(tools=(Tool("run", is_custom=True, grammar=grammar, path="tools[0]"),))
    assert "start: WORD" in str(config(limited))
    assert hints(limited) == ["tools[0]"]


def test_a_strict_tool_is_strict_where_its_schema_binds() -> None:
    closed = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    strict = Tool("t", schema=closed, strict=True, path="tools[0]")
    limited = Tool("t", schema={**closed, "properties": {"a": {"type": "string", "minLength": 3}}}, strict=True)

    spec = config(asked(tools=(strict,)))["tools"][0]["toolSpec"]

    assert spec["strict"] is True
    assert spec["inputSchema"]["json"]["additionalProperties"] is False
    assert hints(asked(tools=(limited,))) == ["tools"]
    assert "minLength" not in str(config(asked(tools=(limited,))))
    for model in (NOVA, OLD_CLAUDE):
        made = asked(tools=(strict,), model=model)
        assert "strict" not in config(made)["tools"][0]["toolSpec"]
        assert hints(made) == ["tools[0]"]


def test_a_choice_of_schemas_at_the_top_becomes_all_of_their_fields() -> None:
    variants = [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "number"}}}]

    made = asked(tools=(Tool("t", schema={"anyOf": variants}, path="tools[0]"),))

    assert config(made)["tools"][0]["toolSpec"]["inputSchema"]["json"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
    }
    assert hints(made) == ["tools[0]"]


def test_a_hosted_tool_is_a_hint_beside_tools_of_the_clients_own() -> None:
    hosted = (HostedTool("web_search", "tools[0]"),)

    assert grave(asked(hosted_tools=hosted)) == ["tools[0]"]
    assert hints(asked(hosted_tools=hosted, tools=(WEATHER,))) == ["tools[0]"]


@pytest.mark.parametrize("choice", [ToolChoice("any"), ToolChoice("tool", "t"), ToolChoice("any", allowed=("other",))])
def test_a_tool_that_is_forced_and_not_there_is_a_grave_loss(choice: ToolChoice) -> None:
    tools = (WEATHER,) if choice.allowed else ()

    made = asked(tools=tools, tool_choice=choice)

    assert grave(made) == ["tool_choice"]
    assert "toolConfig" not in made.body


def test_one_call_at_a_time_and_a_hosted_tool_that_is_forced_are_grave_losses() -> None:
    assert grave(asked(tools=(WEATHER,), parallel=False)) == ["parallel_tool_calls"]
    assert grave(asked(parallel=False)) == []
    assert grave(asked(tools=(WEATHER,), tool_choice=ToolChoice("tool", is_hosted=True))) == ["tool_choice"]


# ── Reasoning of the past, and caching ──────────────────────────────────────────────────────────────────────────────


def test_claude_gets_its_own_reasoning_back_and_no_other() -> None:
    thoughts = (
        Thinking("Hm.", "claude", "sig"),
        Thinking("", "claude", "Eu8E", is_redacted=True),
        Thinking("x", "openai", "blob"),
        Thinking("y", "claude"),
        Refusal("No."),
    )
    request = Request(turns=(CALLED[0], Turn("assistant", thoughts, "messages[1]"), CALLED[0]))

    made = written(request)

    assert content(made, 1) == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "RXU4RQ=="}},
        {"text": "No."},
    ]
    assert hints(made) == ["messages[1]"] * 2
    assert content(written(request, KIMI), 1) == [{"text": "No."}]


def test_a_cache_point_follows_what_is_cached_and_lasts_an_hour_where_it_can() -> None:
    request = Request(
        system=(Text("Be kind.", CacheMark("5m")),),
        turns=(Turn("user", (Text("Long", CacheMark("1h")), Text("Hi")), "messages[0]"),),
        tools=(Tool("t", cache=CacheMark()),),
    )

    made = written(request)

    assert made.body["system"] == [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}]
    assert content(made)[1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert config(made)["tools"][1] == {"cachePoint": {"type": "default"}}
    assert content(written(request, OLD_CLAUDE))[1] == {"cachePoint": {"type": "default"}}
    assert "cachePoint" not in str(written(request, KIMI).body)


def test_of_more_than_four_cache_points_the_last_ones_stay() -> None:
    texts = tuple(Text(str(number), CacheMark()) for number in range(4))

    made = written(Request(system=(Text("Be kind.", CacheMark()),), turns=(Turn("user", texts),)))

    assert made.body["system"] == [{"text": "Be kind."}]
    assert [next(iter(block)) for block in content(made)] == ["text", "cachePoint"] * 4
    assert hints(made) == ["cache_control"]
