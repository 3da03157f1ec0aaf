"""Flags' values → what they mean, with click's words where one is wrong."""

from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")


def checked(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, object], object]:
    """Make a click callback that turns a flag's ValueError into a usage error, for one value or each of several."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: object) -> object:
        try:
            return tuple(parse(str(each)) for each in value) if isinstance(value, tuple) else parse(str(value))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
