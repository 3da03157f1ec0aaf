"""A status → the error that the provider would send with it, in its own shape.

OpenAI wraps the error, Azure OpenAI does too with statuses as codes, Mistral does not wrap it (docs.mistral.ai, Error
glossary). Anthropic and Gemini name the kind of each status (docs.anthropic.com, Errors; ai.google.dev, Troubleshooting
guide; google.rpc.Code). The texts are the simulator's own; clients are to match codes.
"""

from typing import Any, Final

from switchover_simulator.part import ProviderError
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
_ANTHROPIC: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GEMINI: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_AZURE: Final = {404: "DeploymentNotFound"}
_MISTRAL: Final = {429: ("rate_limited", "1300"), 401: ("unauthorized", None)}


def body(provider: Provider, status: int, model: str, given: ProviderError | None = None) -> dict[str, Any]:
    """Word the error body; what is `given` wins over what the status suggests."""
    error = _usual(provider, status, model or "this model")
    if given is not None:
        error.update(given.model_dump(exclude_none=True))
    match provider:
        case "mistral":
            return {"object": "error", **error}
        case "anthropic":
            return {"type": "error", "error": error}
        case _:
            return {"error": error}


def _usual(provider: Provider, status: int, model: str) -> dict[str, Any]:
    message = _MEANING.get(status, f"Status {status}").format(model=model) + " (simulated)"
    server = status >= 500 or status < 400
    general = "server_error" if server else "invalid_request_error"
    match provider:
        case "azure":
            return {"code": _AZURE.get(status, str(status)), "message": message}
        case "anthropic":
            return {"type": _ANTHROPIC.get(status, "api_error" if server else general), "message": message}
        case "gemini":
            named = _GEMINI.get(status, "INTERNAL" if server else "INVALID_ARGUMENT")
            return {"code": status, "message": message, "status": named}
        case "mistral":
            kind, code = _MISTRAL.get(status, (general, None))
        case "openai":
            kind, code = _OPENAI.get(status, (general, None))
    return {"message": message, "type": kind, "param": None, "code": code}
