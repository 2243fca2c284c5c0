"""`chaos heal`: undoes what the ledger of a run says is still broken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from chaos.cli import options


@click.command("heal", epilog="\b\nExample:\n  chaos heal latest")
@click.argument("run", default="latest")
@options.reports
def command(run: str, reports: Path) -> None:
    """Undo the faults that a run left behind.

    RUN is a run id, a run directory, or `latest`. Harmless when repeated. Ends with 5, and the commands for
    doing it by hand, if a fault cannot be undone.
    """
    from chaos.archive.run_directory import RunDirectory
    from chaos.runner.heal import heal_run

    directory = RunDirectory.find(reports, run)
    undone = asyncio.run(heal_run(directory))
    for line in undone:
        click.echo(line)
    if not undone:
        click.echo(f"{directory.run_id}: nothing to undo")
