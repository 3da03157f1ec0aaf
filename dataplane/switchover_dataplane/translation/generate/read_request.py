"""A body of generateContent or streamGenerateContent → the neutral request.

Source: Gemini API reference, GenerateContentRequest, GenerationConfig, Tool; Vertex AI API reference for what differs.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from msgspec.structs import replace

from switchover_dataplane.translation.call_ids import demand_calls
from switchover_dataplane.translation.fields import Fields
from switchover_dataplane.translation.generate import schemas
from switchover_dataplane.translation.generate.parts import NO_PLACE, PartReader
from switchover_dataplane.translation.generate.spelling import one_spelling
from switchover_dataplane.translation.losses import grave, hint
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    HostedTool,
    Json,
    Reasoning,
    Request,
    Role,
    Text,
    Tool,
    ToolChoice,
    Turn,
)

_PATH: Final = re.compile(r"(?:.*/)?(?:models|tunedModels|endpoints)/(?P<model>[^?]+):(?P<method>[A-Za-z]+)")
_ROLES: Final[Mapping[str, Role]] = {"": "user", "user": "user", "function": "user", "model": "assistant"}
_CHANGES_THE_ANSWER: Final = frozenset(("cachedContent",))
_CONFIG_CHANGES: Final = frozenset(("speechConfig", "imageConfig", "responseFormat", "translationConfig"))
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"


def read_request(body: Mapping[str, Json], path: str) -> Request:
    """Read a request; the model and whether it streams are in the path, `…/models/MODEL:streamGenerateContent`.

    Raises:
        BadRequest: a field has a type that Google refuses, a result has no call, or the body is nested too deeply.
    """
    try:
        return _read(Fields(one_spelling(body)), path)
    except RecursionError:
        raise BadRequest("body", "nested too deeply to be translated") from None


def _read(fields: Fields, path: str) -> Request:
    found = _PATH.match(path.partition("?")[0])
    reader = PartReader()
    request = _with_config(fields, reader)
    tools, hosted = _tools(fields, reader)
    system = fields.part("systemInstruction")
    request = replace(
        request,
        model=unquote(found["model"]) if found is not None else "",
        stream=found is not None and found["method"].startswith("stream"),
        system=() if system is None else _system(system, reader),
        turns=_turns(fields, reader),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(fields, reader),
        service_tier=fields.text("serviceTier"),
        wants_usage=True,
    )
    fields.raw("model")
    for name in fields.rest():
        value = fields.raw(name)
        reader.losses.append((grave if name in _CHANGES_THE_ANSWER and value else hint)(name, value, NO_PLACE))
    return replace(request, losses=tuple(reader.losses))


def _system(content: Fields, reader: PartReader) -> tuple[Text, ...]:
    blocks = reader.blocks(content)
    texts = tuple(block for block in blocks if isinstance(block, Text))
    if len(texts) < len(blocks):
        reader.losses.append(grave(content.at("parts"), blocks, "a system prompt is text alone"))
    content.raw("role")
    reader.rest(content)
    return texts


def _turns(fields: Fields, reader: PartReader) -> tuple[Turn, ...]:
    if not fields.has("contents"):
        raise fields.wrong("contents", "a list")
    turns: list[Turn] = []
    for content in fields.parts("contents"):
        role = content.text("role").lower()
        if role not in _ROLES:
            raise BadRequest(content.at("role"), "must be user or model")
        turns.append(Turn(_ROLES[role], tuple(reader.blocks(content)), content.path))
        reader.rest(content)
    demand_calls(turns)
    return tuple(turns)


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(fields: Fields, reader: PartReader) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Read the client's functions, and the tools that Google runs: every other field of a tool is one."""
    own: list[Tool] = []
    hosted: list[HostedTool] = []
    for tool in fields.parts("tools"):
        for declared in tool.parts("functionDeclarations"):
            own.append(_function(declared))
            reader.rest(declared)
        hosted += [HostedTool(name, tool.at(name)) for name in tool.rest()]
    return tuple(own), tuple(hosted)


