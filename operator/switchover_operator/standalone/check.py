"""`switchover check`: its flags → the report of what manifests would serve."""

import sys
from pathlib import Path

import click

from switchover_dataplane.target_addresses import LOOPBACK, Network
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.garbage import no_collection
from switchover_operator.options import ENVIRONMENT
from switchover_operator.standalone import check_report
from switchover_operator.standalone.file_list import STDIN
from switchover_operator.standalone.files import Manifests
from switchover_operator.standalone.flags import allow_targets_option, files_option


@click.command(context_settings=ENVIRONMENT)
@files_option("A manifest, a folder of manifests, or - for standard input. Repeatable.")
@allow_targets_option
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
