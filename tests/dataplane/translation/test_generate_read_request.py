"""What a body of generateContent becomes in the neutral form."""

from typing import Any

import pytest

from switchover_dataplane.translation.generate import FORMAT
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    HostedTool,
    Media,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from translated import graves, hints

PATH = "/v1beta/models/gemini-2.5-pro:generateContent"
HI = [{"role": "user", "parts": [{"text": "hi"}]}]


def read(path: str = PATH, **fields: Any) -> Request:
    return FORMAT.read_request({"contents": HI, **fields}, path)


def config(**fields: Any) -> Request:
    return read(generationConfig=fields)


CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}


def blocks(*parts: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return read(contents=[CALL, {"role": role, "parts": list(parts)}]).turns[1].blocks


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        (PATH, "gemini-2.5-pro", False),
        ("/v1/models/gemini-3-flash:streamGenerateContent?alt=sse", "gemini-3-flash", True),
        (
            "/v1/projects/p/locations/us/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
            "gemini-2.5-pro",
            True,
        ),
        ("/v1beta/models/openai%2Fgpt-5:generateContent", "openai/gpt-5", False),
        ("/v1beta/tunedModels/mine:generateContent", "mine", False),
        ("/elsewhere", "", False),
    ],
)
def test_the_model_and_whether_it_streams_are_in_the_path(path: str, model: str, stream: bool) -> None:
    request = read(path)
    assert (request.model, request.stream) == (model, stream)


def test_the_plain_fields_of_a_request_are_read() -> None:
    request = read(
        systemInstruction={"parts": [{"text": "be brief"}]},
        generationConfig={
            "maxOutputTokens": 100,
            "temperature": 1.5,
            "topP": 0.9,
            "topK": 40,
            "stopSequences": ["END"],
            "seed": 7,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
            "responseModalities": ["TEXT"],
        },
    )
    assert request.system == (Text("be brief"),)
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k) == (100, 1.5, 0.9, 40)
    assert (request.stop, request.seed, request.n, request.logprobs) == (("END",), 7, 2, 3)
    assert (request.presence_penalty, request.frequency_penalty) == (0.1, 0.2)
    assert request.wants_usage
    assert request.losses == ()


def test_names_in_snake_case_and_lists_of_one_without_brackets_say_the_same() -> None:
    request = FORMAT.read_request(
        {
            "contents": {"role": "USER", "parts": {"inline_data": {"mime_type": "image/png", "data": "aGVsbG8="}}},
            "system_instruction": {"parts": {"text": "s"}},
            "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 0}},
            "tools": {"function_declarations": {"name": "a", "parameters": {"type": "OBJECT", "any_of": []}}},
            "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": "a"}},
        },
        PATH,
    )
    assert request.turns[0].blocks == (Media("image", media_type="image/png", data="aGVsbG8="),)
    assert request.system == (Text("s"),)
    assert (request.max_tokens, request.reasoning) == (5, Reasoning(budget=0))
    assert request.tools[0].schema == {"type": "object", "anyOf": []}
    assert request.tool_choice == ToolChoice("tool", "a")


def test_the_clients_own_values_keep_their_names() -> None:
    call = {"function_call": {"name": "f", "args": {"snake_case": 1}}}
    assert blocks(call, role="model") == (ToolCall("", "f", '{"snake_case":1}'),)
    tool = {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"properties": {"a_b": {}}}}]}
    assert read(tools=[tool]).tools[0].schema == {"properties": {"a_b": {}}}


def test_reasoning_and_signatures_are_read_beside_texts_and_calls() -> None:
    parts = (
        {"text": "hm", "thought": True},
        {"text": "so", "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "1", "name": "f"}, "thoughtSignature": "Y2FsbA=="},
        {"text": ""},
    )
    assert blocks(*parts, role="model") == (
        Thinking("hm", "gemini"),
        Text("so"),
        Thinking("", "gemini", "c2ln"),
        ToolCall("1", "f", "{}", signature="Y2FsbA=="),
    )


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "42"}, "42", False),
        ({"output": {"a": 1}}, '{"a":1}', False),
        ({"error": "gone"}, "gone", True),
        ({"a": 1, "error": "x"}, '{"a":1,"error":"x"}', False),
        ({}, "{}", False),
    ],
)
def test_a_result_is_a_text_with_or_without_an_error(response: Any, text: str, is_error: bool) -> None:
    part = {"functionResponse": {"name": "f", "response": response}}
    assert blocks({"text": "and"}, part) == (ToolResult("", (Text(text),), is_error, "f"), Text("and"))


def test_a_result_keeps_its_images() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8"}}
    part = {"functionResponse": {"id": "1", "name": "f", "response": {"output": "see"}, "parts": [image]}}
    media = Media("image", media_type="image/png", data="aGVsbG8=")
    assert blocks(part) == (ToolResult("1", (Text("see"), media), name="f"),)


@pytest.mark.parametrize(
    ("file", "media"),
    [
        (
            {"fileUri": "https://a.example/b.png", "mimeType": "image/png"},
            Media("image", media_type="image/png", url="https://a.example/b.png"),
        ),
        (
            {"fileUri": "gs://b/c.pdf", "mimeType": "application/pdf"},
            Media("document", "application/pdf", file_id="gs://b/c.pdf"),
        ),
        ({"fileUri": "https://youtu.be/x"}, Media("video", url="https://youtu.be/x")),
    ],
)
def test_files_are_read_by_who_can_fetch_them(file: dict[str, str], media: Media) -> None:
    assert blocks({"fileData": file}) == (media,)


