"""Bodies of Converse as neutral requests: what is read, what is refused, and what a recording loses on its way."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import RECORDINGS, decoded, faults, files
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Asker
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    CacheMark,
    HostedTool,
    Json,
    Media,
    Reasoning,
    Request,
    Text,
    ToolResult,
    Turn,
)

PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"


def read(path: str = PATH, **body: Json) -> Request:
    return FORMAT.read_request(body, path)


def block(content: Json) -> Any:
    [found] = read(messages=[{"role": "user", "content": [content]}]).turns[0].blocks
    return found


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        (PATH, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("/model/amazon.nova-micro-v1:0/converse-stream", "amazon.nova-micro-v1:0", True),
        ("/prefix/model/arn%3Aaws%3Abedrock%3Aus%3A1%3Ax%2Fabc/converse?a=b", "arn:aws:bedrock:us:1:x/abc", False),
    ],
)
def test_the_path_names_the_model_and_tells_a_stream(path: str, model: str, stream: bool) -> None:
    request = read(path)

    assert (request.model, request.stream) == (model, stream)


def test_settings_are_read() -> None:
    request = read(
        inferenceConfig={"maxTokens": 5, "temperature": 0.5, "topP": 1, "stopSequences": ["END"]},
        additionalModelRequestFields={"top_k": 3, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        outputConfig={
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}'}}}
        },
        requestMetadata={"a": "b"},
        serviceTier={"type": "flex"},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )

    assert (request.max_tokens, request.temperature, request.top_p, request.top_k) == (5, 0.5, 1, 3)
    assert request.stop == ("END",)
    assert request.reasoning == Reasoning(budget=2000)
    assert request.schema == AnswerSchema({"type": "object"})
    assert (request.metadata, request.service_tier) == ({"a": "b"}, "flex")
    assert request.losses == ()


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning("high", is_adaptive=True, shows=False)),
        ({"thinking": {"type": "disabled"}}, Reasoning("none", 0)),
        ({"thinking": {"type": "adaptive"}}, Reasoning("high", is_adaptive=True)),
        ({"thinking": {"type": "enabled"}}, Reasoning("high", -1)),
        ({}, Reasoning("high")),
    ],
)
def test_how_much_to_think_is_read(fields: Json, reasoning: Reasoning) -> None:
    assert read(additionalModelRequestFields=fields, outputConfig={"effort": "high"}).reasoning == reasoning


def test_a_cache_point_marks_what_stands_before_it() -> None:
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    request = read(
        system=[{"text": "a"}, point],
        messages=[{"role": "user", "content": [point, {"text": "b"}, point]}],
        toolConfig={"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}, point]},
    )

    assert request.system == (Text("a", CacheMark("1h")),)
    assert request.turns[0].blocks == (Text("b", CacheMark("1h")),)
    assert request.tools[0].cache == CacheMark("1h")
    assert [loss.path for loss in request.losses] == ["messages[0].content[0]"]
    assert request.losses[0].is_hint


def test_media_are_read() -> None:
    source = {"bytes": "AAAA"}

    assert block({"image": {"format": "png", "source": source}}) == Media("image", "image/png", "AAAA")
    assert block({"document": {"format": "md", "name": "N", "source": {"text": "t"}}}) == Media(
        "document", "text/markdown", name="N", text="t"
    )
    assert block({"video": {"format": "mpg", "source": source}}).media_type == "video/mpeg"
    assert block({"audio": {"format": "mp4", "source": source}}).media_type == "audio/mp4"


def test_results_are_read_and_come_first() -> None:
    result = {"toolUseId": "c", "content": [{"json": {"a": 1}}, {"text": "b"}], "status": "error"}
    [turn] = read(messages=[{"role": "user", "content": [{"text": "x"}, {"toolResult": result}]}]).turns

    assert turn == Turn(
        "user", (ToolResult("c", (Text('{"a":1}'), Text("b")), is_error=True), Text("x")), "messages[0]"
    )


def test_a_tool_of_the_provider_is_a_hosted_one() -> None:
    request = read(toolConfig={"tools": [{"systemTool": {"name": "nova_grounding"}}]})

    assert request.hosted_tools == (HostedTool("nova_grounding", "toolConfig.tools[0]"),)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"guardContent": {"text": {"text": "a"}}}, "messages[0].content[0]"),
        ({"searchResult": {}}, "messages[0].content[0]"),
        ({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}, "messages[0].content[0].image"),
        ({"reasoningContent": {"redactedContent": "no base64!"}}, "messages[0].content[0].reasoningContent"),
        ({"toolUse": {"type": "server_tool_use"}}, "messages[0].content[0].toolUse"),
    ],
)
def test_a_block_that_no_other_api_has_is_a_grave_loss(content: Json, path: str) -> None:
    request = read(messages=[{"role": "user", "content": [content, {"text": "b"}]}])

    assert request.turns[0].blocks == (Text("b"),)
    assert [loss.path.startswith(path) and not loss.is_hint for loss in request.losses] == [True]


def test_a_field_of_tomorrow_in_any_part_is_a_grave_loss() -> None:
    request = read(
        messages=[{"role": "user", "content": [{"text": "a"}], "tomorrow": 1}],
        inferenceConfig={"tomorrow": 1},
        toolConfig={"tools": [{"toolSpec": {"name": "t", "tomorrow": 1}}], "tomorrow": 1},
        outputConfig={"tomorrow": 1},
    )

    assert sorted(loss.path for loss in request.losses if not loss.is_hint) == [
        "inferenceConfig.tomorrow",
        "messages[0].tomorrow",
        "outputConfig.tomorrow",
        "toolConfig.tomorrow",
        "toolConfig.tools[0].toolSpec.tomorrow",
    ]


@pytest.mark.parametrize("name", ["guardrailConfig", "promptVariables", "aFieldOfTomorrow"])
def test_a_field_that_no_other_api_has_is_a_grave_loss(name: str) -> None:
    assert [(loss.path, loss.is_hint) for loss in FORMAT.read_request({name: {}}, PATH).losses] == [(name, False)]


def test_a_field_of_one_model_is_a_grave_loss() -> None:
    [loss] = read(additionalModelRequestFields={"inferenceConfig": {"topK": 1}}).losses

    assert loss.path == "additionalModelRequestFields.inferenceConfig"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": {}}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role"),
        ({"messages": [{"content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"toolUse": {}}]}]}, "messages[0].content[0].toolUse.toolUseId"),
        ({"messages": [{"role": "user", "content": [{"image": {}}]}]}, "messages[0].content[0].image.source"),
        ({"system": "Be kind."}, "system"),
        ({"inferenceConfig": {"maxTokens": 1.5}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"maxTokens": True}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"temperature": "hot"}}, "inferenceConfig.temperature"),
        ({"inferenceConfig": {"stopSequences": [1]}}, "inferenceConfig.stopSequences"),
        ({"toolConfig": {"tools": [{"toolSpec": {}}]}}, "toolConfig.tools[0].toolSpec.name"),
        ({"toolConfig": {"toolChoice": {"tool": {}}}}, "toolConfig.toolChoice.tool.name"),
        (
            {"additionalModelRequestFields": {"thinking": {"type": "a lot"}}},
            "additionalModelRequestFields.thinking.type",
        ),
    ],
)
def test_a_field_of_another_type_is_named(body: Any, path: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(**body)

    assert refused.value.path == path
    assert str(refused.value).startswith("must be ")


def test_a_schema_that_is_no_json_is_named() -> None:
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": "secret"}}}

    with pytest.raises(BadRequest) as refused:
        read(outputConfig={"textFormat": form})

    assert refused.value.path.endswith(".schema")
    assert "secret" not in str(refused.value)


NAMES = st.sampled_from(
    (
        *("messages", "role", "content", "text", "user", "system", "toolConfig", "tools", "toolSpec", "name", "image"),
        *("toolUse", "toolResult", "source", "bytes", "cachePoint", "reasoningContent", "outputConfig", "textFormat"),
        *("inferenceConfig", "additionalModelRequestFields", "thinking", "structure", "jsonSchema", "document"),
    )
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_json_is_read_or_refused_by_name(body: dict[str, Json]) -> None:
    try:
        request = FORMAT.read_request(body, PATH)
    except BadRequest:
        return
    made = FORMAT.write_request(request, Asker("bedrock", model_of(request.model)))
    assert faults(made.body) == ""


# ── Recordings ──────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def paths() -> dict[str, str]:
    lines = (RECORDINGS / "index.jsonl").read_bytes().splitlines()
    return {name: case["path"] or "" for case in map(msgspec.json.decode, lines) for name in case["files"]}


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Each value of a body with its path; an object without fields is a value only where it says something."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    elif value not in ({}, []) or "toolChoice" in path:
        yield path, msgspec.json.decode(value) if path.endswith("jsonSchema.schema") else value


@pytest.mark.parametrize("path", files("converse/*.request.json"))
def test_every_recorded_request_keeps_all_that_no_loss_names(path: Path) -> None:
    body = decoded(path)
    request = FORMAT.read_request(body, paths()[path.name])

    made = FORMAT.write_request(request, Asker("bedrock", model_of(request.model)))

    assert faults(made.body) == ""
    lost = [loss.path for loss in (*request.losses, *made.losses)]
    kept = dict(leaves(made.body))
    missing = [at for at, value in leaves(body) if kept.get(at) != value and at not in ("messages[0].role",)]
    for at in missing:
        assert any(at.startswith(each.removesuffix(".source")) for each in lost), at
    assert bool(missing) == bool(lost)
