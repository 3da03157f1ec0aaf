"""`switchover crds`: the CustomResourceDefinitions, printed or written to files."""

from pathlib import Path

import click

from switchover_operator.crds.crd import render


@click.command()
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
