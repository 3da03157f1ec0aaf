"""Flags of the commands: how each is declared, and texts → values, with a usage error for a wrong one."""

import ipaddress
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import click

T = TypeVar("T")

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
_HOST: Final = r"(?:\[[^\[\]]*\]|[^:\[\]]*)"
_REDIRECTION: Final = re.compile(rf"{_HOST}:\d*:{_HOST}:\d*")
_WITH_PORT: Final = re.compile(r"(?:\]|[^:]):[0-9]+\Z", re.ASCII)

ENVIRONMENT: Final[dict[str, Any]] = {"auto_envvar_prefix": "SWITCHOVER", "show_default": True}
"""`context_settings` of a command whose flags can be environment variables: SWITCHOVER_ and the parameter's name."""

option = partial(click.option, show_envvar=True)
"""A flag whose help names its environment variable."""


def checked(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, object], object]:
    """Make a click callback that parses one value, or each of several; a ValueError becomes a usage error."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: object) -> object:
        try:
            return tuple(parse(str(each)) for each in value) if isinstance(value, tuple) else parse(str(value))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


def host_and_port(text: str) -> tuple[str, int]:
    """HOST:PORT → its parts; an IPv6 address has brackets.

    Raises:
        ValueError: the text has another form, or the port is not one from 1 to 65535.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not of the form HOST:PORT, such as 127.0.0.1:9180 or [::1]:9180")
    return host.strip("[]"), int(port)


def address_without_port(text: str) -> str:
    """An address of this machine, or its name → itself; "" is every address.

    Raises:
        ValueError: it has a port, or is neither.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        if not text or _HOST_NAME.fullmatch(text):
            return text
        what = "has no port, as the listeners of Gateways have theirs" if _WITH_PORT.search(text) else "is wanted"
        raise ValueError(f"{text!r}: an address {what}, such as 127.0.0.1, 0.0.0.0 or ::1") from None
    return text


def redirection(text: str) -> str:
    """A --connect-to rule as it is.

    Raises:
        ValueError: it is not HOST:PORT:HOST:PORT (curl's, where any part may be empty).
    """
    if not _REDIRECTION.fullmatch(text):
        raise ValueError(f"{text!r} is no HOST:PORT:HOST:PORT, such as api.openai.com:443:127.0.0.1:8443")
    return text


log_format_option = option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    show_default="text on a terminal, json elsewhere",
    help="Form of the log lines.",
)
