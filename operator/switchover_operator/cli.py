"""The `switchover` command: flags and environment variables → calls of what does the work. Nothing is decided here."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from switchover_dataplane.table import LOOPBACK, Network, network
from switchover_operator import core_dumps, logs
from switchover_operator.cluster.command import operator
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.crds.crd import render
from switchover_operator.garbage import no_collection
from switchover_operator.options import ENVIRONMENT, checked, host_and_port, log_format_option, option
from switchover_operator.standalone import check_report, standalone
from switchover_operator.standalone.file_list import STDIN
from switchover_operator.standalone.files import Manifests
from switchover_operator.standalone.workers import DATA_PLANE, Command
from switchover_simulator.cli import simulate

T = TypeVar("T")


def _files_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
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


_allow_targets_option = option(
    "--allow-targets",
    multiple=True,
    metavar="CIDR",
    callback=checked(network),
    help="Allow targets in this network, even if it is link-local or otherwise refused. Loopback is always allowed. "
    "Repeatable.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="switchover", message="%(prog)s %(version)s")
def main() -> None:
    """Keep LLM traffic answered when a model fails.

    Switchover serves Gloo AI Gateway resources (Upstream with priorities, HTTPRoute, RouteOption) and moves each
    request to the next model when one fails.
    """


@main.command(context_settings=ENVIRONMENT)
@_files_option("A manifest, or a folder of manifests. Files are watched, and an edit is served at once. Repeatable.")
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
@_allow_targets_option
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


@main.command(context_settings=ENVIRONMENT)
@_files_option("A manifest, a folder of manifests, or - for standard input. Repeatable.")
@_allow_targets_option
@click.option("--ascii", "plain", is_flag=True, allow_from_autoenv=False, help="Print ASCII characters only.")
def check(paths: tuple[Path, ...], allow_targets: tuple[Network, ...], plain: bool) -> None:
    """Report what the manifests would serve, and every problem in them.

    Exits with status 1 if a file cannot be read or an object is not accepted.
    """
    missing = [path for path in paths if path != STDIN and not path.exists()]
    if missing:
        raise click.BadParameter(f"{', '.join(map(str, missing))} does not exist", param_hint="-f")
    with no_collection():
        view = Manifests(paths).read()
        compiled = compile_snapshot(view.snapshot, {}, Standalone((*LOOPBACK, *allow_targets)))
        text = check_report.report(view, compiled, check_report.marks(sys.stdout.encoding, plain=plain))
    click.echo(text)
    if not check_report.is_good(view, compiled):
        sys.exit(1)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dataplane(arguments: tuple[str, ...]) -> None:
    """Run one data-plane process; --help lists its flags."""
    os.execv(sys.executable, [sys.executable, *DATA_PLANE, *arguments])  # noqa: S606 - no shell


@main.command()
@click.option(
    "--write",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each of them to a file in this folder instead.",
)
def crds(write: Path | None) -> None:
    """Print the CustomResourceDefinitions of our own kind and of Gloo's kinds that are served, as one YAML stream."""
    files = render()
    if write is None:
        click.echo("---\n".join(files[name] for name in sorted(files)), nl=False)
        return
    write.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(files.items()):
        (write / name).write_text(text)
        click.echo(write / name)


main.add_command(operator)
main.add_command(simulate)
