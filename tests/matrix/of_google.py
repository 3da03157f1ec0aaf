"""Gemini and Vertex AI, as their recordings and documentation show generateContent.

Sources: Gemini API reference, "GenerateContent", "Thought signatures", "Structured output"; the official SDK.
"""

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from matrix import judge
from matrix.fake import EVENTS, Wire
from matrix.plan import Reason, Says, Stream
from serving import KEY, Seen
from switchover_dataplane.table.upstreams import Gemini, VertexAi

SIGNED = "R2VtaW5pU2lnbmVk"
ANYBODYS = "skip_thought_signature_validator"
ERRORS: dict[Reason, tuple[int, str]] = {
    "request": (400, "INVALID_ARGUMENT"),
    "limit": (429, "RESOURCE_EXHAUSTED"),
    "overloaded": (503, "UNAVAILABLE"),
    "credentials": (401, "UNAUTHENTICATED"),
    "not-found": (404, "NOT_FOUND"),
}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_KNOWN_WORDS = frozenset((
    *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"),
    *("minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"),
    *("propertyOrdering", "nullable"),
))  # fmt: skip


@functools.cache
def _types() -> dict[str, Any]:
    from google.genai import types  # noqa: PLC0415 - two seconds, for processes that need it

    return {
        "contents": judge.adapter(list[types.Content]),
        "systemInstruction": judge.adapter(types.Content),
        "tools": judge.adapter(list[types.Tool]),
        "toolConfig": judge.adapter(types.ToolConfig),
        "generationConfig": judge.adapter(types.GenerationConfig),
        "safetySettings": judge.adapter(list[types.SafetySetting]),
        "labels": judge.adapter(dict[str, str]),
        "cachedContent": judge.adapter(str),
    }


