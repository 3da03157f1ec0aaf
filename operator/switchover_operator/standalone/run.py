"""`switchover run`: its flags and environment variables → `standalone.Settings`."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator import core_dumps, logs
from switchover_operator.options import (
    ENVIRONMENT,
    address_without_port,
    checked,
    host_and_port,
    log_format_option,
    option,
    redirection,
)
from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.file_list import STDIN
from switchover_operator.standalone.flags import (
    absent,
    allow_targets_option,
    files_option,
    named_paths,
    on_command_line,
    variables_option,
)
from switchover_operator.standalone.model_names import Model, model_of, names_a_model

_CHECK: Final = "`switchover check` with the same paths says what is wrong with each object"
_WAITS: Final = "starts all the same and serves what comes there later"


@click.command(context_settings=ENVIRONMENT)
@option(
    "--model",
    "models",
    multiple=True,
    metavar="PROVIDER/MODEL[@HOST:PORT]",
    callback=checked(model_of),
    help="Serve this model, without a file. Repeatable: the next one is tried when one fails. Keys come from the "
    "providers' environment variables, as OPENAI_API_KEY.",
)
@option(
    "--port",
    "listen_port",
    default=8080,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Port at which --model is served.",
)
@option(
    "--client-keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Let in only the callers of this file, for --model: a line NAME KEY for each.",
)
@option("--print", "print_only", is_flag=True, help="Print --model as manifests, and serve nothing.")
@files_option(
    "A manifest, a folder of manifests, or - for standard input. An edited file is served at once. Repeatable."
)
@option("--wait", is_flag=True, help="Start also when nothing can be served yet, and wait for files.")
@option(
    "--bind",
    default="127.0.0.1",
    metavar="ADDRESS",
    callback=checked(address_without_port),
    help="Address of the listeners: port N of a Gateway is ADDRESS:N.",
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
    callback=checked(redirection),
    help="Connect to the second HOST:PORT where a target has the first, as curl's flag of this name does. Repeatable.",
)
@variables_option
@allow_targets_option
@option("--log-all", is_flag=True, help="Write a log line for every request, for plain successes too.")
@log_format_option
def run(  # noqa: PLR0917 - one argument a flag; click names them
    models: tuple[Model, ...],
    listen_port: int,
    client_keys: Path | None,
    print_only: bool,
    flagged: tuple[Path, ...],
    named: tuple[Path, ...],
    wait: bool,
    bind: str,
    admin: tuple[str, int],
    workers: int,
    connect_to: tuple[str, ...],
    variables: Variables,
    allow_targets: tuple[Network, ...],
    log_all: bool,
    log_format: logs.LogFormat | None,
) -> None:
    """Serve models, or manifests, on this machine, without a cluster.

    Says "ready: URL" when every worker serves. After a broken edit the last good state stays, and the reason is logged.

    \b
    Examples: two models, the second one for when the first fails; the failover guide with a simulated provider
      switchover run --model openai/gpt-4o --model mistral/mistral-large-latest
      switchover simulate --bind 127.0.0.1:18080 &
      switchover run manifests/examples/model-failover \\
          --connect-to model-failover.gloo-system.svc.cluster.local:80:127.0.0.1:18080
    """
    # Help needs none of these, and they take most of its time.
    from switchover_operator.standalone import model_run, standalone  # noqa: PLC0415
    from switchover_operator.standalone.files import Manifests  # noqa: PLC0415
    from switchover_operator.standalone.workers import Command  # noqa: PLC0415

    paths = named_paths(flagged, named)
    # What the command line names counts in place of what the environment does.
    if models and on_command_line("models") and not (named or on_command_line("flagged")):
        paths = ()
    elif paths and (named or on_command_line("flagged")) and not on_command_line("models"):
        models = ()
    asked = model_run.Asked(models, listen_port, client_keys, bind, variables)
    if models and (paths or wait):
        raise click.UsageError(model_run.ALONE if paths else "--wait waits for files; --model needs none")
    if not models:
        _check_paths(paths, wait=wait)
        only_for_models = {"--port": "listen_port", "--print": "print_only", "--client-keys": "client_keys"}
        for flag, name in only_for_models.items():
            if on_command_line(name):
                raise click.UsageError(f"{flag} is for --model: {model_run.IN_FILES[flag]}")
    if print_only:
        click.echo(model_run.manifests(asked), nl=False)
        return
    log_format = log_format or ("text" if sys.stdout.isatty() else "json")
    core_dumps.switch_off()
    allowed = (*LOOPBACK, *allow_targets)
    own_ports = tuple(range(admin[1], admin[1] + workers))
    command = Command(
        bind,
        *admin,
        connect_to=connect_to,
        log_format=log_format,
        log_all=log_all,
        share_ports=workers > 1,
        allow_targets=tuple(map(str, allowed)),
        own_ports=own_ports,
    )
    if models:
        if listen_port in own_ports:
            raise click.UsageError(f"--port {listen_port} is the admin port, too; name another one")
        settings = model_run.settings(asked, workers, command, allowed)
    else:
        manifests = Manifests(paths, variables)
        if STDIN in paths:
            manifests.read()  # here, where Ctrl-C ends it
        remedy = _CHECK if all(path == STDIN for path in paths) else f"{_CHECK}, and --wait {_WAITS}"
        settings = standalone.Settings(manifests, workers, command, allowed, wait, remedy)
    logs.configure(log_format)
    try:
        asyncio.run(standalone.run(settings))
    except standalone.CannotServe as why:
        raise click.ClickException(str(why)) from None


def _check_paths(paths: tuple[Path, ...], *, wait: bool) -> None:
    """Check that there is something to read, or may come.

    Raises:
        UsageError: no path is named.
        ClickException: there is nothing at one of them.
    """
    if not paths:
        raise click.UsageError(
            "name what to serve: --model PROVIDER/MODEL, such as openai/gpt-4o, or manifests by PATH"
        )
    if wait and all(path == STDIN for path in paths):
        raise click.UsageError("--wait waits for files; standard input is read once")
    missing = [] if wait else absent(paths)
    if missing and names_a_model(str(missing[0])):
        raise click.UsageError(f"{missing[0]} is a model and no file: --model {missing[0]}")
    if missing:
        names = ", ".join(map(str, missing))
        raise click.ClickException(
            f"{names} {'does' if len(missing) == 1 else 'do'} not exist; name a file or a folder of manifests; "
            f"--wait {_WAITS}"
        )
