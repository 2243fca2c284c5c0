"""Options that several commands share, and the label under which commands look around."""

from __future__ import annotations

from pathlib import Path

import click

from chaos.drivers.driver import RunLabel
from chaos.host import host_id

REPORTS = Path("reports")

reports = click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPORTS,
    show_default=True,
    help="The folder that holds the run directories.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def no_run() -> RunLabel:
    """The label for a driver that makes nothing: it only looks."""
    return RunLabel(run_id="", host_id=host_id(), run_directory="")
