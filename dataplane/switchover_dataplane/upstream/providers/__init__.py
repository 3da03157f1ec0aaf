"""How each provider wants a request addressed, authorised and worded: one module a provider, one `Wire` each.

What differs between providers is here and nowhere else. A `Wire` holds plain functions of the target's part of the
table; sending is `attempt.py`'s.
"""

from switchover_dataplane.table.upstreams import (
    Anthropic,
    AzureOpenAI,
    Bedrock,
    Gemini,
    Http,
    Mistral,
    OpenAI,
    Provider,
    VertexAi,
)
from switchover_dataplane.upstream.providers import (
    anthropic,
    azure_openai,
    bedrock,
    gemini,
    http,
    mistral,
    openai,
    vertex,
)
from switchover_dataplane.upstream.providers.wire import ANTHROPIC_BETA, ANTHROPIC_VERSION, Envelope, Field, Wire

_WIRES: dict[type[Provider], Wire] = {
    OpenAI: openai.WIRE,
    AzureOpenAI: azure_openai.WIRE,
    Mistral: mistral.WIRE,
    Anthropic: anthropic.WIRE,
    Gemini: gemini.WIRE,
    VertexAi: vertex.WIRE,
    Bedrock: bedrock.WIRE,
    Http: http.WIRE,
}


def wire(provider: Provider) -> Wire:
    """Tell how requests to this provider are written."""
    return _WIRES[type(provider)]


__all__ = ["ANTHROPIC_BETA", "ANTHROPIC_VERSION", "Envelope", "Field", "Wire", "wire"]