class Generate:
    """generateContent and streamGenerateContent. `is_third` demands the signatures of Gemini 3."""

    stream_type = EVENTS

    def __init__(self, model: str, header: str, value: str, *, is_third: bool) -> None:
        self.model = model
        self.header = header
        self.value = value
        self.is_third = is_third

    def is_streamed(self, seen: Seen, _body: dict[str, Any]) -> bool:
        return ":streamGenerateContent" in seen.line

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        found = [] if seen.headers.get(self.header) == self.value else [f"{self.header} is not as it should be"]
        others = {"authorization", "api-key", "x-api-key", "x-goog-api-key"} - {self.header}
        found += [f"{name} is sent" for name in sorted(others) if name in seen.headers]
        for name, value in body.items():
            known = _types().get(name)
            found += [f"Unknown name {name}"] if known is None else judge.faults_by_type(known, value)
        for tool in body.get("tools", ()):
            for each in tool.get("functionDeclarations", ()):
                if not _NAME.fullmatch(each["name"]):
                    found.append(f"the name of a function is {each['name']}")
                if "parameters" in each and "parametersJsonSchema" in each:
                    found.append("parameters and parametersJsonSchema")
        config = body.get("generationConfig", {})
        if "responseJsonSchema" in config:
            unknown = set(judge.words_of(config["responseJsonSchema"])) - _KNOWN_WORDS
            found += [f"responseJsonSchema does not know {word}" for word in sorted(unknown)]
        if ("responseJsonSchema" in config or "responseSchema" in config) and (
            config.get("responseMimeType") != "application/json"
        ):
            found.append("a schema needs the MIME type application/json")
        thinking = config.get("thinkingConfig", {})
        if "thinkingLevel" in thinking and ("thinkingBudget" in thinking or not self.is_third):
            found.append("thinking_level is not supported here")
        return found + self._of_turns(body.get("contents", []))

    def _of_turns(self, turns: list[dict[str, Any]]) -> list[str]:
        found = [] if turns else ["contents is not specified"]
        found += [] if not turns or turns[0].get("role", "user") == "user" else ["the first turn is the model's"]
        calls = 0
        newest = max((at for at, turn in enumerate(turns) if _is_asked_anew(turn)), default=0)
        for at, turn in enumerate(turns):
            parts = turn.get("parts", [])
            found += ["a turn without parts"] if not parts else []
            results = sum("functionResponse" in part for part in parts)
            if turn.get("role", "user") == "user" and results != calls:
                found.append(f"the number of function response parts is {results}, that of the calls is {calls}")
            if "functionCall" in str(parts) and results:
                found.append("calls and results in one turn")
            in_turn = [part for part in parts if "functionCall" in part]
            calls = len(in_turn)
            signed = {SIGNED, ANYBODYS} if self.is_third else {SIGNED}
            found += [
                "Thought signature is not valid"
                for part in parts
                if "thoughtSignature" in part and part["thoughtSignature"] not in signed
            ]
            if self.is_third and in_turn and at > newest and "thoughtSignature" not in in_turn[0]:
                found.append("Function call is missing a thought_signature in functionCall parts")
        return found + (["calls without their results"] if calls else [])

    def _response(self, parts: list[dict[str, Any]], finish: str | None) -> dict[str, Any]:
        usage = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        candidate |= {"finishReason": finish} if finish else {}
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": self.model,
            "responseId": "QUVVaf7",
        }

    def _parts(self, says: Says) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = [{"text": "Let me see.", "thought": True}] if says.thinks else []
        parts += [{"text": piece} for piece in says.pieces]
        calls: list[dict[str, Any]] = [
            {"functionCall": {"name": each.name, "args": each.arguments}} for each in says.calls
        ]
        if calls and (says.thinks or self.is_third):
            calls[0]["thoughtSignature"] = SIGNED
        return parts + calls

    def _refused(self) -> dict[str, Any]:
        if self.header == "authorization":
            blocked = {"blockReason": "PROHIBITED_CONTENT"}
            return {"promptFeedback": blocked, "usageMetadata": {"promptTokenCount": 7}, "modelVersion": self.model}
        rating = {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "HIGH", "blocked": True}
        candidate = {"finishReason": "SAFETY", "index": 0, "safetyRatings": [rating]}
        return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 7}, "modelVersion": self.model}

    def whole(self, says: Says) -> Any:
        if says.refuses:
            return self._refused()
        text = [{"text": says.text}] if says.pieces else []
        others = [part for part in self._parts(says) if "functionCall" in part or part.get("thought")]
        thoughts = [part for part in others if part.get("thought")]
        return self._response([*thoughts, *text, *(part for part in others if part not in thoughts)], "STOP")

    def stream(self, says: Says) -> Stream:
        if says.refuses:
            return Stream([], [], [_event(self._refused())])
        start = [_event(self._response([part], None)) for part in self._parts(says) if part.get("thought")]
        content = [_event(self._response([part], None)) for part in self._parts(says) if not part.get("thought")]
        return Stream(start, content, [_event(self._response([{"text": ""}], "STOP"))])

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        status, name = ERRORS[reason]
        return status, {"error": {"code": status, "message": message, "status": name}}, ()

    def error_event(self) -> bytes:
        return _event(self.error("overloaded", "scripted: an error under 200")[1])


def _is_asked_anew(turn: dict[str, Any]) -> bool:
    """Tell whether a turn is a user's words: signatures are demanded of what comes behind the last of these."""
    return turn.get("role", "user") == "user" and not any("functionResponse" in part for part in turn.get("parts", []))


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\r\n\r\n"


class OfGemini:
    """Gemini 3 at the Gemini API."""

    name = "gemini"
    provider = Gemini("gemini-3-pro-preview")

    def wire(self, path: str) -> Wire | None:
        at = "/v1beta/models/gemini-3-pro-preview:"
        if path not in {f"{at}generateContent", f"{at}streamGenerateContent?alt=sse"}:
            return None
        return Generate("gemini-3-pro-preview", "x-goog-api-key", KEY, is_third=True)


class GeminiOfVertex:
    """Gemini 2.5 at Vertex AI."""

    name = "vertexAi"
    provider = VertexAi("project", "europe-west1", "gemini-2.5-flash")

    def wire(self, path: str) -> Wire | None:
        at = "/v1/projects/project/locations/europe-west1/publishers/google/models/gemini-2.5-flash:"
        if path not in {f"{at}generateContent", f"{at}streamGenerateContent?alt=sse"}:
            return None
        return Generate("gemini-2.5-flash", "authorization", f"Bearer {KEY}", is_third=False)