def test_tools_in_the_open_api_style_have_a_json_schema() -> None:
    parameters = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "nullable": True, "enum": ["a"]},
            "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
        },
        "required": ["list"],
        "propertyOrdering": ["type", "list"],
    }
    tool = {"functionDeclarations": [{"name": "f", "description": "d", "parameters": parameters}]}
    assert read(tools=[tool]).tools == (
        Tool(
            "f",
            "d",
            {
                "type": "object",
                "properties": {
                    "type": {"type": ["string", "null"], "enum": ["a", None]},
                    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
                },
                "required": ["list"],
            },
            path="tools[0].functionDeclarations[0]",
        ),
    )


def test_every_other_tool_is_one_that_google_runs() -> None:
    request = read(tools=[{"googleSearch": {}}, {"code_execution": {}}, {"tomorrow": {}}])
    assert request.hosted_tools == (
        HostedTool("googleSearch", "tools[0].googleSearch"),
        HostedTool("codeExecution", "tools[1].codeExecution"),
        HostedTool("tomorrow", "tools[2].tomorrow"),
    )


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({}, None),
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}, ToolChoice("auto", allowed=("a",))),
        ({"mode": "ANY"}, ToolChoice("any")),
        ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, ToolChoice("any", allowed=("a", "b"))),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, ToolChoice("tool", "a")),
        ({"mode": "NONE"}, ToolChoice("none")),
    ],
)
def test_the_choice_of_tools_is_read(calling: dict[str, Any], choice: ToolChoice | None) -> None:
    assert read(toolConfig={"functionCallingConfig": calling}).tool_choice == choice


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"thinkingBudget": 1024}, Reasoning(budget=1024)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(budget=-1, shows=True)),
        ({"thinkingLevel": "HIGH"}, Reasoning("high")),
        ({"includeThoughts": True}, Reasoning(budget=-1, shows=True)),
        ({}, None),
    ],
)
def test_how_much_the_model_is_to_think_is_read(thinking: Any, reasoning: Reasoning | None) -> None:
    assert config(thinkingConfig=thinking).reasoning == reasoning


def test_the_form_of_the_answer_is_read_with_the_type_of_json_alone() -> None:
    mime = {"responseMimeType": "application/json"}
    assert config(**mime).schema == AnswerSchema()
    assert config(**mime, responseSchema={"type": "STRING"}).schema == AnswerSchema({"type": "string"}, strict=True)
    expected = AnswerSchema({"type": "object"}, strict=True)
    assert config(**mime, responseJsonSchema={"type": "object"}).schema == expected
    assert config(responseMimeType="text/plain").schema is None
    assert graves(config(responseMimeType="text/x.enum").losses) == ["generationConfig.responseMimeType"]


def test_what_changes_the_answer_is_grave_and_all_else_is_a_hint() -> None:
    request = read(
        cachedContent="c",
        safetySettings=[{}],
        labels={"a": "b"},
        tomorrow=1,
        generationConfig={"responseModalities": ["TEXT", "IMAGE"], "speechConfig": {}, "mediaResolution": "LOW"},
        contents=[{"parts": [{"executableCode": {}}, {"text": "a", "videoMetadata": {}}]}],
    )
    assert graves(request.losses) == [
        "generationConfig.responseModalities",
        "generationConfig.speechConfig",
        "contents[0].parts[0]",
        "cachedContent",
    ]
    assert hints(request.losses) == [
        "generationConfig.mediaResolution",
        "contents[0].parts[1].videoMetadata",
        "safetySettings",
        "labels",
        "tomorrow",
    ]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"contents": None}, "contents"),
        ({"contents": "hi"}, "contents[0]"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": ["hi"]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"data": "!"}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"generationConfig": {"maxOutputTokens": "5"}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences[0]"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "toolConfig.functionCallingConfig.mode"),
        ({"systemInstruction": "s"}, "systemInstruction"),
    ],
)
def test_a_body_that_is_none_of_this_api_names_the_field(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(**fields)
    assert caught.value.path == path


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    block: dict[str, Any] = {"text": "a", "type": "text"}
    for _ in range(300):
        block = {"functionResponse": {"name": "f", "parts": [block]}}
    with pytest.raises(BadRequest, match="nested too deeply"):
        read(contents=[{"parts": [block]}])


@pytest.mark.parametrize(
    ("call_id", "result_id", "name", "is_taken"),
    [("1", "1", "f", True), ("", "1", "f", True), ("1", "", "f", True), ("1", "2", "f", False), ("", "", "g", False)],
)
def test_a_result_is_taken_with_its_call_before_it_alone(
    call_id: str, result_id: str, name: str, is_taken: bool
) -> None:
    call = {"name": "f", "args": {}, **({"id": call_id} if call_id else {})}
    result = {"name": name, "response": {}, **({"id": result_id} if result_id else {})}
    contents = [{"role": "model", "parts": [{"functionCall": call}]}]
    contents.append({"role": "user", "parts": [{"functionResponse": result}]})
    if is_taken:
        assert read(contents=contents).turns[1].blocks
        return
    with pytest.raises(BadRequest, match="without its call before it") as refused:
        read(contents=contents)
    assert refused.value.path == "contents[1]"
