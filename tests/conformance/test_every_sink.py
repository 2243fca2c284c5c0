"""What every sink owes: it takes all events of any run, and can be closed after them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chaos.archive.evidence import read_plan
from chaos.model.event import Event
from chaos.telemetry.console import LiveConsole, PlainConsole, PlanFacts
from chaos.telemetry.journal import Journal
from chaos.telemetry.prometheus import KnownSeries, Metrics
from chaos.telemetry.sink import Sink
from tests.runner.toy_run import Played, play_run

SINKS: dict[str, Callable[[Played, Path], Sink]] = {
    "journal": lambda run, folder: Journal(folder / "journal.jsonl"),
    "metrics": lambda run, folder: Metrics(KnownSeries.of(read_plan(run.directory), ("load",))),
    "plain console": lambda run, folder: PlainConsole(io.StringIO(), PlanFacts.of(read_plan(run.directory))),
    "live console": lambda run, folder: LiveConsole(io.StringIO(), PlanFacts.of(read_plan(run.directory))),
}
RUNS: dict[str, dict[str, Any]] = {
    "a failover": {},
    "an undo that fails": {"config": {"start-again": "no"}},
    "a load that dies": {"config": {"garble-reads": "300"}},
    "no steady state": {"config": {"refuse-writes": "3"}},
}


@pytest.fixture(scope="module", params=sorted(RUNS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_run(tmp_path_factory.mktemp("run"), **RUNS[request.param])


def feed(sink: Sink, events: Sequence[Event]) -> None:
    for event in events:
        sink.receive(event)
    sink.close()


@pytest.mark.parametrize("name", sorted(SINKS))
def test_it_takes_every_event(name: str, run: Played, tmp_path: Path) -> None:
    """No event of a whole run, however it ended, makes a sink raise."""
    feed(SINKS[name](run, tmp_path), run.events)


@pytest.mark.parametrize("name", sorted(SINKS))
def test_it_takes_half_a_run(name: str, run: Played, tmp_path: Path) -> None:
    """A sink can be closed in the middle of a run."""
    feed(SINKS[name](run, tmp_path), run.events[: len(run.events) // 2])
