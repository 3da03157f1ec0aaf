"""The `switchover` command: the names of its commands → the modules that have them. Nothing is decided here."""

from importlib import import_module
from typing import Final

import click

_MODULES: Final = {
    "check": "switchover_operator.standalone.check",
    "crds": "switchover_operator.crds.command",
    "dataplane": "switchover_operator.standalone.data_plane",
    "operator": "switchover_operator.cluster.command",
    "run": "switchover_operator.standalone.run",
    "simulate": "switchover_simulator.cli",
}


class _Commands(click.Group):
    """Commands that are imported when they are asked for: each needs little of what the others do."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return [*_MODULES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _MODULES:
            return None
        command = getattr(import_module(_MODULES[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - each of these modules has one of its name
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="switchover", message="%(prog)s %(version)s")
def main() -> None:
    """Keep LLM traffic answered when a model fails.

    Switchover serves Gloo AI Gateway resources (Upstream with priorities, HTTPRoute, RouteOption) and moves each
    request to the next model when one fails.
    """
