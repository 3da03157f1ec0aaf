"""The official SDKs, unchanged, each with a conversation that it keeps in its own types."""

import base64
import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpx
from pydantic import BaseModel

from matrix.plan import REFUSAL

Kind = Literal["chat", "responses", "messages", "generate", "mistralai"]
# The bytes of a PNG whose base64 has both of the signs that differ in the alphabet for URLs.
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" + (
    b"\x00\x00\x00\rIDATx\xdac\xfc\xff\xff?\x03\x00\x05\xfe\x02\xfe\xa75\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)
IMAGE = base64.b64encode(PNG).decode()
SYSTEM = "You know the weather."
TOOL = "get_weather"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "the city"}},
    "required": ["city"],
    "additionalProperties": False,
}
LIMIT = 2000


class Weather(BaseModel):
    """What is asked for as structured output."""

    city: str
    degrees: int


@dataclass
class Reply:
    """What the SDK gave its caller."""

    text: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    refused: bool = False
    parsed: Weather | None = None
    tokens: tuple[int | None, int | None] = (None, None)


Errors = Mapping[str, tuple[type[Exception], int]]
"""The exception and the status for each reason of an error."""


class Session(Protocol):
    """A conversation at an SDK."""

    errors: Errors

    def user(self, text: str, *, image: bool = False) -> None:
        """Say something."""

    def results(self, reply: Reply, *texts: str) -> None:
        """Send back what the tools returned."""

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        """Ask, and keep the answer in the conversation."""

    def anew(self) -> "Session":
        """Begin another conversation at the same SDK, which takes longer to make than to ask."""

    async def close(self) -> None:
        """Close all connections, of each conversation at this SDK."""


class OfChat:
    """openai, Chat Completions."""

    def __init__(self, url: str) -> None:
        import openai  # noqa: PLC0415 - a second or two, for processes that need it

        self.sdk = openai.AsyncOpenAI(api_key="sk-of-the-caller", base_url=f"{url}/v1", max_retries=0, timeout=50)
        self.turns: list[Any] = [{"role": "system", "content": SYSTEM}]
        self.errors: Errors = _of_openai(openai)
        self.filtered = openai.ContentFilterFinishReasonError

    def user(self, text: str, *, image: bool = False) -> None:
        if not image:
            self.turns.append({"role": "user", "content": text})
            return
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
        self.turns.append({"role": "user", "content": [{"type": "text", "text": text}, picture]})

    def results(self, reply: Reply, *texts: str) -> None:
        for (call, _, _), text in zip(reply.calls, texts, strict=True):
            self.turns.append({"role": "tool", "tool_call_id": call, "content": text})

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        asked: dict[str, Any] = {"model": "asked", "messages": self.turns, "max_completion_tokens": LIMIT, **others}
        if with_tools:
            function = {"name": TOOL, "description": "Tell the weather", "parameters": SCHEMA, "strict": True}
            asked |= {"tools": [{"type": "function", "function": function}]}
        if stream:
            if with_schema:
                asked["response_format"] = Weather
            options: Any = {"include_usage": True}
            try:
                async with self.sdk.chat.completions.stream(**asked, stream_options=options) as events:
                    answer = await events.get_final_completion()
            except self.filtered:
                return Reply(refused=True)
        elif with_schema:
            answer = await self.sdk.chat.completions.parse(**asked, response_format=Weather)
        else:
            answer = await self.sdk.chat.completions.create(**asked)
        [choice] = answer.choices
        message = choice.message
        self.turns.append(_assembled(message) if stream or with_schema else message)
        calls = [
            (each.id, each.function.name, json.loads(each.function.arguments)) for each in message.tool_calls or ()
        ]
        assert choice.finish_reason == ("tool_calls" if calls else choice.finish_reason), choice.finish_reason
        usage = answer.usage
        return Reply(
            message.content or "",
            calls,
            refused=choice.finish_reason == "content_filter" or bool(message.refusal),
            parsed=getattr(message, "parsed", None),
            tokens=(usage.prompt_tokens, usage.completion_tokens) if usage else (None, None),
        )

    def anew(self) -> "Session":
        other = copy.copy(self)
        other.turns = [{"role": "system", "content": SYSTEM}]
        return other

    async def close(self) -> None:
        await self.sdk.close()


