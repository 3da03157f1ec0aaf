"""Flags of the commands: how each is declared, and texts → values, with a usage error for a wrong one."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import click

T = TypeVar("T")

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


log_format_option = option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    show_default="text on a terminal, json elsewhere",
    help="Form of the log lines.",
)
