"""`switchover dataplane`: the data plane's process in the place of this one."""

import os
import sys
from typing import Final

import click

DATA_PLANE: Final = ("-P", "-m", "switchover_dataplane")
"""The interpreter's arguments for a data plane. Without -P it would import modules of the current folder first."""


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dataplane(arguments: tuple[str, ...]) -> None:
    """Run one data-plane process; --help lists its flags."""
    os.execv(sys.executable, [sys.executable, *DATA_PLANE, *arguments])  # noqa: S606 - no shell
