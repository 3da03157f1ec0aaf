"""OpenAI, Azure OpenAI and Mistral, as their recordings and documentation show them.

Sources: OpenAI API reference and its official SDK; Microsoft Learn, "Azure OpenAI REST API reference"; Mistral docs and
the SDK of Mistral.
"""

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from matrix import judge
from matrix.fake import EVENTS, Wire, sse
from matrix.plan import REFUSAL, Reason, Says, Stream
from serving import KEY, Seen
from switchover_dataplane.table.upstreams import AzureOpenAI, Mistral, OpenAI

ERRORS: dict[Reason, tuple[int, str, str | None]] = {
    "request": (400, "invalid_request_error", None),
    "limit": (429, "requests", "rate_limit_exceeded"),
    "overloaded": (503, "server_error", "server_is_overloaded"),
    "credentials": (401, "invalid_request_error", "invalid_api_key"),
    "not-found": (404, "invalid_request_error", "model_not_found"),
}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


@functools.cache
def _chat_types(streamed: bool) -> Any:
    from openai.types.chat import completion_create_params as params  # noqa: PLC0415 - for processes that need it

    return judge.adapter(
        params.CompletionCreateParamsStreaming if streamed else params.CompletionCreateParamsNonStreaming
    )


@functools.cache
def _responses_types(streamed: bool) -> Any:
    from openai.types.responses import response_create_params as params  # noqa: PLC0415 - for processes that need it

    return judge.adapter(params.ResponseCreateParamsStreaming if streamed else params.ResponseCreateParamsNonStreaming)


def _credentials(seen: Seen, header: str, value: str) -> list[str]:
    """Say which credentials are missing, or are there though they are another provider's."""
    others = {"authorization", "api-key", "x-api-key", "x-goog-api-key"} - {header}
    found = [f"{name} is sent" for name in sorted(others) if name in seen.headers]
    found += [f"{name} is sent" for name in seen.headers if name.startswith("anthropic-")]
    return found if seen.headers.get(header) == value else [*found, f"{header} is not as it should be"]


