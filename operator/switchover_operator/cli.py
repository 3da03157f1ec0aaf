"""The `switchover` command: the names of its commands → the modules that have them. Nothing is decided here."""

import os
from importlib import import_module
from typing import Final, NamedTuple

import click
from click.shell_completion import CompletionItem

from switchover_operator.garbage import no_collection


class _Command(NamedTuple):
    """Where a command is, and the first sentence of its help: the list of commands imports none of them."""

    module: str
    summary: str


_COMMANDS: Final = {
    "check": _Command(
        "switchover_operator.standalone.check", "Report what the manifests would serve, and every problem in them."
    ),
    "crds": _Command(
        "switchover_operator.crds.command",
        "Print the CustomResourceDefinitions of our own kind and of Gloo's kinds that are served, as one YAML stream.",
    ),
    "dataplane": _Command(
        "switchover_operator.standalone.data_plane", "Run one data-plane process; --help lists its flags."
    ),
    "operator": _Command(
        "switchover_operator.cluster.command",
        "Operate in a cluster: compile its objects, push the table to the data planes, write statuses.",
    ),
    "run": _Command(
        "switchover_operator.standalone.run", "Serve models, or manifests, on this machine, without a cluster."
    ),
    "simulate": _Command(
        "switchover_simulator.cli",
        "Act as an LLM provider that fails: 429 to every request, unless a scenario says otherwise.",
    ),
}


class _Commands(click.Group):
    """Commands that are imported when they are asked for: each needs little of what the others do."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        with no_collection():
            module = import_module(_COMMANDS[cmd_name].module)
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - each of these modules has one of its name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=command.summary)
            for name, command in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="switchover", message="%(prog)s %(version)s")
def main() -> None:
    """Keep LLM traffic answered when a model fails.

    Switchover serves Gloo AI Gateway resources (Upstream with priorities, HTTPRoute, RouteOption) and moves each
    request to the next model when one fails.
    """
    # https://no-color.org: any value but an empty one.
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False
