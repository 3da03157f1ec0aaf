"""What a request may ask for, one thing at a time: the rows of docs/reference/formats.md.

No row says what becomes of it. The fields of clients' bodies are those of OpenAI's, Anthropic's and Google's API
references.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    Block,
    CacheMark,
    HostedTool,
    Media,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

_ID: Final = "abcDEF123"
"""Every API takes it as the id of a call."""
_IMAGE: Final = Media("image", media_type="image/png", data="aGk=")
_SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_TOOL: Final = Tool("weather", "The weather of a city.", _SCHEMA)


class Feature(NamedTuple):
    """A thing that `request` asks for and `without` does not."""

    name: str
    request: Request
    without: Request


def _turn(role: Role, *blocks: Block, name: str = "") -> Turn:
    return Turn(role, blocks, "messages", name)


_QUESTION: Final = _turn("user", Text("How is Paris?"))
_PLAIN: Final = Request(model="mine", turns=(_QUESTION,))
_WITH_TOOL: Final = replace(_PLAIN, tools=(_TOOL,))


def _asking(name: str, without: Request = _PLAIN, /, **fields: Any) -> Feature:
    return Feature(name, replace(without, **fields), without)


def _saying(name: str, *turns: Turn) -> Feature:
    return _asking(name, turns=turns)


def _seen(media: Media) -> Request:
    return replace(_PLAIN, turns=(_turn("user", Text("What is this?"), media),))


def _seeing(name: str, media: Media) -> Feature:
    return Feature(name, _seen(media), _PLAIN)


def _answered(name: str, result: ToolResult, call: ToolCall | None = None) -> Feature:
    """A conversation with the result of a tool, beside the same one with a plain result."""
    made = call or ToolCall(_ID, "weather", '{"city":"Paris"}')
    turns = (_QUESTION, _turn("assistant", made), _turn("user", result))
    without = replace(result, parts=(Text("sun"),), is_error=False)
    plain = (_QUESTION, _turn("assistant", replace(made, signature="")), _turn("user", without))
    return Feature(name, replace(_WITH_TOOL, turns=turns), replace(_WITH_TOOL, turns=plain))


def _thought(name: str, thinking: Thinking) -> Feature:
    turns = (_QUESTION, _turn("assistant", thinking, Text("Sunny.")), _turn("user", Text("And Rome?")))
    without = (_QUESTION, _turn("assistant", Text("Sunny.")), _turn("user", Text("And Rome?")))
    return Feature(name, replace(_PLAIN, turns=turns), replace(_PLAIN, turns=without))


_CONVERSATION: Final = (
    _asking("system prompt", system=(Text("Be brief."),)),
    _saying(
        "system prompt within the conversation",
        _QUESTION,
        _turn("assistant", Text("Sunny.")),
        _turn("user", Text("And Rome?")),
        _turn("system", Text("Be brief.")),
    ),
    _saying("name of a participant", _turn("user", Text("How is Paris?"), name="Ann")),
    _saying("beginning of the answer, as last message", _QUESTION, _turn("assistant", Text("In Paris it is"))),
    _seeing("image, inline", _IMAGE),
    _seeing("image by URL", Media("image", url="https://example.com/a.png")),
    Feature("detail of an image", _seen(replace(_IMAGE, detail="high")), _seen(_IMAGE)),
    _seeing("document (PDF), inline", Media("document", media_type="application/pdf", data="aGk=", name="a.pdf")),
    _seeing("document as plain text", Media("document", media_type="text/plain", text="Hi", name="a.txt")),
    _seeing("file by id", Media("document", media_type="application/pdf", file_id="file-1")),
    _seeing("audio, inline", Media("audio", media_type="audio/wav", data="aGk=")),
    _seeing("video, inline", Media("video", media_type="video/mp4", data="aGk=")),
    _thought("reasoning of Claude, with its signature", Thinking("Hm.", "claude", "c2ln")),
    _thought("reasoning of Gemini, with its signature", Thinking("Hm.", "gemini", "c2ln")),
    _thought("reasoning of OpenAI, encrypted", Thinking("", "openai", "c2ln", is_redacted=True, id="rs_1")),
    _thought("reasoning of another maker", Thinking("Hm.", "other")),
    _asking("cache mark", turns=(_turn("user", Text("How is Paris?", CacheMark())),)),
)
_TOOLS: Final = (
    _asking("tool", tools=(_TOOL,)),
    _asking("strict tool", _WITH_TOOL, tools=(replace(_TOOL, strict=True),)),
    _asking("custom tool (any text)", tools=(Tool("patch", "Patches.", is_custom=True),)),
    _asking("tool in a namespace", tools=(replace(_TOOL, namespace="sky"),)),
    _asking("hosted tool, offered beside a tool", _WITH_TOOL, hosted_tools=(HostedTool("web_search", "tools[1]"),)),
    _asking("hosted tool alone", hosted_tools=(HostedTool("web_search", "tools[0]"),)),
    _asking(
        "hosted tool, forced",
        _WITH_TOOL,
        hosted_tools=(HostedTool("web_search", "tools[1]"),),
        tool_choice=ToolChoice("tool", "web_search", is_hosted=True),
    ),
    _asking("forced tool", _WITH_TOOL, tool_choice=ToolChoice("tool", "weather")),
    _asking("any tool forced", _WITH_TOOL, tool_choice=ToolChoice("any")),
    _asking("tool choice none", _WITH_TOOL, tool_choice=ToolChoice("none")),
    _asking(
        "only some tools allowed",
        replace(_WITH_TOOL, tools=(_TOOL, replace(_TOOL, name="news"))),
        tool_choice=ToolChoice("auto", allowed=("weather",)),
    ),
    _asking("parallel tools off", _WITH_TOOL, parallel=False),
    _answered("result of a tool with an image", ToolResult(_ID, (Text("sun"), _IMAGE))),
    _answered("failed result of a tool", ToolResult(_ID, (Text("no such city"),), is_error=True)),
    _answered(
        "signature of Gemini beside a call",
        ToolResult(_ID, (Text("sun"),)),
        ToolCall(_ID, "weather", '{"city":"Paris"}', signature="c2ln"),
    ),
)
_ANSWER: Final = (
    _asking("structured output (JSON schema)", schema=AnswerSchema(_SCHEMA, "answer", strict=True)),
    _asking("structured output beside a tool", _WITH_TOOL, schema=AnswerSchema(_SCHEMA, "answer", strict=True)),
    _asking("any JSON object", schema=AnswerSchema()),
    _asking("limit of tokens", max_tokens=2_048),
    _asking("stop sequence", stop=("END",)),
    _asking("several answers (n)", n=2),
    _asking("probabilities (logprobs)", logprobs=2),
    _asking("logit_bias", logit_bias={"50256": -100}),
)
_SAMPLING: Final = (
    _asking("temperature", temperature=0.5),
    _asking("temperature above 1", temperature=1.5),
    _asking("top_p", top_p=0.5),
    _asking("temperature and top_p", temperature=0.5, top_p=0.5),
    _asking("top_k", top_k=40),
    _asking("seed", seed=7),
    _asking("presence or frequency penalty", presence_penalty=0.5, frequency_penalty=0.5),
    _asking("reasoning effort", reasoning=Reasoning("high")),
    _asking("budget of thinking", reasoning=Reasoning(budget=2_048, shows=True)),
    _asking("no thinking", reasoning=Reasoning("none")),
    _asking("verbosity", verbosity="low"),
)
_BESIDE: Final = (
    _asking("user", user="u1"),
    _asking("metadata", metadata={"team": "a"}),
    _asking("service tier", service_tier="flex"),
    _asking("cache key", cache_key="k1"),
)

GROUPS: Final[Mapping[str, tuple[Feature, ...]]] = {
    "The conversation": _CONVERSATION,
    "Tools": _TOOLS,
    "The answer": _ANSWER,
    "Sampling and thinking": _SAMPLING,
    "What changes no answer": _BESIDE,
}


class ClientField(NamedTuple):
    """Something that the body of one API alone can say; `body` is merged into the smallest body of this API."""

    api: Api
    name: str
    body: Mapping[str, Any]


SMALLEST: Final[Mapping[Api, Mapping[str, Any]]] = {
    Api.CHAT: {"model": "mine", "messages": [{"role": "user", "content": "Hi"}]},
    Api.RESPONSES: {"model": "mine", "input": "Hi"},
    Api.MESSAGES: {"model": "mine", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]},
    Api.GENERATE: {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}
"""The smallest request of each API of clients."""


def _message(block: Mapping[str, Any], role: str = "user") -> Mapping[str, Any]:
    first = [{"role": "user", "content": "Hi"}] if role == "assistant" else []
    return {"messages": [*first, {"role": role, "content": [{"type": "text", "text": "Hi"}, block]}]}


_URL: Final = "https://example.com/"
_CITED: Final = {"type": "web_search_result_location", "url": _URL, "title": "A", "encrypted_index": "x"}

CLIENT_FIELDS: Final = (
    ClientField(Api.CHAT, "`modalities` with `audio`, an answer that is spoken", {"modalities": ["text", "audio"]}),
    ClientField(Api.CHAT, "`store`", {"store": True}),
    ClientField(Api.CHAT, "`prediction`", {"prediction": {"type": "content", "content": "Hi"}}),
    ClientField(Api.CHAT, "`web_search_options`, a search by the provider", {"web_search_options": {}}),
    ClientField(Api.CHAT, "an unknown field", {"new_field": 1}),
    ClientField(Api.RESPONSES, "`previous_response_id`", {"previous_response_id": "resp_1"}),
    ClientField(Api.RESPONSES, "`conversation`", {"conversation": "conv_1"}),
    ClientField(Api.RESPONSES, "`prompt`, a prompt that OpenAI keeps", {"prompt": {"id": "pmpt_1"}}),
    ClientField(Api.RESPONSES, "`background`", {"background": True}),
    ClientField(Api.RESPONSES, "`store`", {"store": True}),
    ClientField(Api.RESPONSES, "`truncation: auto`", {"truncation": "auto"}),
    ClientField(Api.RESPONSES, "`include`, encrypted reasoning", {"include": ["reasoning.encrypted_content"]}),
    ClientField(Api.RESPONSES, "an unknown field", {"new_field": 1}),
    ClientField(Api.MESSAGES, "`mcp_servers`", {"mcp_servers": [{"type": "url", "url": _URL, "name": "a"}]}),
    ClientField(Api.MESSAGES, "`container`", {"container": "container_1"}),
    ClientField(Api.MESSAGES, "`context_management`", {"context_management": {"edits": []}}),
    ClientField(
        Api.MESSAGES,
        "a block `search_result`",
        _message(
            {"type": "search_result", "source": _URL, "title": "A", "content": [{"type": "text", "text": "Hi"}]},
        ),
    ),
    ClientField(
        Api.MESSAGES,
        "citations asked for of a document",
        _message(
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "Hi"},
                "citations": {"enabled": True},
            }
        ),
    ),
    ClientField(
        Api.MESSAGES,
        "citations of an earlier answer",
        _message({"type": "text", "text": "Hi", "citations": [_CITED]}, "assistant"),
    ),
    ClientField(
        Api.MESSAGES,
        "a call of a hosted tool in an earlier answer",
        _message({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, "assistant"),
    ),
    ClientField(Api.MESSAGES, "an unknown field", {"new_field": 1}),
    ClientField(Api.GENERATE, "`cachedContent`", {"cachedContent": "cachedContents/1"}),
    ClientField(Api.GENERATE, "`safetySettings`", {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]}),
    ClientField(
        Api.GENERATE, "`responseModalities` with an image", {"generationConfig": {"responseModalities": ["IMAGE"]}}
    ),
    ClientField(Api.GENERATE, "`tools` with `googleSearch`", {"tools": [{"googleSearch": {}}]}),
    ClientField(Api.GENERATE, "an unknown field", {"newField": 1}),
)
