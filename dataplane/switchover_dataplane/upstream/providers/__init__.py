"""How each provider wants a request addressed, authorised and worded: one module a provider, one `Wire` each.

What differs between providers is here and nowhere else. A `Wire` holds plain functions of the target's part of the
table; sending is `attempt.py`'s.
"""

from switchover_dataplane.table.upstreams import AzureOpenAI, Http, Mistral, OpenAI, Provider
from switchover_dataplane.upstream.providers import azure_openai, http, mistral, openai
from switchover_dataplane.upstream.providers.wire import Wire

_WIRES: dict[type[Provider], Wire] = {
    OpenAI: openai.WIRE,
    AzureOpenAI: azure_openai.WIRE,
    Mistral: mistral.WIRE,
    Http: http.WIRE,
}


def wire(provider: Provider) -> Wire:
    """Tell how requests to this provider are written."""
    return _WIRES[type(provider)]


__all__ = ["Wire", "wire"]
