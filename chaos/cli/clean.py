"""`chaos clean`: removes what dead runs left, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.errors import ChaosError, Misread, UndoFailed

if TYPE_CHECKING:
    from chaos.cli.leftovers import Leftover


class Duration(click.ParamType[float]):
    """A duration as scenarios write it."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from chaos.scenario.quantities import parse_duration

        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except Misread as error:
            self.fail(str(error), param, ctx)


@click.command("clean", epilog="\b\nExample:\n  chaos clean --older-than 1h")
@click.option("--older-than", type=Duration(), help="Only runs that began longer ago than this, for example 1h.")
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only runs whose directory is in this folder.  [default: all]",
)
def command(older_than: float | None, reports: Path | None) -> None:
    """Remove the nodes and networks that dead runs left behind.

    A run is dead if this machine ran it and no process holds the lock in its directory any more. Runs that
    are alive, and those of other machines, are listed and left. Run directories are never removed.
    """
    asyncio.run(_clean(older_than, reports))


async def _clean(older_than: float | None, reports: Path | None) -> None:
    from chaos.cli.leftovers import Owner, find_leftovers

    found, silent = await find_leftovers()
    for reason in silent:
        click.echo(f"not looked at: {reason}", err=True)
    left: list[str] = []
    for leftover in found:
        kept = leftover.owner.value if leftover.owner is not Owner.DEAD else _spared(leftover, older_than, reports)
        if kept:
            click.echo(f"left     {leftover.sentence}: {kept}")
        else:
            left += await _remove(leftover)
    if not found:
        click.echo("nothing to clean")
    if left:
        raise UndoFailed("not everything could be removed:\n" + "\n".join(left))


def _spared(leftover: Leftover, older_than: float | None, reports: Path | None) -> str | None:
    """Why a dead run is left by what the user asked for; None if it is not."""
    directory = Path(leftover.label.run_directory)
    if reports is not None and directory.parent.resolve() != reports.resolve():
        return f"its directory is {directory}"
    age = leftover.age_seconds()
    if older_than is not None and age is not None and age < older_than:
        return f"it began {age:.0f} s ago"
    return None


async def _remove(leftover: Leftover) -> list[str]:
    """Removes what one dead run left; returns what could not be removed, in words."""
    from chaos.cli.leftovers import opened

    try:
        async with opened(leftover.driver, leftover.label) as (driver, _):
            left = await driver.down()
    except ChaosError as error:
        left = [f"{leftover.sentence}: {error}"]
    if not left:
        click.echo(f"removed  {leftover.sentence}")
    return left