class Chat:
    """Chat Completions. Azure begins a stream with what its filters say of the prompt."""

    stream_type = EVENTS

    def __init__(self, kind: str, header: str, value: str, model: str) -> None:
        self.kind = kind
        self.header = header
        self.value = value
        self.model = model

    def is_streamed(self, _seen: Seen, body: dict[str, Any]) -> bool:
        return body.get("stream") is True

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        streamed = self.is_streamed(seen, body)
        if self.kind != "azure" and body.get("model") != self.model:
            return [f"there is no model {body.get('model')}"]
        if self.kind == "mistral":
            return [*_credentials(seen, self.header, self.value), *_of_mistral(body)]
        found = _credentials(seen, self.header, self.value)
        found += judge.faults_by_type(_chat_types(streamed), _as_sent_back(body))
        functions = [tool["function"] for tool in body.get("tools", ()) if "function" in tool]
        found += _of_turns(body) + _of_tools(functions)
        if len(functions) < len(body.get("tools", ())):
            found.append("this model knows functions alone")
        if not body.get("messages"):
            found.append("Invalid 'messages': empty array")
        if "stream_options" in body and not streamed:
            found.append("stream_options without stream")
        return found + _of_schema(body.get("response_format", {}).get("json_schema", {}))

    def whole(self, says: Says) -> Any:
        refused_by_filter = says.refuses and self.kind != "openai"
        message: dict[str, Any] = {"role": "assistant", "content": says.text or None}
        if says.calls:
            message["tool_calls"] = [
                {
                    "id": self._id(number),
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for number, call in enumerate(says.calls)
            ]
            if self.kind == "mistral":
                message["content"] = says.text
        if self.kind == "openai":
            message |= {"refusal": REFUSAL if says.refuses else None, "annotations": []}
        finish = "tool_calls" if says.calls else "content_filter" if refused_by_filter else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        head = {"id": "chatcmpl-9x", "object": "chat.completion", "created": 1_760_000_000, "model": self.model}
        return {**head, "choices": [choice], "usage": USAGE}

    def _id(self, number: int) -> str:
        return f"Ab3dEf7h{number}" if self.kind == "mistral" else f"call_Zq4jT8xkW2mPv6rN0sLc1d{number}"

    def stream(self, says: Says) -> Stream:
        def chunk(delta: dict[str, Any], finish: str | None = None, **others: Any) -> tuple[str, object]:
            head = {"id": "chatcmpl-9x", "object": "chat.completion.chunk", "created": 1_760_000_000}
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return "", {**head, "model": self.model, "choices": [choice], **others}

        start = [chunk({"role": "assistant", "content": ""})]
        if self.kind == "azure":
            prompt = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
            empty = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": prompt}
            start.insert(0, ("", empty))
        content = [chunk({"content": piece}) for piece in says.pieces]
        if says.refuses and self.kind == "openai":
            content += [chunk({"refusal": piece}) for piece in (REFUSAL[:8], REFUSAL[8:])]
        for number, call in enumerate(says.calls):
            text = json.dumps(call.arguments)
            opening = {"index": number, "id": self._id(number), "type": "function"}
            if self.kind == "mistral":  # whole calls, all of them in one chunk or one after the other
                content.append(chunk({"tool_calls": [{**opening, "function": {"name": call.name, "arguments": text}}]}))
                continue
            content.append(chunk({"tool_calls": [{**opening, "function": {"name": call.name, "arguments": ""}}]}))
            content += [
                chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
                for piece in (text[:4], text[4:])
            ]
        refused = says.refuses and self.kind != "openai"
        finish = "tool_calls" if says.calls else "content_filter" if refused else "stop"
        if self.kind == "mistral":
            end = [chunk({"content": ""}, finish, usage=USAGE)]
        else:
            usage = {"id": "chatcmpl-9x", "object": "chat.completion.chunk", "created": 1_760_000_000}
            end = [chunk({}, finish), ("", {**usage, "model": self.model, "choices": [], "usage": USAGE})]
        return Stream(sse(*start), sse(*content), [*sse(*end), b"data: [DONE]\n\n"])

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        status, kind, code = ERRORS[reason]
        if self.kind == "mistral":
            return status, {"object": "error", "message": message, "type": kind, "param": None, "code": "1300"}, ()
        return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, ()

    def error_event(self) -> bytes:
        return sse(("", self.error("overloaded", "scripted: an error under 200")[1]))[0]


def _as_sent_back(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out what OpenAI takes beside its types: its own messages as they were, the name of a tool (Cookbook)."""
    beside = {"assistant": {"annotations", "audio"}, "tool": {"name"}}
    turns = [
        {name: value for name, value in turn.items() if name not in beside.get(turn.get("role"), ())}
        for turn in body.get("messages", ())
    ]
    return {**body, "messages": turns}


def _of_turns(body: dict[str, Any]) -> list[str]:
    """Say which calls lack their results right behind, and which ids are too long."""
    found, open_calls = [], set[str]()
    for turn in body.get("messages", ()):
        if turn["role"] == "tool":
            if turn["tool_call_id"] not in open_calls:
                found.append(f"a result for no call: {turn['tool_call_id']}")
            open_calls.discard(turn["tool_call_id"])
            continue
        if open_calls:
            found.append(f"calls without their results: {sorted(open_calls)}")
        open_calls = {call["id"] for call in turn.get("tool_calls") or ()}
        found += [f"an id of {len(each)} characters" for each in open_calls if len(each) > 40]
    return found + ([f"calls without their results: {sorted(open_calls)}"] if open_calls else [])


def _of_tools(tools: Sequence[dict[str, Any]]) -> list[str]:
    found = [f"the name of a tool is {tool['name']}" for tool in tools if not _NAME.fullmatch(tool["name"])]
    for tool in tools:
        if tool.get("parameters", {}).get("type", "object") != "object":
            found.append(f"parameters of {tool['name']} that are no object")
        if tool.get("strict"):
            found += judge.unclosed(tool["parameters"]) + judge.optional(tool["parameters"])
    return found


def _of_schema(form: dict[str, Any]) -> list[str]:
    if not form.get("strict"):
        return []
    return judge.unclosed(form["schema"]) + judge.optional(form["schema"])


@functools.cache
def _mistral_types(streamed: bool) -> Any:
    from mistralai.client import models  # noqa: PLC0415 - for processes that need it

    return models.ChatCompletionStreamRequest if streamed else models.ChatCompletionRequest


_OF_TURNS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}


def _of_mistral(body: dict[str, Any]) -> list[str]:
    """Say what Mistral refuses: fields and roles that it does not have, ids and the last turn."""
    from pydantic import ValidationError  # noqa: PLC0415 - for processes that need it

    model = _mistral_types(body.get("stream") is True)
    found = [f"extra_forbidden: {name}" for name in body if name not in model.model_fields]
    try:
        model.model_validate(body)
    except ValidationError as wrong:
        found += [f"{each['loc']}: {each['msg']}" for each in wrong.errors()[:4]]
    turns = body["messages"]
    found += [
        f"extra_forbidden: {name} of {turn['role']}"
        for turn in turns
        for name in turn
        if name not in _OF_TURNS[turn["role"]]
    ]
    ids = [call["id"] for turn in turns for call in turn.get("tool_calls") or ()]
    ids += [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"]
    found += [f"Tool call id was {each}" for each in ids if not _MISTRAL_ID.fullmatch(each)]
    if not turns:
        return [*found, "messages must not be empty"]
    last = turns[-1]
    if last["role"] not in {"user", "tool"} and not (last["role"] == "assistant" and last.get("prefix")):
        found.append("Expected last role User or Tool (or Assistant with prefix True)")
    return found + _of_turns(body)


class Responses:
    """The Responses API."""

    stream_type = EVENTS

    def __init__(self, header: str, value: str, model: str, *, asked: str) -> None:
        self.header = header
        self.value = value
        self.model = model
        self.asked = asked

    def is_streamed(self, _seen: Seen, body: dict[str, Any]) -> bool:
        return body.get("stream") is True

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        found = _credentials(seen, self.header, self.value)
        found += [] if body.get("model") == self.asked else [f"there is no model {body.get('model')}"]
        found += judge.faults_by_type(_responses_types(self.is_streamed(seen, body)), body)
        items = body["input"] if isinstance(body.get("input"), list) else []
        calls = {item["call_id"] for item in items if item.get("type") == "function_call"}
        results = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
        found += [f"no tool output for {each}" for each in sorted(calls - results)]
        found += [f"no tool call for {each}" for each in sorted(results - calls)]
        found += [f"an id of {len(each)} characters" for each in calls if len(each) > 64]
        for item in items:
            if item.get("type") == "reasoning" and item.get("encrypted_content") not in {None, SIGNED}:
                found.append("encrypted content that could not be verified")
            if item.get("type") == "function_call" and not str(item.get("id") or "fc_").startswith("fc_"):
                found.append(f"Expected an ID that begins with 'fc': {item['id']}")
            if item.get("type") == "message" and not str(item.get("id") or "msg_").startswith("msg_"):
                found.append(f"Expected an ID that begins with 'msg': {item['id']}")
        tools = [tool for tool in body.get("tools", ()) if tool["type"] == "function"]
        return found + _of_tools(tools) + _of_schema(body.get("text", {}).get("format", {}))

    def _items(self, says: Says) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if says.thinks:
            items.append({"id": "rs_7", "type": "reasoning", "summary": [], "encrypted_content": SIGNED})
        if says.pieces or says.refuses:
            text = {"type": "output_text", "text": says.text, "annotations": [], "logprobs": []}
            part = {"type": "refusal", "refusal": REFUSAL} if says.refuses else text
            message = {"id": "msg_7", "type": "message", "status": "completed", "role": "assistant"}
            items.append({**message, "content": [part]})
        for number, call in enumerate(says.calls):
            named = {
                "id": f"fc_7{number}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call_7{number}",
            }
            items.append({**named, "name": call.name, "arguments": json.dumps(call.arguments)})
        return items

    def _response(self, says: Says | None) -> dict[str, Any]:
        usage = {
            "input_tokens": 7,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 12,
        }
        return {
            "id": "resp_7",
            "object": "response",
            "created_at": 1_760_000_000,
            "model": self.model,
            "status": "completed" if says else "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "top_p": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "output": self._items(says) if says else [],
            "usage": usage if says else None,
        }

    def whole(self, says: Says) -> Any:
        return self._response(says)

    def stream(self, says: Says) -> Stream:
        number = iter(range(999))

        def named(kind: str, **fields: Any) -> bytes:
            return sse((kind, {"type": kind, "sequence_number": next(number), **fields}))[0]

        def of(item: dict[str, Any], index: int) -> list[bytes]:
            at = {"item_id": item["id"], "output_index": index}
            if item["type"] == "reasoning":
                kept = [named("response.output_item.added", output_index=index, item={**item, "encrypted_content": ""})]
                return [*kept, named("response.output_item.done", output_index=index, item=item)]
            if item["type"] == "function_call":
                begun = {**item, "status": "in_progress", "arguments": ""}
                written = [named("response.output_item.added", output_index=index, item=begun)]
                text = item["arguments"]
                for piece in (text[:5], text[5:]):
                    written.append(named("response.function_call_arguments.delta", **at, delta=piece))
                written.append(
                    named("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
                )
                return [*written, named("response.output_item.done", output_index=index, item=item)]
            part, at = item["content"][0], {**at, "content_index": 0}
            key = "refusal" if says.refuses else "text"
            more: dict[str, Any] = {} if says.refuses else {"logprobs": []}
            kind = "response.refusal" if says.refuses else "response.output_text"
            written = [
                named("response.output_item.added", output_index=index, item={**item, "content": []}),
                named("response.content_part.added", **at, part={**part, key: ""}),
            ]
            for piece in says.pieces or (REFUSAL[:8], REFUSAL[8:]):
                written.append(named(f"{kind}.delta", **at, delta=piece, **more))
            written.append(named(f"{kind}.done", **at, **{key: part[key]}, **more))
            written.append(named("response.content_part.done", **at, part=part))
            return [*written, named("response.output_item.done", output_index=index, item=item)]

        start = [named("response.created", response=self._response(None))]
        start.append(named("response.in_progress", response=self._response(None)))
        content = [event for index, item in enumerate(self._items(says)) for event in of(item, index)]
        end = [named("response.completed", response=self._response(says))]
        # What closes an item is no content: a text that breaks off lacks it.
        shown = max((at for at, event in enumerate(content) if b".delta" in event), default=-1) + 1
        return Stream(start, content[:shown], [*content[shown:], *end])

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        status, kind, code = ERRORS[reason]
        return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, ()

    def error_event(self) -> bytes:
        error = {"type": "error", "sequence_number": 2, "code": "server_error", "message": "scripted", "param": None}
        return sse(("error", error))[0]


SIGNED = "Z0FBQUFBQm9wZW5haQ=="


class OfOpenAI:
    """OpenAI with both of its APIs."""

    name = "openai"
    provider = OpenAI("gpt-4o")

    def __init__(self) -> None:
        self._apis: dict[str, Wire] = {
            "/v1/chat/completions": Chat("openai", "authorization", f"Bearer {KEY}", "gpt-4o"),
            "/v1/responses": Responses("authorization", f"Bearer {KEY}", "gpt-4o-2024-08-06", asked="gpt-4o"),
        }

    def wire(self, path: str) -> Wire | None:
        return self._apis.get(path)


class OfAzure:
    """A deployment of Azure OpenAI."""

    name = "azureOpenai"
    provider = AzureOpenAI("deployed", "2024-10-21")

    def __init__(self) -> None:
        below, version = "/openai/deployments/deployed/", "?api-version=2024-10-21"
        self._apis: dict[str, Wire] = {
            f"{below}chat/completions{version}": Chat("azure", "api-key", KEY, "gpt-4o-2024-11-20"),
            "/openai/v1/responses": Responses("api-key", KEY, "gpt-4o-2024-11-20", asked="deployed"),
        }

    def wire(self, path: str) -> Wire | None:
        return self._apis.get(path)


class OfMistral:
    """Mistral."""

    name = "mistral"
    provider = Mistral("mistral-large-latest")

    def __init__(self) -> None:
        self._chat = Chat("mistral", "authorization", f"Bearer {KEY}", "mistral-large-latest")

    def wire(self, path: str) -> Wire | None:
        return self._chat if path == "/v1/chat/completions" else None
