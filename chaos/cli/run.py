"""`chaos run`: carries out scenarios, one after another, and ends with the gravest of their exit codes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli import options

if TYPE_CHECKING:
    from chaos.runner.options import RunOptions
    from chaos.runner.stage import Outcome
    from chaos.scenario.reader import ScenarioDocument

INTERRUPTED = (130, 143)
GRAVEST_FIRST = (5, 130, 143, 1, 4, 3, 2, 0)
"""Which exit code several scenarios end with: the first of these that occurred."""

EPILOG = """\
\b
Examples:
  chaos run scenarios/master-kill.yml
  chaos run scenarios/master-kill.yml --set cluster.config.cluster-node-timeout=2000 --seed 7
  chaos run scenarios/                      every scenario in a folder
  chaos run scenarios/master-kill.yml --json | jq .verdict
"""


@click.command("run", epilog=EPILOG)
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SCENARIO|DIR...")
@click.option("--driver", default="auto", show_default=True, help="Where nodes live: auto, docker or local.")
@click.option("--set", "overrides", multiple=True, metavar="K=V", help="Change one value of the scenario; V is YAML.")
@click.option("--seed", type=int, help="The seed of every draw; a printed seed reproduces the schedule.")
@options.reports
@click.option("--no-faults", is_flag=True, help="A placebo: the same run with nothing broken.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="The port of the metrics endpoint on 127.0.0.1.")
@click.option("--max-duration", metavar="D", help="Stop, heal and tear down after this time, for example 10m.")
@click.option("--json", "as_json", is_flag=True, help="The result on standard output, the rest on standard error.")
@click.option("--keep", is_flag=True, help="Leave the nodes running at the end, healed, for a look.")
@click.option("--quiet", is_flag=True, help="Say nothing while it runs.")
@click.pass_context
def command(
    context: click.Context,
    scenarios: Sequence[Path],
    driver: str,
    overrides: Sequence[str],
    seed: int | None,
    reports: Path,
    no_faults: bool,
    metrics_port: int | None,
    max_duration: str | None,
    as_json: bool,
    keep: bool,
    quiet: bool,
) -> None:
    """Run scenarios: build, load, break, measure, judge, tear down.

    Ends with 0 if every expectation holds, 1 if one does not, 4 if the run cannot tell.
    """
    from chaos.cli.catalogue import build_catalogue
    from chaos.runner.options import RunOptions
    from chaos.scenario.quantities import parse_duration
    from chaos.scenario.reader import read_document

    known = build_catalogue()
    documents = [read_document(path, known, overrides) for path in scenario_files(scenarios)]
    wanted = RunOptions(
        reports=reports,
        driver=driver,
        seed=seed,
        no_faults=no_faults,
        metrics_port=metrics_port,
        max_duration=parse_duration(max_duration) if max_duration else None,
        keep=keep,
        quiet=quiet,
    )
    codes: list[int] = []
    for document in documents:
        codes.append(carry_out(document, wanted, as_json=as_json))
        if codes[-1] in INTERRUPTED:
            break
    context.exit(next(code for code in GRAVEST_FIRST if code in codes))


def scenario_files(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and the `.yml` and `.yaml` files of folders; raises UsageError for an empty folder."""
    from chaos.errors import UsageError

    found: list[Path] = []
    for path in paths:
        inside = sorted([*path.glob("*.yml"), *path.glob("*.yaml")]) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"the folder {path} holds no scenario")
        found += inside
    return found


def carry_out(document: ScenarioDocument, wanted: RunOptions, *, as_json: bool) -> int:
    """Runs one scenario and shows how it ended; returns its exit code."""
    from chaos.errors import ChaosError

    try:
        return asyncio.run(_interruptible(document, wanted, as_json))
    except ChaosError as error:
        click.echo(f"chaos: {error}", err=True)
        return error.exit_code


async def _interruptible(document: ScenarioDocument, wanted: RunOptions, as_json: bool) -> int:
    """One run that answers SIGINT and SIGTERM by healing and tearing down; a second one is only acknowledged."""
    from chaos.model.plan import RunPlan
    from chaos.runner.run import Run
    from chaos.telemetry.console import PlanFacts, make_console
    from chaos.telemetry.sink import Sink

    out = sys.stderr if as_json else sys.stdout

    def sinks(plan: RunPlan) -> list[Sink]:
        console = make_console(out, quiet=wanted.quiet, facts=PlanFacts.of(plan))
        return [console] if console else []

    def notice(text: str) -> None:
        if not wanted.quiet:
            click.echo(text, err=True)

    run = Run(document, wanted, sinks, lambda outcome: show(outcome, as_json=as_json), notice)
    task = asyncio.ensure_future(run.execute())
    received: list[int] = []

    def interrupt(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            task.cancel()
        else:
            click.echo("chaos: already healing and tearing down", err=True)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    try:
        outcome = await task
    except asyncio.CancelledError:
        return 128 + received[0]
    return exit_code(outcome, received)


def exit_code(outcome: Outcome, received: Sequence[int] = ()) -> int:
    """The exit code of how a run ended."""
    from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS

    if outcome.undo_failures or outcome.leftovers:
        return 5
    if outcome.interrupted:
        return 128 + (received[0] if received else signal.SIGINT)
    if outcome.error:
        return outcome.error.exit_code
    assert outcome.result is not None
    return {PASS: 0, FAIL: 1, INCONCLUSIVE: 4}[outcome.result.verdict]


def show(outcome: Outcome, *, as_json: bool) -> None:
    """The summary for people, the JSON for programs, and what is left to do by hand, if anything."""
    from chaos.cli.report import summary

    tell: Callable[[str], None] = lambda text: click.echo(text, err=as_json)  # noqa: E731
    if outcome.result:
        tell("\n" + summary(outcome.result, sys.stderr if as_json else sys.stdout).rstrip("\n"))
        tell(f"\nReports: {_near(outcome.directory.path)}")
        if as_json:
            click.echo(outcome.result.model_dump_json(by_alias=True))
    if outcome.error:
        click.echo(f"chaos: {outcome.error}", err=True)
    if outcome.interrupted:
        click.echo(f"chaos: interrupted; healed and removed. What was seen: {_near(outcome.directory.path)}", err=True)
    if outcome.kept:
        tell(f"The nodes are left running: {', '.join(outcome.kept)}. `chaos clean` removes them.")
    for failure in outcome.undo_failures:
        click.echo(f"chaos: not undone: {failure}", err=True)
    for leftover in outcome.leftovers:
        click.echo(f"chaos: not removed: {leftover}", err=True)


def _near(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
