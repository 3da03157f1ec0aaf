"""Flags that `switchover run` and `switchover check` have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

from switchover_dataplane.target_addresses import network
from switchover_operator.options import checked, option
from switchover_operator.standalone.file_list import STDIN

T = TypeVar("T")

_Command = Callable[..., None]


def files_option(help_text: str) -> Callable[[_Command], _Command]:
    """Make what names manifests: the flag -f, and paths without it; `named_paths` gives both together."""

    def declare(command: _Command) -> _Command:
        paths = click.Path(path_type=Path)
        flag = option(
            "-f", "--filename", "flagged", type=paths, multiple=True, envvar="SWITCHOVER_FILENAME", metavar="PATH",
            help=help_text,
        )  # fmt: skip
        return flag(click.argument("named", nargs=-1, type=paths, metavar="[PATH]...")(command))

    return declare


def named_paths(flagged: tuple[Path, ...], named: tuple[Path, ...]) -> tuple[Path, ...]:
    """Give the paths of -f and those without it; what the command line names counts in place of the environment's."""
    return named if named and not on_command_line("flagged") else (*flagged, *named)


def on_command_line(parameter: str) -> bool:
    """Whether a parameter of the running command has its value from the command line."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def absent(paths: tuple[Path, ...]) -> list[Path]:
    """Return the paths at which there is nothing."""
    return [path for path in paths if path != STDIN and not path.exists()]


allow_targets_option = option(
    "--allow-targets",
    multiple=True,
    metavar="CIDR",
    callback=checked(network),
    help="Allow targets in this network, even if it is link-local or otherwise refused. Loopback is always allowed. "
    "Repeatable.",
)