def _function(declared: Fields) -> Tool:
    schema = declared.object("parametersJsonSchema")
    given = declared.object("parameters")
    if schema is None and given is not None:
        schema = schemas.from_open_api(given)
    return Tool(declared.needed_text("name"), declared.text("description"), schema, path=declared.path)


def _tool_choice(fields: Fields, reader: PartReader) -> ToolChoice | None:
    config = fields.part("toolConfig")
    if config is None:
        return None
    calling = config.part("functionCallingConfig")
    reader.rest(config)
    if calling is None:
        return None
    mode = calling.text("mode").upper()
    allowed = tuple(_texts(calling, "allowedFunctionNames"))
    reader.rest(calling)
    match mode:
        case "" | "MODE_UNSPECIFIED":
            return ToolChoice("auto", allowed=allowed) if allowed else None
        case "AUTO" | "VALIDATED":
            return ToolChoice("auto", allowed=allowed)
        case "ANY":
            return ToolChoice("tool", allowed[0]) if len(allowed) == 1 else ToolChoice("any", allowed=allowed)
        case "NONE":
            return ToolChoice("none")
        case _:
            raise BadRequest(calling.at("mode"), "must be one of AUTO, ANY, NONE, VALIDATED")


def _texts(fields: Fields, name: str) -> list[str]:
    values = fields.items(name)
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise BadRequest(f"{fields.at(name)}[{number}]", "must be a text")
    return list(values)


# ── generationConfig ────────────────────────────────────────────────────────────────────────────────────────────────


def _with_config(fields: Fields, reader: PartReader) -> Request:
    config = fields.part("generationConfig")
    if config is None:
        return Request()
    alternatives = config.whole("logprobs", 0)
    wants_logprobs = config.flag("responseLogprobs") is True
    request = Request(
        schema=_schema(config, reader),
        reasoning=_reasoning(config, reader),
        max_tokens=config.whole("maxOutputTokens", 1),
        stop=tuple(_texts(config, "stopSequences")),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.whole("topK"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
        seed=config.whole("seed"),
        n=config.whole("candidateCount", 1) or 1,
        logprobs=(alternatives or 0) if wants_logprobs else None,
    )
    wanted = [each for each in _texts(config, "responseModalities") if each.upper() != "TEXT"]
    if wanted:
        reader.losses.append(grave(config.at("responseModalities"), wanted, "other APIs answer with text here"))
    for name in config.rest():
        value = config.raw(name)
        reader.losses.append((grave if name in _CONFIG_CHANGES else hint)(config.at(name), value, NO_PLACE))
    return request


def _schema(config: Fields, reader: PartReader) -> AnswerSchema | None:
    """Read the form of the answer: a schema counts with the type of JSON alone."""
    media_type = config.text("responseMimeType").lower()
    schema = config.object("responseJsonSchema") or config.object("_responseJsonSchema")
    given = config.object("responseSchema")
    if schema is None and given is not None:
        schema = schemas.from_open_api(given)
    if media_type == _JSON:
        return AnswerSchema(schema, strict=None if schema is None else True)
    if media_type not in ("", _TEXT):
        reader.losses.append(grave(config.at("responseMimeType"), media_type, NO_PLACE))
    return None


def _reasoning(config: Fields, reader: PartReader) -> Reasoning | None:
    thinking = config.part("thinkingConfig")
    if thinking is None:
        return None
    budget, level = thinking.whole("thinkingBudget", -1), thinking.text("thinkingLevel").lower()
    shows = thinking.flag("includeThoughts")
    reader.rest(thinking)
    effort = "" if level == "thinking_level_unspecified" else level
    if budget is None and not effort:
        return None if shows is None else Reasoning(budget=-1, shows=shows)
    return Reasoning(effort, budget, shows=shows)
