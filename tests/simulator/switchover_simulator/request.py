"""One request as the simulator saw it, and what can be read out of it: model, provider, the wish for a stream."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import msgspec
from multidict import CIMultiDict

Provider = Literal["openai", "azure", "mistral", "anthropic", "gemini"]
Api = Literal["chat", "messages", "responses", "generate-content"]

_DEPLOYMENTS = "/openai/deployments/"
_HISTORIES = ("messages", "input", "contents")
_MODELS_OWN = ("assistant", "model")
_MODELS_ITEMS = ("function_call", "custom_tool_call", "reasoning")


@dataclass(frozen=True)
class Request:
    """A request, counted from 1 over the life of its server.

    `target` is path and query as they came, `body` None while only the head was read, `at` unix seconds.
    """

    number: int
    method: str
    target: str
    headers: "CIMultiDict[str]"
    at: float
    keep_alive: bool = True
    body: bytes | None = None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def host(self) -> str:
        """The name that the Host header has, without its port, in lower case."""
        name, colon, port = self.headers.get("host", "").lower().rpartition(":")
        return name if colon and port.isdecimal() else self.headers.get("host", "").lower()

    @cached_property
    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return msgspec.json.decode(self.body or b"null")
        except ValueError:
            return None

    @property
    def _deployment(self) -> str:
        """The deployment in an Azure OpenAI path, else empty."""
        if not self.path.startswith(_DEPLOYMENTS):
            return ""
        return self.path.removeprefix(_DEPLOYMENTS).partition("/")[0]

    @property
    def model(self) -> str:
        """The model asked for: Azure's deployment, the path's at Gemini, or the body's; "" where there is none."""
        if self._deployment:
            return self._deployment
        if self.api == "generate-content":
            return self.path.rpartition("/")[2].partition(":")[0]
        model = self.json.get("model") if isinstance(self.json, dict) else None
        return model if isinstance(model, str) else ""

    @property
    def provider(self) -> Provider:
        """Whose API this is, by path and Host."""
        match self.api:
            case "messages":
                return "anthropic"
            case "generate-content":
                return "gemini"
            case _ if self._deployment:
                return "azure"
            case _:
                return "mistral" if "mistral" in self.headers.get("host", "") else "openai"

    @property
    def api(self) -> Api | None:
        """Which form a good answer has, by path, else by the field `messages`; None: no form that is known here."""
        if self.path.endswith((":generateContent", ":streamGenerateContent")):
            return "generate-content"
        if self.path.endswith("/messages"):
            return "messages"
        if self.path.endswith("/responses"):
            return "responses"
        talks = isinstance(self.json, dict) and "messages" in self.json
        return "chat" if talks or self.path.endswith("/chat/completions") else None

    @property
    def turn(self) -> int:
        """How many answers of the model stand in the request, each followed by something that it is to answer."""
        history = next((self.json[name] for name in _HISTORIES if name in self.json), None) if self._is_object else None
        if not isinstance(history, list):
            return 0
        own = [_is_of_the_model(item) for item in history]
        return sum(before and not after for before, after in pairwise(own))

    @property
    def _is_object(self) -> bool:
        return isinstance(self.json, dict)

    @property
    def wants_stream(self) -> bool:
        """Whether the request asks for server-sent events."""
        return self.path.endswith(":streamGenerateContent") or (self._is_object and self.json.get("stream") is True)

    @property
    def wants_usage(self) -> bool:
        """Whether the stream has to end with a usage chunk."""
        options = self.json.get("stream_options") if isinstance(self.json, dict) else None
        return isinstance(options, dict) and options.get("include_usage") is True


def _is_of_the_model(item: Any) -> bool:
    """Tell whether the model said this item of a history."""
    return isinstance(item, dict) and (item.get("role") in _MODELS_OWN or item.get("type") in _MODELS_ITEMS)
