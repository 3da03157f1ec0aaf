"""One request as the simulator saw it, and what can be read out of it: model, provider, the wish for a stream."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec
from multidict import CIMultiDict

Provider = Literal["openai", "azure", "mistral"]

_DEPLOYMENTS = "/openai/deployments/"


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

    @cached_property
    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return msgspec.json.decode(self.body or b"null")
        except msgspec.DecodeError:
            return None

    @property
    def _deployment(self) -> str:
        """The deployment in an Azure OpenAI path, else empty."""
        if not self.path.startswith(_DEPLOYMENTS):
            return ""
        return self.path.removeprefix(_DEPLOYMENTS).partition("/")[0]

    @property
    def model(self) -> str:
        """The model asked for: Azure's deployment, or the body's `model`; "" where there is none."""
        if self._deployment:
            return self._deployment
        model = self.json.get("model") if isinstance(self.json, dict) else None
        return model if isinstance(model, str) else ""

    @property
    def provider(self) -> Provider:
        """Whose API this is, by path and Host."""
        if self._deployment:
            return "azure"
        return "mistral" if "mistral" in self.headers.get("host", "") else "openai"

    @property
    def is_chat(self) -> bool:
        """Whether a good answer is a chat completion."""
        return self.path.endswith("/chat/completions") or (isinstance(self.json, dict) and "messages" in self.json)

    @property
    def wants_stream(self) -> bool:
        """Whether the body asks for server-sent events."""
        return isinstance(self.json, dict) and self.json.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the stream has to end with a usage chunk."""
        options = self.json.get("stream_options") if isinstance(self.json, dict) else None
        return isinstance(options, dict) and options.get("include_usage") is True
