"""The commands' declarations → docs/reference/cli.md."""

import re
from collections.abc import Iterator
from typing import Final

import click

from reference.tables import code, table
from switchover_dataplane.command import main as data_plane
from switchover_operator.cli import main

_INTRODUCTION = """# Commands and flags

`switchover COMMAND --help` says the same. A flag with a variable takes its value from the environment, too; the command
line comes first. Where a flag can be repeated, spaces separate the values in its variable.

"""

_SHOWN: Final = {"FLOAT RANGE": "SECONDS", "INTEGER RANGE": "N"}


def page() -> str:
    """Write the page."""
    context = click.Context(main)
    names = main.list_commands(context)
    commands = {name: main.get_command(context, name) for name in names} | {"dataplane": data_plane}
    return _INTRODUCTION + "\n".join(_section(name, commands[name]) for name in names)


def _section(name: str, command: click.Command | None) -> str:
    assert command is not None
    text = re.sub(r"\n*\x08\n.*", "", command.help or "", flags=re.DOTALL)
    prefix: str | None = command.context_settings.get("auto_envvar_prefix")
    with click.Context(command, info_name=name, auto_envvar_prefix=prefix) as context:
        rows = [_row(option, context) for option in command.params if isinstance(option, click.Option)]
        arguments = " ".join(_usage(command, context))
    usage = f"```text\nswitchover {name} {arguments}\n```\n"
    flags = table(("flag", "variable", "default", "meaning"), rows) if rows else ""
    return f"## switchover {name}\n\n{' '.join(text.split())}\n\n{usage}\n{flags}"


def _usage(command: click.Command, context: click.Context) -> Iterator[str]:
    yield "[OPTIONS]"
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield parameter.make_metavar(context)


def _row(option: click.Option, context: click.Context) -> tuple[str, ...]:
    names = ", ".join(option.opts)
    shown = "" if option.is_flag else f" {_SHOWN.get(metavar := option.make_metavar(context), metavar)}"
    return code(names + shown), code(_variable(option, context)), _default(option), option.help or ""


def _variable(option: click.Option, context: click.Context) -> str:
    if option.envvar:
        return str(option.envvar)
    return f"{context.auto_envvar_prefix}_{(option.name or '').upper()}" if context.auto_envvar_prefix else ""


def _default(option: click.Option) -> str:
    if isinstance(option.show_default, str):
        return option.show_default
    if option.required:
        return "required"
    if option.is_flag or option.multiple:
        return ""
    default = option.to_info_dict()["default"]
    return "" if default is None or callable(default) else code(str(default))
