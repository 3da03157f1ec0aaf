"""The neutral form of a request: what a client asks a model for, in the words of no provider.

Each format reads its requests into this form and writes them from it. What a format has and this form has not is named
as a loss where it is read; what this form has and a format has not is named as a loss where it is written
(`losses.py`). Nothing is changed after it was made.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from switchover_dataplane.translation.losses import Loss

Json = Any
"""A JSON value as `lenient_json.decode` returns it."""


class CacheMark(msgspec.Struct, frozen=True):
    """The request up to here is worth caching. `ttl` is a provider's word such as "5m" or "1h", "" for its default."""

    ttl: str = ""


class Text(msgspec.Struct, frozen=True):
    """A piece of text."""

    text: str
    cache: CacheMark | None = None


class Media(msgspec.Struct, frozen=True):
    """An image, a document, audio or video: exactly one of `data`, `url` and `file_id` is set.

    `data` is base64 without line ends and `media_type` its type. `file_id` is valid at the client's own provider alone.
    `name` is a file name, `detail` OpenAI's detail of an image ("low", "high", "auto"). `text` is the content of a
    plain text document, in the place of `data`.
    """

    kind: Literal["image", "document", "audio", "video"]
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""
    detail: str = ""
    text: str = ""
    cache: CacheMark | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the model made.

    `arguments` is a JSON text, or any text with `is_custom` (OpenAI: custom tools). `namespace` is that of its tool.
    `signature` is Gemini's thought signature beside the call, "" for none.
    """

    id: str
    name: str
    arguments: str = "{}"
    namespace: str = ""
    is_custom: bool = False
    signature: str = ""
    cache: CacheMark | None = None


class ToolResult(msgspec.Struct, frozen=True):
    """The result of a call, in the order in which the client gave it. `name` is that of the tool, "" if not known."""

    call_id: str
    parts: tuple["Text | Media", ...] = ()
    is_error: bool = False
    name: str = ""
    is_custom: bool = False
    cache: CacheMark | None = None


Maker = Literal["claude", "openai", "gemini", "other"]
"""The family of models that made a block of reasoning; its signature is valid there alone."""


class Thinking(msgspec.Struct, frozen=True):
    """Reasoning of a model. `signature` is its maker's proof of it, "" for none.

    `is_redacted`: there is no text, and `signature` holds all of it (Claude: redacted_thinking; OpenAI: encrypted
    content without a summary). `id` is that of OpenAI's reasoning item. With `maker` "other" the text may go back to
    the server alone that wrote it.
    """

    text: str
    maker: Maker
    signature: str = ""
    is_redacted: bool = False
    id: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Words with which the model refused."""

    text: str


Block = Text | Media | ToolCall | ToolResult | Thinking | Refusal
Role = Literal["system", "developer", "user", "assistant"]


class Turn(msgspec.Struct, frozen=True):
    """A message of the conversation. Results of tools stand in turns of the user, before the rest of it.

    Equal neighbours are kept apart as the client wrote them. `path` is where the turn stands in the client's body, such
    as "messages[3]", for losses and errors. `name` is OpenAI's name of a participant.
    """

    role: Role
    blocks: tuple[Block, ...]
    path: str = ""
    name: str = ""


class Tool(msgspec.Struct, frozen=True):
    """A function of the client's own. `schema` is a JSON schema, None where the client gave none.

    `strict` is None where the client did not say. `namespace`: OpenAI groups tools (Responses API, namespace tools).
    `is_custom`: the tool takes a text and not JSON; `grammar` is then OpenAI's `format` of that text, if there is one.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Json] | None = None
    strict: bool | None = None
    namespace: str = ""
    is_custom: bool = False
    grammar: Json = None
    cache: CacheMark | None = None
    path: str = ""


class HostedTool(msgspec.Struct, frozen=True):
    """A tool that the provider itself runs, such as a web search; `kind` is its type in the client's format."""

    kind: str
    path: str = ""


class ToolChoice(msgspec.Struct, frozen=True):
    """Which tools the model may or must call. `name` with "tool"; `allowed`: only these names, with "auto" and "any".

    `is_hosted`: the forced tool is one that the client's provider runs.
    """

    mode: Literal["auto", "any", "none", "tool"]
    name: str = ""
    allowed: tuple[str, ...] = ()
    is_hosted: bool = False


class AnswerSchema(msgspec.Struct, frozen=True):
    """The form that the answer must have. `schema` None: any JSON object (OpenAI: json_object)."""

    schema: Mapping[str, Json] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """How much the model is to think: in words, as a number of tokens, or both; at least one is set.

    `effort`: "none", "minimal", "low", "medium", "high", "xhigh" or "max", "" if not said. `budget`: tokens, 0 for no
    thinking, -1 for as many as the model likes, None if not said. `is_adaptive`: the model itself decides (Claude).
    `shows`: the client asks for the reasoning, or a summary of it; None if it did not say.
    """

    effort: str = ""
    budget: int | None = None
    is_adaptive: bool = False
    shows: bool | None = None


class Request(msgspec.Struct, frozen=True):
    """A request. A field is None, or empty, where the client did not say.

    `model` is the client's own name of a model. `system` are the prompts that stand before and outside of the turns
    (Messages: system, Responses: instructions, generateContent: systemInstruction). `parallel` False: at most one call
    at a time. `max_tokens` counts reasoning, too. `logprobs` is the number of alternatives, 0 for the chosen token
    alone. `user` names the end user. `wants_usage`: a stream counts its tokens (Chat Completions: include_usage).
    `losses` are the fields of the client that this form has no place for.
    """

    model: str = ""
    system: tuple[Text, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    hosted_tools: tuple[HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    schema: AnswerSchema | None = None
    reasoning: Reasoning | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    n: int = 1
    logprobs: int | None = None
    logit_bias: Mapping[str, Json] | None = None
    user: str = ""
    metadata: Mapping[str, Json] | None = None
    service_tier: str = ""
    cache_key: str = ""
    verbosity: str = ""
    stream: bool = False
    wants_usage: bool = False
    losses: tuple[Loss, ...] = ()


class BadRequest(Exception):
    """A body that is no request of its path's API. `path` is the field, the text says what is there and what is right.

    The text holds no value of the client's beyond names and kinds.
    """

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path
