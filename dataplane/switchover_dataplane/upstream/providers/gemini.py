"""Google's Gemini API (Gemini API reference): `x-goog-api-key`, the model in the path, and whether it streams, too."""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.operations import APIS
from switchover_dataplane.table.upstreams import Gemini, Provider
from switchover_dataplane.upstream.providers import google_paths
from switchover_dataplane.upstream.providers.wire import Wire


def _gemini(provider: Provider) -> Gemini:
    assert isinstance(provider, Gemini)  # noqa: S101 - `wire` chose this module by the type
    return provider


def path(provider: Provider, asked: str) -> str:
    """Ask the target's model in the target's version for the same; keep other API paths, else generateContent."""
    gemini = _gemini(provider)
    of_model = google_paths.asked(asked)
    if of_model is not None:
        return of_model.below(f"/{gemini.api_version}", gemini.model)
    return asked if asked.startswith(APIS) else translated_path(provider, False) or asked


def keep_model(_provider: Provider) -> str:
    """Leave the body alone: it names no model."""
    return ""


def label(provider: Provider) -> str:
    """Name the model."""
    return _gemini(provider).model


def api(_provider: Provider) -> Api:
    """Name generateContent."""
    return Api.GENERATE


def takes(_provider: Provider, asked: Api) -> bool:
    """Take generateContent alone."""
    return asked is Api.GENERATE


def translated_path(provider: Provider, streamed: bool) -> str:
    """Return the path of generateContent or streamGenerateContent, "" without a model."""
    gemini = _gemini(provider)
    return google_paths.generate(f"/{gemini.api_version}", gemini.model, streamed=streamed) if gemini.model else ""


WIRE: Wire = Wire(
    name="gemini",
    path=path,
    token_header=("x-goog-api-key", ""),
    model=keep_model,
    label=label,
    api=api,
    takes=takes,
    translated_path=translated_path,
)
