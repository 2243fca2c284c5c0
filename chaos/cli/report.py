"""`chaos report`: the report of a run, rendered again from its result."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from chaos.cli import options
from chaos.telemetry.console import shows_colour

if TYPE_CHECKING:
    from chaos.model.result import RunResult


@click.command(
    "report",
    epilog="\b\nExamples:\n  chaos report latest\n  chaos report latest --format markdown > report.md",
)
@click.argument("run", default="latest")
@click.option("--format", "form", default="terminal", show_default=True, help="terminal, markdown or json.")
@options.reports
def command(run: str, form: str, reports: Path) -> None:
    """Render the report of a run again.

    RUN is a run id, a run directory, or `latest`.
    """
    from chaos.archive.result import read_result
    from chaos.archive.run_directory import RunDirectory
    from chaos.reports.report import REPORTS

    report = REPORTS.get(form)
    result = read_result(RunDirectory.find(reports, run))
    text = summary(result, sys.stdout) if form == "terminal" else report().render(result)
    click.echo(text.rstrip("\n"))


def summary(result: RunResult, stream: TextIO) -> str:
    """The terminal report as it fits a stream: as wide as it is, in colour where colours are shown."""
    from chaos.reports.terminal import Terminal

    width = shutil.get_terminal_size((100, 24)).columns if stream.isatty() else 100
    return Terminal().render(result, width, shows_colour(stream))
