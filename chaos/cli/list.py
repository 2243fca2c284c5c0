"""`chaos list`: what there is to build on, to build, to break, to check, and what was run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tabulate import tabulate

from chaos.cli import options
from chaos.registry import Family, first_sentence

if TYPE_CHECKING:
    from chaos.archive.run_directory import RunDirectory

Row = dict[str, str]


@click.command("list", epilog="\b\nExamples:\n  chaos list faults\n  chaos list runs --json")
@click.argument("what", type=click.Choice(["drivers", "systems", "faults", "checks", "targets", "runs"]))
@options.reports
@options.as_json
def command(what: str, reports: Path, as_json: bool) -> None:
    """List drivers, systems, faults, checks, targets or runs."""
    rows = _runs(reports) if what == "runs" else _LISTS[what]()
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        click.echo(tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True))
    else:
        click.echo(f"no {what}" + (f" in {reports}" if what == "runs" else ""))


def _drivers() -> list[Row]:
    from chaos.drivers.driver import CAPABILITIES, DRIVERS

    return [
        row
        | {"can": ", ".join(can.__name__.lower() for can in CAPABILITIES if issubclass(DRIVERS.get(row["name"]), can))}
        for row in _members(DRIVERS)
    ]


def _systems() -> list[Row]:
    from chaos.systems.system import SYSTEMS

    return [{"name": name, "what it is": system.sentence} for name, system in SYSTEMS.all().items()]


def _faults() -> list[Row]:
    from chaos.faults.fault import FAULTS

    return [row | {"options": ", ".join(FAULTS.get(row["name"]).model_fields)} for row in _members(FAULTS)]


def _checks() -> list[Row]:
    from chaos.cli.catalogue import build_catalogue

    checks = build_catalogue().checks.items()
    return [{"name": name, "what it is": rule.sentence, "unit": rule.unit} for name, rule in checks]


def _targets() -> list[Row]:
    from chaos.scenario.targets import SENTENCES

    return [{"target": form, "chooses": sentence} for form, sentence in SENTENCES.items()]


def _runs(reports: Path) -> list[Row]:
    from chaos.archive.run_directory import all_runs

    return [_run(directory) for directory in all_runs(reports)]


def _run(directory: RunDirectory) -> Row:
    from chaos.archive.result import read_result
    from chaos.errors import Inconclusive

    try:
        result = read_result(directory)
    except Inconclusive:
        verdict = "running" if directory.is_alive else "not judged"
        return {"run": directory.run_id, "scenario": "", "verdict": verdict, "started": "", "seconds": ""}
    return {
        "run": directory.run_id,
        "scenario": result.scenario,
        "verdict": result.verdict,
        "started": result.started_at,
        "seconds": f"{result.duration_seconds:.0f}",
    }


def _members(family: Family[Any]) -> list[Row]:
    return [{"name": name, "what it is": first_sentence(member)} for name, member in family.all().items()]


_LISTS: dict[str, Callable[[], list[Row]]] = {
    "drivers": _drivers,
    "systems": _systems,
    "faults": _faults,
    "checks": _checks,
    "targets": _targets,
}
