"""Whole runs of the toy store on the memory driver, on a fake clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chaos import clock
from chaos.archive.journal import read_events
from chaos.archive.run_directory import RunDirectory
from chaos.cli.catalogue import build_catalogue
from chaos.cli.run import exit_code
from chaos.clock import VirtualTimeLoop
from chaos.drivers.driver import RunLabel
from chaos.drivers.memory import Memory
from chaos.fake.world import WORLD
from chaos.host import host_id
from chaos.model.event import Event
from chaos.model.injection import LedgerEntry
from chaos.model.result import Expectation, RunResult, TrialResult
from chaos.runner.draft import new_run_id
from chaos.runner.injector import Injector
from chaos.runner.ledger import Ledger, read_ledger
from chaos.runner.options import RunOptions
from chaos.runner.run import Run
from chaos.runner.stage import Outcome
from chaos.scenario.reader import ScenarioDocument, read_document
from chaos.telemetry.sink import Sink
from chaos.telemetry.stream import Stream
from tests.fake.clusters import form

Result = TypeVar("Result")
Plain = Mapping[str, Any]

KILL: Plain = {"name": "death", "at": "2s", "for": "6s", "kill": "master of shard 2"}
CLUSTER: Plain = {"system": "toy", "shards": 3, "replicas": 1}
LOAD: Plain = {"rate": "100/s", "keys": 200}


def play(work: Coroutine[Any, Any, Result], start_seconds: float = 1000.0) -> Result:
    """The result of some work on a clock that jumps over every wait."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start_seconds)) as runner:
        return runner.run(work)


def document(
    folder: Path,
    *,
    config: Mapping[str, str] | None = None,
    faults: Sequence[Plain] = (KILL,),
    expect: Plain | None = None,
    **further: Any,
) -> ScenarioDocument:
    """A scenario as the reader reads it; `config` goes to the toy store."""
    plain = {
        "cluster": {**CLUSTER, "config": config or {}},
        "load": LOAD,
        "warmup": "3s",
        "faults": list(faults),
        "duration": "12s",
        "settle": "5s",
        "expect": expect or {},
        **further,
    }
    path = folder / "toy.yml"
    given = {key: value for key, value in plain.items() if value is not None}
    path.write_text(json.dumps(given), encoding="utf-8")  # JSON is YAML too
    return read_document(path, build_catalogue())


@dataclass
class Heard:
    """A sink that keeps every event, and does something at one of them."""

    events: list[Event] = field(default_factory=list)

    def receive(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Played:
    """A run that has ended, and what it left on disk."""

    outcome: Outcome

    @property
    def result(self) -> RunResult:
        assert self.outcome.result is not None, self.outcome.error
        return self.outcome.result

    @property
    def trial(self) -> TrialResult:
        [trial] = self.result.trials
        return trial

    @property
    def exit_code(self) -> int:
        return exit_code(self.outcome)

    @property
    def directory(self) -> RunDirectory:
        return self.outcome.directory

    @property
    def events(self) -> list[Event]:
        return list(read_events(self.directory.journal))

    @property
    def ledger(self) -> list[LedgerEntry]:
        return read_ledger(self.directory.ledger)

    def named(self, event: str) -> list[Event]:
        return [one for one in self.events if one.event == event]

    def expectation(self, check: str) -> Expectation:
        [found] = [one for one in self.result.expectations if one.check == check]
        return found


async def execute(wanted: ScenarioDocument, options: RunOptions, *sinks: Sink) -> Played:
    """Carries out one run."""
    return Played(await Run(wanted, options, lambda _: list(sinks), lambda _: None).execute())


def options(folder: Path, **changes: Any) -> RunOptions:
    return RunOptions(**{"reports": folder / "reports", "driver": "memory", "seed": 7, **changes})


def play_run(folder: Path, *sinks: Sink, asked: Plain | None = None, **scenario: Any) -> Played:
    """One whole run of a scenario with these values; `asked` are the options of the command."""
    return play(execute(document(folder, **scenario), options(folder, **(asked or {})), *sinks))


def steps(entries: Sequence[LedgerEntry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        yield entry.injection, entry.step


def left_in_the_world() -> list[str]:
    """What any run has left."""
    return [*WORLD.machines, *WORLD.networks]


async def killed_run(folder: Path, faults: Sequence[Plain], config: Mapping[str, str] | None = None) -> RunDirectory:
    """A run as it stands when its process is killed while its faults are in force: nothing undone, nobody alive."""
    scenario = document(folder, faults=faults, config=config).scenario
    directory = RunDirectory.create(folder / "reports", new_run_id(scenario.name))
    cluster = await form(Memory(RunLabel(directory.run_id, host_id(), str(directory.path))), scenario)
    directory.plan.write_text(cluster.plan.model_dump_json(), encoding="utf-8")
    injector = Injector(cluster, Ledger(directory.ledger), Stream([]), 1, lambda node: None)
    for planned, entry in zip(cluster.plan.timeline, scenario.faults, strict=True):
        await injector.inject(planned, entry.target, clock.now(), random.Random(1))
    return directory
