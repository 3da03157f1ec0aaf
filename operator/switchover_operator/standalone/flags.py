"""Flags that the commands without a cluster share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from switchover_dataplane.target_addresses import network
from switchover_operator.options import checked, option

T = TypeVar("T")


def files_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make the flag that names manifests."""
    return option(
        "-f",
        "--filename",
        "paths",
        type=click.Path(path_type=Path),
        multiple=True,
        required=True,
        envvar="SWITCHOVER_FILENAME",
        metavar="PATH",
        help=help_text,
    )


allow_targets_option = option(
    "--allow-targets",
    multiple=True,
    metavar="CIDR",
    callback=checked(network),
    help="Allow targets in this network, even if it is link-local or otherwise refused. Loopback is always allowed. "
    "Repeatable.",
)
