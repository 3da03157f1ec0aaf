"""The providers that `--model` knows → docs/reference/providers.md."""

from typing import Final

from reference.tables import code, table
from switchover_operator.standalone.providers import (
    AWS_KEYS,
    AWS_REGIONS,
    AZURE_API_VERSION,
    AZURE_DEFAULT_VERSION,
    AZURE_ENDPOINT,
    HTTPS,
    OTHER_NAMES,
    PROVIDERS,
    VERTEX_DEFAULT_LOCATION,
    VERTEX_LOCATION,
    VERTEX_PROJECT,
    Known,
)

_INTRODUCTION = """# What a model is called

`--model PROVIDER/MODEL`, or `--model PROVIDER/MODEL@HOST:PORT`.

"""
_RULES = """
- Any other API that is compatible with OpenAI's is `openai/MODEL@HOST:PORT`, with `/v1/` at the beginning of its paths.
- Port 443 means TLS; any other port means plain HTTP.
- A host on this machine (127.0.0.1, localhost, ::1) needs no key. A key that is set is sent to the host that the model
  names, whichever that is; the line of the model says which variable is used.
- With `vertex`, a MODEL that begins with `claude` is one of Anthropic's, and one with a slash has OpenAI's API. With
  `--print`, the variable `GOOGLE_APPLICATION_CREDENTIALS_JSON` stands for the content of the file.
- Logs and the field `x-switchover-served-by` call every provider that speaks OpenAI's API `openai`.

A key that is missing is named with its model before anything starts, and the exit status is 2.
"""
_OF_THEIR_FIELD: Final = {
    "openai": "api.openai.com",
    "mistral": "api.mistral.ai",
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
    "azureOpenai": f"`{AZURE_ENDPOINT}`; MODEL is the deployment. "
    f"`{AZURE_API_VERSION}`, by default {AZURE_DEFAULT_VERSION}",
    "vertexAi": f"`{VERTEX_PROJECT}`; `{VERTEX_LOCATION}`, by default {VERTEX_DEFAULT_LOCATION}",
    "bedrock": " or ".join(map(code, AWS_REGIONS)),
}


def page() -> str:
    """Write the page."""
    rows = [(_names(name), _variable(known), _place(known), known.source) for name, known in PROVIDERS.items()]
    return f"{_INTRODUCTION}{table(('provider', 'key', 'where', 'source'), rows)}{_RULES}"


def _names(name: str) -> str:
    others = [other for other, meant in OTHER_NAMES.items() if meant == name]
    return f"{code(name)} ({', '.join(map(code, others))})" if others else code(name)


def _variable(known: Known) -> str:
    if known.field == "bedrock":
        return f"{code(known.variable)}, or {', '.join(map(code, AWS_KEYS))}, or the AWS identity of the environment"
    if known.field == "vertexAi":
        return f"{code(known.variable)}, the path of the key of a service account, which is read at the start"
    return code(known.variable) if known.needs_key else f"none needed; {code(known.variable)}"


def _place(known: Known) -> str:
    port = "" if known.port == HTTPS else f":{known.port}"
    return f"{known.host or _OF_THEIR_FIELD[known.field]}{port}{known.base_path}"
