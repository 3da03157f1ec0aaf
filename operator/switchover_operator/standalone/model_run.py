"""`switchover run --model`: models, keys of the environment, client keys → what is served, or what is wrong."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from switchover_dataplane.table.table import Table
from switchover_dataplane.target_addresses import Network
from switchover_operator.announce import Served, urls
from switchover_operator.standalone import quick_start
from switchover_operator.standalone.client_keys import ClientKey, read_client_keys
from switchover_operator.standalone.model_names import Model, in_order, is_loopback, place_of
from switchover_operator.standalone.provider_settings import variables
from switchover_operator.standalone.providers import AZURE_ENDPOINT, PROVIDERS
from switchover_operator.standalone.standalone import Settings
from switchover_operator.standalone.text_encoding import decoded
from switchover_operator.standalone.workers import Command

VERTEX: Final = PROVIDERS["vertex"]
ALONE: Final = (
    "--model makes all manifests itself and does not go with others; `switchover run --model ... --print > FILE` "
    "writes them into a file, which does"
)
IN_FILES: Final = {
    "--port": "in manifests the Gateway's listeners name the ports",
    "--print": "manifests are there already",
    "--client-keys": "manifests say themselves who may ask, see docs/access.md; `switchover run --model ... "
    "--client-keys FILE --print` shows how",
}
_ANY_TEXT: Final = "any-text"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for. `environment` has the keys."""

    models: tuple[Model, ...]
    port: int
    client_keys: Path | None
    bind: str
    environment: Mapping[str, str] = field(repr=False)


def manifests(asked: Asked) -> str:
    """Write what would be served as manifests, without a key.

    Raises:
        UsageError: it cannot be made.
    """
    if not asked.models:
        raise click.UsageError("--print is for --model: name the models")
    try:
        return quick_start.manifests(_start(asked, is_private=False), asked.environment)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def settings(asked: Asked, workers: int, command: Command, allowed: tuple[Network, ...]) -> Settings:
    """Make what is served.

    Raises:
        UsageError: a key is missing, or something cannot be used.
    """
    try:
        start = _start(asked, is_private=is_loopback(asked.bind))
        environment = _with_files(asked)
        missing = quick_start.missing(start.models, environment)
        if missing:
            raise ValueError("; ".join(missing))
        source = quick_start.Made(quick_start.objects(start, environment))
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    def served(table: Table) -> Served:
        [url] = urls(table, asked.bind)
        return _served(start, asked, f"{url}{quick_start.BASE_PATH}")

    return Settings(
        source, workers, command, allowed, ports=(start.port,), base_path=quick_start.BASE_PATH, served=served
    )


def _start(asked: Asked, *, is_private: bool) -> quick_start.Start:
    callers: tuple[ClientKey, ...] | None = read_client_keys(asked.client_keys) if asked.client_keys else None
    return quick_start.Start(in_order(asked.models), asked.port, callers, is_private)


def _with_files(asked: Asked) -> Mapping[str, str]:
    """Read the file of a credential into the place of its path.

    Raises:
        ValueError: it cannot be read.
    """
    name = VERTEX.variable
    path = asked.environment.get(name, "")
    if not path or all(model.known is not VERTEX for model in asked.models):
        return asked.environment
    try:
        return ChainMap({name: decoded(Path(path).read_bytes())}, dict(asked.environment))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{name} names a file that cannot be read: {reason}") from None


def _served(start: quick_start.Start, asked: Asked, base_url: str) -> Served:
    """Say which models are asked in which order, and what an OpenAI client needs."""
    key, comment = _ANY_TEXT, "  # no key is asked for"
    if start.callers is not None:
        names = ", ".join(caller.name for caller in start.callers[:5])
        others = len(start.callers) - 5
        key = "KEY"
        comment = f"  # a key of {asked.client_keys}: {names}{f' and {others} more' if others > 0 else ''}"
    fields = {
        "models": [str(model) for model in start.models],
        "client": {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key},
    }
    lines = (
        *(f"{number}. {_described(model, asked.environment)}" for number, model in enumerate(start.models, 1)),
        "Any OpenAI client, in the shell of your app:",
        f"  export OPENAI_BASE_URL={base_url}",
        f"  export OPENAI_API_KEY={key}{comment}",
    )
    return Served(fields, lines)


def _described(model: Model, environment: Mapping[str, str]) -> str:
    where = place_of(model) or ("at " + AZURE_ENDPOINT if model.known.field == "azureOpenai" else "")
    key = " and ".join(variables(model, environment)) or (
        "AWS credentials of this environment" if model.known.field == "bedrock" else "no key"
    )
    return f"{model.provider}/{model.name} ({', '.join(part for part in (where, key) if part)})"
