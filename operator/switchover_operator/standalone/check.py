"""`switchover check`: its flags → the report of what manifests would serve."""

import sys
from pathlib import Path

import click

from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator.options import ENVIRONMENT
from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.flags import (
    absent,
    allow_targets_option,
    files_option,
    named_paths,
    variables_option,
)


@click.command(context_settings=ENVIRONMENT)
@files_option("A manifest, a folder of manifests, or - for standard input. Repeatable.")
@variables_option
@allow_targets_option
@click.option("--ascii", "plain", is_flag=True, allow_from_autoenv=False, help="Print ASCII characters only.")
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    allow_from_autoenv=False,
    help="How to print the report.",
)
def check(  # noqa: PLR0917 - one argument a flag; click names them
    flagged: tuple[Path, ...],
    named: tuple[Path, ...],
    variables: Variables,
    allow_targets: tuple[Network, ...],
    plain: bool,
    output: str,
) -> None:
    """Report what the manifests would serve, and every problem in them.

    Exits with status 1 if a file cannot be read, or if something of this gateway is refused, not served, attached to
    nothing, or answered with an error of the gateway's own. Objects of other controllers never fail it.
    """
    paths = named_paths(flagged, named)
    if not paths:
        raise click.UsageError("name manifests: switchover check PATH, or - for standard input")
    if missing := absent(paths):
        raise click.BadParameter(f"{', '.join(map(str, missing))} does not exist", param_hint="PATH")
    # Help needs none of these, and they take most of its time.
    from switchover_operator.compiler.compile import compile_snapshot  # noqa: PLC0415
    from switchover_operator.compiler.fleet import Standalone  # noqa: PLC0415
    from switchover_operator.garbage import no_collection  # noqa: PLC0415
    from switchover_operator.standalone import check_report  # noqa: PLC0415
    from switchover_operator.standalone.files import Manifests  # noqa: PLC0415

    with no_collection():
        view = Manifests(paths, variables).read()
        snapshot = view.snapshot
        compiled = compile_snapshot(snapshot, {}, Standalone((*LOOPBACK, *allow_targets)))
        checked = check_report.Checked(view, snapshot, compiled)
        signs = check_report.marks(sys.stdout.encoding, plain=plain)
        text = check_report.as_json(checked) if output == "json" else check_report.report(checked, signs)
    click.echo(text)
    if not checked.is_good:
        sys.exit(1)
