"""`switchover run`: its flags and environment variables → `standalone.Settings`."""

import asyncio
import sys
from pathlib import Path

import click

from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator import core_dumps, logs
from switchover_operator.options import ENVIRONMENT, checked, host_and_port, log_format_option, option
from switchover_operator.standalone import standalone
from switchover_operator.standalone.file_list import STDIN
from switchover_operator.standalone.flags import allow_targets_option, files_option
from switchover_operator.standalone.workers import Command


@click.command(context_settings=ENVIRONMENT)
@files_option("A manifest, or a folder of manifests. Files are watched, and an edit is served at once. Repeatable.")
@option(
    "--bind", default="127.0.0.1", metavar="ADDRESS", help="Address of the listeners: port N of a Gateway is ADDRESS:N."
)
@option(
    "--admin",
    default="127.0.0.1:9180",
    metavar="HOST:PORT",
    callback=checked(host_and_port),
    help="Admin port (/readyz, /metrics, /v1/health ...). Worker k, counted from 0, uses PORT + k.",
)
@option(
    "--workers",
    default=1,
    type=click.IntRange(1, 256),
    metavar="N",
    help="Number of data-plane processes. They share the ports; one that ends is replaced.",
)
@option(
    "--connect-to",
    multiple=True,
    metavar="HOST:PORT:HOST:PORT",
    callback=checked(standalone.redirection),
    help="Connect to the second HOST:PORT where a target has the first, as curl's flag of this name does. Repeatable.",
)
@allow_targets_option
@log_format_option
def run(  # noqa: PLR0917 - one argument a flag; click names them
    paths: tuple[Path, ...],
    bind: str,
    admin: tuple[str, int],
    workers: int,
    connect_to: tuple[str, ...],
    allow_targets: tuple[Network, ...],
    log_format: logs.LogFormat | None,
) -> None:
    """Serve manifests on this machine, without a cluster.

    Logs "ready: URL" when every worker serves them. After a broken edit the last good state stays, and the reason is
    logged.

    \b
    Example: the failover guide, with a simulator instead of the model provider
      switchover simulate --bind 127.0.0.1:18080 &
      switchover run -f manifests/examples/model-failover \\
          --connect-to model-failover.gloo-system.svc.cluster.local:80:127.0.0.1:18080
    """
    if STDIN in paths:
        raise click.UsageError("-f - works with `switchover check` only: standard input cannot be watched")
    log_format = log_format or ("text" if sys.stdout.isatty() else "json")
    core_dumps.switch_off()
    allowed = (*LOOPBACK, *allow_targets)
    command = Command(
        bind,
        *admin,
        connect_to=connect_to,
        log_format=log_format,
        share_ports=workers > 1,
        allow_targets=tuple(map(str, allowed)),
        own_ports=tuple(range(admin[1], admin[1] + workers)),
    )
    logs.configure(log_format)
    try:
        asyncio.run(standalone.run(standalone.Settings(paths, workers, command, allowed)))
    except standalone.AdminPortTaken as taken:
        raise click.ClickException(str(taken)) from None
