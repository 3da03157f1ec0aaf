"""A status → the error that the provider would send with it, in its own shape.

OpenAI wraps the error, Azure OpenAI does too with statuses as codes, Mistral does not wrap it (docs.mistral.ai, Error
glossary). The texts are the simulator's own; clients are to match codes.
"""

from typing import Any, Final

from switchover_simulator.behaviour import ProviderError
from switchover_simulator.request import Provider

_MEANING: Final = {
    400: "The request is not valid",
    401: "The API key is not valid",
    402: "The account has no credit left",
    403: "This is not allowed with this API key",
    404: "The model {model} does not exist",
    408: "The request took too long to arrive",
    413: "The request is too large",
    429: "Rate limit reached for {model}",
    500: "The server had an error",
    503: "The server is overloaded",
    529: "The server is overloaded",
}
_OPENAI: Final[dict[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
}
_AZURE: Final = {404: "DeploymentNotFound"}
_MISTRAL: Final = {429: ("rate_limited", "1300"), 401: ("unauthorized", None)}


def body(provider: Provider, status: int, model: str, given: ProviderError | None = None) -> dict[str, Any]:
    """Word the error body; what is `given` wins over what the status suggests."""
    error = _usual(provider, status, model or "this model")
    if given is not None:
        error.update(given.model_dump(exclude_none=True))
    return {"object": "error", **error} if provider == "mistral" else {"error": error}


def _usual(provider: Provider, status: int, model: str) -> dict[str, Any]:
    message = _MEANING.get(status, f"Status {status}").format(model=model) + " (simulated)"
    general = "server_error" if status >= 500 or status < 400 else "invalid_request_error"
    if provider == "azure":
        return {"code": _AZURE.get(status, str(status)), "message": message}
    if provider == "mistral":
        kind, code = _MISTRAL.get(status, (general, None))
        return {"message": message, "type": kind, "param": None, "code": code}
    kind, code = _OPENAI.get(status, (general, None))
    return {"message": message, "type": kind, "param": None, "code": code}
