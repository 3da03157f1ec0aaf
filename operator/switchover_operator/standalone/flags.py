"""Flags that `switchover run` and `switchover check` have in common."""

import os
import stat
from collections import ChainMap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

from switchover_dataplane.target_addresses import network
from switchover_operator.options import checked, option
from switchover_operator.standalone.env_file import MAX_BYTES, NotVariables, Variables, variables_of
from switchover_operator.standalone.file_list import STDIN
from switchover_operator.standalone.yaml_values import Unreadable

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


# ── Variables ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _variables(_context: click.Context, _parameter: click.Parameter, files: tuple[Path, ...]) -> Variables:
    """Return this process's variables and those of the files: the process comes first, then the last file."""
    return ChainMap(dict(os.environ), *(_of_file(file) for file in reversed(files)))


def _of_file(file: Path) -> dict[str, str]:
    """Read one file of variables.

    Raises:
        BadParameter: it cannot be read, or is none. The message repeats nothing of it but names.
    """
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise click.BadParameter(f"{file}: larger than {MAX_BYTES >> 20} MiB, which no file of variables is")
        found = variables_of(data)
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    except (NotVariables, Unreadable) as error:
        raise click.BadParameter(f"{file}:{error.line}: {error}") from None
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        click.echo(f"Warning: everybody on this machine may read {file}; if keys are in it: chmod 600 {file}", err=True)
    return found


variables_option = option(
    "--env-file",
    "variables",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="SWITCHOVER_ENV_FILE",
    metavar="FILE",
    callback=_variables,
    help="A file of NAME=VALUE lines for the ${NAME} in manifests. A variable of the environment itself comes first. "
    "Repeatable; of two files the later one counts.",
)