def _assembled(message: Any) -> dict[str, Any]:
    """Return a turn as callers write it that put a stream together."""
    functions = [(call.id, call.function) for call in message.tool_calls or ()]
    calls = [
        {"id": call, "type": "function", "function": {"name": of.name, "arguments": of.arguments}}
        for call, of in functions
    ]
    return {"role": "assistant", "content": message.content, **({"tool_calls": calls} if calls else {})}


class OfResponses:
    """openai, the Responses API."""

    def __init__(self, url: str) -> None:
        import openai  # noqa: PLC0415 - as above

        self.sdk = openai.AsyncOpenAI(api_key="sk-of-the-caller", base_url=f"{url}/v1", max_retries=0, timeout=50)
        self.items: list[Any] = []
        # Codex takes a 429 for the end, and tries again after a 503.
        self.errors: Errors = {**_of_openai(openai), "limit": (openai.InternalServerError, 503)}

    def user(self, text: str, *, image: bool = False) -> None:
        if not image:
            self.items.append({"role": "user", "content": text})
            return
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}", "detail": "auto"}
        self.items.append({"role": "user", "content": [{"type": "input_text", "text": text}, picture]})

    def results(self, reply: Reply, *texts: str) -> None:
        for (call, _, _), text in zip(reply.calls, texts, strict=True):
            self.items.append({"type": "function_call_output", "call_id": call, "output": text})

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        asked: dict[str, Any] = {
            "model": "asked",
            "instructions": SYSTEM,
            "input": self.items,
            "max_output_tokens": LIMIT,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            **others,
        }
        if with_tools:
            tool = {"type": "function", "name": TOOL, "description": "Tell the weather", "parameters": SCHEMA}
            asked["tools"] = [{**tool, "strict": True}]
        if with_schema:
            asked["text_format"] = Weather
        answer: Any = None
        if stream:
            async with self.sdk.responses.stream(**asked) as events:
                async for event in events:
                    if event.type in {"response.completed", "response.incomplete", "response.failed"}:
                        answer = event.response
            assert answer is not None, "a short success"
        elif with_schema:
            answer = await self.sdk.responses.parse(**asked)
        else:
            answer = await self.sdk.responses.create(**asked)
        self.items += [
            item.model_dump(exclude_none=True, exclude={"parsed_arguments": True, "content": {"__all__": {"parsed"}}})
            if item.type == "message"
            else item.model_dump(exclude_none=True, exclude={"parsed_arguments"})
            for item in answer.output
        ]
        parts = [part for item in answer.output if item.type == "message" for part in item.content]
        reason = answer.incomplete_details.reason if answer.incomplete_details else ""
        usage = answer.usage
        return Reply(
            answer.output_text,
            [
                (item.call_id, item.name, json.loads(item.arguments))
                for item in answer.output
                if item.type == "function_call"
            ],
            refused=reason == "content_filter" or any(part.type == "refusal" for part in parts),
            parsed=answer.output_parsed if with_schema else None,
            tokens=(usage.input_tokens, usage.output_tokens) if usage else (None, None),
        )

    def anew(self) -> "Session":
        other = copy.copy(self)
        other.items = []
        return other

    async def close(self) -> None:
        await self.sdk.close()


def _of_openai(openai: Any) -> Errors:
    return {
        "request": (openai.BadRequestError, 400),
        "limit": (openai.RateLimitError, 429),
        "overloaded": (openai.InternalServerError, 503),
        "credentials": (openai.AuthenticationError, 401),
        "not-found": (openai.NotFoundError, 404),
    }


