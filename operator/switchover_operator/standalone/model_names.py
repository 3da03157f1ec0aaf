"""The texts of `--model` → models at providers, or what is wrong with them and what would be right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Final

from switchover_operator.key_shapes import begins_as_a_key, without_keys
from switchover_operator.standalone.providers import HTTPS, NOT_SERVED, OTHER_NAMES, PROVIDERS, Known

_FORM: Final = "PROVIDER/MODEL or PROVIDER/MODEL@HOST:PORT"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Model:
    """A model at a provider. `host` and `port` are the user's own, "" and 0 where the provider's are meant."""

    provider: str
    name: str
    host: str = ""
    port: int = 0

    @property
    def known(self) -> Known:
        """What is known about the provider."""
        return PROVIDERS[self.provider]

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host or self.known.host)

    @property
    def needs_key(self) -> bool:
        """Whether it answers only with a key."""
        return self.known.needs_key and not self.is_local

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.provider}/{self.name}{f'@{host}:{self.port}' if self.host else ''}"


def model_of(text: str) -> Model:
    """Read `provider/model[@host:port]`.

    Raises:
        ValueError: it has another form, or a provider that is not known.
    """
    shown = repr(without_keys(text[:_LONGEST]))
    if begins_as_a_key(text):
        raise ValueError(f"{shown} holds an API key; keys come from environment variables, as OPENAI_API_KEY")
    if "://" in text:
        raise ValueError(f"{shown} holds a URL; write {_FORM}, such as openai/llama3@127.0.0.1:8000")
    provider, slash, rest = text.partition("/")
    if not slash:
        raise ValueError(f"{shown} names no provider; write {_FORM}, such as openai/gpt-4o")
    known = _provider(provider)
    name, at, where = rest.rpartition("@") if "@" in rest else (rest, "", "")
    if PROVIDERS[known].field == "vertexAi" and ":" not in where:
        name, at, where = rest, "", ""  # Vertex AI has the version of a model behind @
    if "${" in name:
        raise ValueError(f"{shown} holds a variable that nothing has replaced")
    if not name:
        raise ValueError(f"{shown} names no model behind {provider}/; write {_FORM}")
    if len(name) > _LONGEST or not _VISIBLE.fullmatch(name):
        raise ValueError(
            f"{shown} is no name of a model: it must be printable ASCII without spaces, at most {_LONGEST}"
        )
    host, port = _host_and_port(where, shown) if at else ("", 0)
    return Model(known, name, host, port)


def in_order(models: Sequence[Model]) -> tuple[Model, ...]:
    """Check that no model is named twice.

    Raises:
        ValueError: one is.
    """
    for place, model in enumerate(models):
        if model in models[:place]:
            raise ValueError(f"{model} is named twice; each model has one turn, so leave one of them out")
    return tuple(models)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, as it is written."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def names_a_model(text: str) -> bool:
    """Whether a text that should be a path looks like a model: people leave `--model` out."""
    provider, slash, rest = text.partition("/")
    return bool(slash and rest) and OTHER_NAMES.get(provider, provider) in PROVIDERS


def _provider(name: str) -> str:
    lower = name.strip().lower()
    found = OTHER_NAMES.get(lower, lower)
    if found in PROVIDERS:
        return found
    known = f"Known providers: {', '.join(PROVIDERS)}. Another OpenAI-compatible API is openai/MODEL@HOST:PORT"
    if lower in NOT_SERVED:
        raise ValueError(f"{lower} is not served yet, as its API is not OpenAI's. {known}")
    near = get_close_matches(lower, [*PROVIDERS, *OTHER_NAMES, *NOT_SERVED], 1)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise ValueError(f"{without_keys(name[:40])!r} is no provider that is known{meant} {known}")


def _host_and_port(where: str, shown: str) -> tuple[str, int]:
    right = "write HOST:PORT behind @, such as 127.0.0.1:8000, [::1]:8000 or models.example.com:443"
    host, colon, port = where.rpartition(":")
    if not colon or not host or host.endswith(":") or (":" in host and not host.startswith("[")):
        raise ValueError(f"{shown} names no host and port behind @; {right}")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{shown} has no port from 1 to 65535; {right}")
    if host.startswith("["):
        host = host.removeprefix("[").removesuffix("]")
        if not _is_v6(host):
            raise ValueError(f"{shown} has brackets around what is no IPv6 address; {right}")
    elif not _is_host_name(host.lower()) or (host.replace(".", "").isdigit() and not _is_v4(host)):
        raise ValueError(f"{shown} has no valid host; {right}")
    return host.lower(), int(port)


def _is_host_name(host: str) -> bool:
    # Imported here: the schemas are slow to load, and most models name no host.
    from switchover_operator.schemas.names import subdomain_problem  # noqa: PLC0415

    return not subdomain_problem(host)


def _is_v4(host: str) -> bool:
    return _version(host) == 4


def _is_v6(host: str) -> bool:
    return "%" not in host and _version(host) == 6


def _version(host: str) -> int:
    try:
        return ip_address(host).version
    except ValueError:
        return 0


def place_of(model: Model) -> str:
    """Say where a model is asked: `api.groq.com, TLS`; "" where that is the provider's own place."""
    host, port = (model.host, model.port) if model.host else (model.known.host, model.known.port)
    if not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}{', TLS' if port == HTTPS else ', plain HTTP'}"
