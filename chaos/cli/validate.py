"""`chaos validate`: every mistake of scenario files at once."""

from __future__ import annotations

from pathlib import Path

import click

from chaos.errors import ScenarioError, UsageError


@click.command("validate", epilog="\b\nExample:\n  chaos validate scenarios/*.yml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def command(context: click.Context, files: tuple[Path, ...]) -> None:
    """Say every mistake in scenario files; start nothing.

    Each mistake is one line on standard error: file:line:column, what is wrong, what would be right.
    Ends with 2 if there is any.
    """
    from chaos.cli.catalogue import build_catalogue
    from chaos.scenario.reader import read_scenario

    catalogue = build_catalogue()
    valid = True
    for file in files:
        try:
            read_scenario(file, catalogue)
            click.echo(f"{file}: ok")
        except ScenarioError as error:
            click.echo(str(error), err=True)
            valid = False
    if not valid:
        context.exit(UsageError.exit_code)