class OfMessages:
    """anthropic."""

    def __init__(self, url: str) -> None:
        import anthropic  # noqa: PLC0415 - as above

        self.sdk = anthropic.AsyncAnthropic(api_key="sk-of-the-caller", base_url=url, max_retries=0, timeout=50)
        self.turns: list[Any] = []
        self.errors: Errors = {
            "request": (anthropic.BadRequestError, 400),
            "limit": (anthropic.RateLimitError, 429),
            "overloaded": (anthropic.InternalServerError, 529),
            "credentials": (anthropic.AuthenticationError, 401),
            "not-found": (anthropic.NotFoundError, 404),
        }

    def user(self, text: str, *, image: bool = False) -> None:
        if not image:
            self.turns.append({"role": "user", "content": text})
            return
        source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
        content = [{"type": "image", "source": source}, {"type": "text", "text": text}]
        self.turns.append({"role": "user", "content": content})

    def results(self, reply: Reply, *texts: str) -> None:
        content = [
            {"type": "tool_result", "tool_use_id": call, "content": [{"type": "text", "text": text}]}
            for (call, _, _), text in zip(reply.calls, texts, strict=True)
        ]
        self.turns.append({"role": "user", "content": content})

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        asked: dict[str, Any] = {
            "model": "asked",
            "system": SYSTEM,
            "messages": self.turns,
            "max_tokens": LIMIT,
            **others,
        }
        if with_tools:
            asked["tools"] = [{"name": TOOL, "description": "Tell the weather", "input_schema": SCHEMA}]
        if with_schema:
            asked["output_format"] = Weather
        if stream:
            async with self.sdk.messages.stream(**asked) as events:
                answer: Any = await events.get_final_message()
        else:
            answer = await (self.sdk.messages.parse if with_schema else self.sdk.messages.create)(**asked)
        assert answer.stop_reason, "a short success"
        if answer.content:
            self.turns.append({"role": "assistant", "content": answer.content})
        text = "".join(block.text for block in answer.content if block.type == "text")
        return Reply(
            text,
            [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"],
            refused=answer.stop_reason == "refusal",
            parsed=Weather.model_validate_json(text) if with_schema else None,
            tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
        )

    def anew(self) -> "Session":
        other = copy.copy(self)
        other.turns = []
        return other

    async def close(self) -> None:
        await self.sdk.close()


class OfGenerate:
    """google-genai."""

    def __init__(self, url: str) -> None:
        from google import genai  # noqa: PLC0415 - as above
        from google.genai import errors  # noqa: PLC0415 - as above

        # Beside aiohttp the SDK would use that, and leaves its connections open where a stream breaks off.
        self.http = httpx.AsyncClient(timeout=50)
        options = genai.types.HttpOptions(base_url=url, httpx_async_client=self.http)
        self.types = genai.types
        self.sdk = genai.Client(api_key="sk-of-the-caller", http_options=options, vertexai=False)
        self.turns: list[Any] = []
        self.errors: Errors = {
            "request": (errors.ClientError, 400),
            "limit": (errors.ClientError, 429),
            "overloaded": (errors.ServerError, 503),
            "credentials": (errors.ClientError, 401),
            "not-found": (errors.ClientError, 404),
        }

    def user(self, text: str, *, image: bool = False) -> None:
        parts = [self.types.Part.from_bytes(data=PNG, mime_type="image/png")] if image else []
        self.turns.append(self.types.Content(role="user", parts=[*parts, self.types.Part(text=text)]))

    def results(self, reply: Reply, *texts: str) -> None:
        parts = []
        for (call, name, _), text in zip(reply.calls, texts, strict=True):
            answer = self.types.FunctionResponse(id=call or None, name=name, response={"output": text})
            parts.append(self.types.Part(function_response=answer))
        self.turns.append(self.types.Content(role="user", parts=parts))

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        asked: dict[str, Any] = {"system_instruction": SYSTEM, "max_output_tokens": LIMIT, **others}
        if with_tools:
            declared = self.types.FunctionDeclaration(
                name=TOOL, description="Tell the weather", parameters_json_schema=SCHEMA
            )
            asked["tools"] = [self.types.Tool(function_declarations=[declared])]
            asked["automatic_function_calling"] = self.types.AutomaticFunctionCallingConfig(disable=True)
        if with_schema:
            asked |= {"response_mime_type": "application/json", "response_schema": Weather}
        config = self.types.GenerateContentConfig(**asked)
        models, chunks = self.sdk.aio.models, list[Any]()
        if stream:
            got = await models.generate_content_stream(model="asked", contents=self.turns, config=config)
            async for chunk in got:
                chunks.append(chunk)
        else:
            chunks.append(await models.generate_content(model="asked", contents=self.turns, config=config))
        candidates = [candidate for chunk in chunks for candidate in chunk.candidates or ()]
        finish = next((each.finish_reason for each in reversed(candidates) if each.finish_reason), None)
        blocked = any(chunk.prompt_feedback and chunk.prompt_feedback.block_reason for chunk in chunks)
        assert finish or blocked, "a short success"
        parts = [part for each in candidates if each.content for part in each.content.parts or ()]
        if parts:
            self.turns.append(self.types.Content(role="model", parts=_joined(parts)))
        text = "".join(part.text for part in parts if part.text and not part.thought)
        usage = chunks[-1].usage_metadata
        return Reply(
            text,
            [
                (each.function_call.id or "", each.function_call.name, each.function_call.args)
                for each in parts
                if each.function_call
            ],
            refused=blocked or (finish is not None and finish.name in {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST"}),
            parsed=Weather.model_validate_json(text) if with_schema else None,
            tokens=(usage.prompt_token_count, usage.candidates_token_count) if usage else (None, None),
        )

    def anew(self) -> "Session":
        other = copy.copy(self)
        other.turns = []
        return other

    async def close(self) -> None:
        await self.http.aclose()
        self.sdk.close()


def _joined(parts: Sequence[Any]) -> list[Any]:
    """Leave out parts of a stream that say nothing."""
    return [part for part in parts if part.text != "" or part.thought_signature]


class OfMistral:
    """mistralai, which speaks Chat Completions."""

    def __init__(self, url: str) -> None:
        from mistralai.client import Mistral  # noqa: PLC0415 - as above
        from mistralai.client.errors import SDKError  # noqa: PLC0415 - as above

        self.http = httpx.AsyncClient(timeout=50)
        client: Any = self.http
        self.sdk = Mistral(api_key="sk-of-the-caller", server_url=url, async_client=client)
        self.turns: list[Any] = [{"role": "system", "content": SYSTEM}]
        statuses = {"request": 400, "limit": 429, "overloaded": 503, "credentials": 401, "not-found": 404}
        self.errors: Errors = {name: (SDKError, each) for name, each in statuses.items()}

    def user(self, text: str, *, image: bool = False) -> None:
        if not image:
            self.turns.append({"role": "user", "content": text})
            return
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
        self.turns.append({"role": "user", "content": [{"type": "text", "text": text}, picture]})

    def results(self, reply: Reply, *texts: str) -> None:
        for (call, name, _), text in zip(reply.calls, texts, strict=True):
            self.turns.append({"role": "tool", "tool_call_id": call, "name": name, "content": text})

    async def ask(self, *, stream: bool, with_tools: bool = False, with_schema: bool = False, **others: Any) -> Reply:
        asked: dict[str, Any] = {"model": "asked", "messages": self.turns, "max_tokens": LIMIT, **others}
        if with_tools:
            function = {"name": TOOL, "description": "Tell the weather", "parameters": SCHEMA}
            asked["tools"] = [{"type": "function", "function": function}]
        if with_schema:
            form = {"name": "weather", "schema": {**Weather.model_json_schema(), "additionalProperties": False}}
            asked["response_format"] = {"type": "json_schema", "json_schema": {**form, "strict": True}}
        if not stream:
            answer: Any = await self.sdk.chat.complete_async(**asked)
            [choice] = answer.choices
            message = choice.message
            return self._reply(
                message.content, message.tool_calls or [], choice.finish_reason, answer.usage, with_schema
            )
        text, usage, finish = "", None, None
        calls: dict[int, Any] = {}
        async with await self.sdk.chat.stream_async(**asked) as events:
            async for event in events:
                usage = event.data.usage or usage
                for choice in event.data.choices:
                    finish = choice.finish_reason or finish
                    text += choice.delta.content or ""
                    for call in choice.delta.tool_calls or []:
                        if call.index in calls:
                            calls[call.index].function.arguments += call.function.arguments
                        else:
                            calls[call.index] = call
        assert finish, "a short success"
        return self._reply(text, list(calls.values()), finish, usage, with_schema)

    def _reply(self, text: Any, calls: list[Any], finish: str, usage: Any, with_schema: bool) -> Reply:
        said = text or ""
        turn: dict[str, Any] = {"role": "assistant", "content": said}
        if calls:
            turn["tool_calls"] = calls
        self.turns.append(turn)
        return Reply(
            said,
            [(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls],
            refused=finish == "content_filter" or said == REFUSAL,
            parsed=Weather.model_validate_json(said) if with_schema else None,
            tokens=(usage.prompt_tokens, usage.completion_tokens) if usage else (None, None),
        )

    def anew(self) -> "Session":
        other = copy.copy(self)
        other.turns = [{"role": "system", "content": SYSTEM}]
        return other

    async def close(self) -> None:
        await self.http.aclose()
        if self.sdk.sdk_configuration.client is not None:
            self.sdk.sdk_configuration.client.close()


SESSIONS: Mapping[Kind, Callable[[str], Session]] = {
    "chat": OfChat,
    "responses": OfResponses,
    "messages": OfMessages,
    "generate": OfGenerate,
    "mistralai": OfMistral,
}
