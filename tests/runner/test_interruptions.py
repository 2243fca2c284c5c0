"""Every way out of a run: what was broken is undone, and nothing is left, whenever it is interrupted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chaos.archive.run_directory import RunDirectory
from chaos.errors import ChaosError, EnvironmentLacks
from chaos.fake.world import WORLD
from chaos.model.event import Event
from chaos.runner.ledger import outstanding
from tests.runner.toy_run import (
    KILL,
    Heard,
    Plain,
    Played,
    document,
    execute,
    left_in_the_world,
    options,
    play,
    play_run,
    steps,
)

SLOW_SETTLE: Plain = {"name": "death", "at": "2s", "kill": "master of shard 2"}


class CancelAt(Heard):
    """Cancels the task it is given some times after the first event of a kind."""

    def __init__(self, event: str, *seconds: float, **data: Any) -> None:
        super().__init__()
        self._event, self._seconds, self._data = event, seconds, data
        self.task: asyncio.Task[Played] | None = None

    def receive(self, event: Event) -> None:
        super().receive(event)
        if event.event == self._event and self._data.items() <= event.data.items() and self.task:
            for seconds in self._seconds:
                asyncio.get_running_loop().call_later(seconds, self.task.cancel)
            self._seconds = ()


def interrupted_run(folder: Path, sink: CancelAt, **scenario: Any) -> Played:
    async def main() -> Played:
        sink.task = asyncio.create_task(execute(document(folder, **scenario), options(folder), sink))
        return await sink.task

    return play(main())


@pytest.mark.parametrize(
    ("event", "seconds", "data"),
    [
        ("phase_started", 0.0, {"phase": "build"}),
        ("phase_started", 0.002, {"phase": "build"}),
        ("phase_started", 0.05, {"phase": "form"}),
        ("phase_started", 0.05, {"phase": "warmup"}),
        ("phase_started", 1.0, {"phase": "warmup"}),
        ("phase_started", 1.0, {"phase": "timeline"}),
        ("injection_issued", 0.0, {}),
        ("injection_issued", 0.002, {}),
        ("injection_effective", 0.0, {}),
        ("injection_effective", 3.0, {}),
        ("injection_reverting", 0.002, {}),
        ("phase_started", 0.002, {"phase": "settle"}),
        ("phase_started", 0.05, {"phase": "settle"}),
        ("phase_started", 0.0, {"phase": "final_reads"}),
        ("phase_started", 0.002, {"phase": "teardown"}),
    ],
)
def test_an_interruption_heals_and_removes_everything(
    tmp_path: Path, event: str, seconds: float, data: dict[str, Any]
) -> None:
    """Whenever a run is cancelled, no fault is left in force and no node in the world, and it ends with 130."""
    sink = CancelAt(event, seconds, **data)
    run = interrupted_run(tmp_path, sink, faults=[SLOW_SETTLE])
    assert any(one.event == event for one in sink.events)
    assert (run.outcome.interrupted, run.exit_code) == (True, 130)
    assert outstanding(run.ledger) == []
    assert left_in_the_world() == []
    assert run.events[-1].event == "run_ended"


def test_an_injection_is_not_cut_short(tmp_path: Path) -> None:
    """A cancellation while a fault is being made waits until it is, and undoes it then."""
    run = interrupted_run(tmp_path, CancelAt("injection_issued", 0.002))
    assert list(steps(run.ledger)) == [("death", "intended"), ("death", "injected"), ("death", "reverted")]
    made = [event.event for event in run.events if event.event.startswith("injection_")]
    assert made.index("injection_effective") < made.index("injection_reverting")


def test_impatience_changes_nothing(tmp_path: Path) -> None:
    """Whoever interrupts again while a run heals and tears down waits for its end all the same."""
    run = interrupted_run(tmp_path, CancelAt("injection_effective", 1.0, 1.002, 1.007), faults=[SLOW_SETTLE])
    assert (run.outcome.interrupted, outstanding(run.ledger), left_in_the_world()) == (True, [], [])


def test_the_lock_is_held_while_it_runs(tmp_path: Path) -> None:
    """A run is alive from its first event to its last, and dead afterwards."""
    alive: list[bool] = []

    class Look(Heard):
        def receive(self, event: Event) -> None:
            [lock] = (tmp_path / "reports").glob("2*/lock")
            alive.append(RunDirectory(lock.parent).is_alive)

    run = play_run(tmp_path, Look())
    assert set(alive) == {True}
    assert not run.directory.is_alive


def test_kept_nodes_run_on_healed(tmp_path: Path) -> None:
    """With --keep every node is left running after the run, with nothing broken, until somebody removes it."""
    run = play_run(tmp_path, asked={"keep": True}, faults=[SLOW_SETTLE])
    assert run.outcome.kept == tuple(f"toy-{number}" for number in range(1, 7))
    assert [machine.well for machine in WORLD.machines.values()] == [True] * 6


def test_a_taken_subnet_leaves_nothing(tmp_path: Path) -> None:
    """A run that finds its subnet taken ends before it began: no directory, no node, the other run untouched."""
    cluster = {"system": "toy", "network": {"subnet": "198.18.77.0/24"}}
    play_run(tmp_path, asked={"keep": True}, cluster=cluster)
    before = left_in_the_world()
    with pytest.raises(EnvironmentLacks, match=r"198\.18\.77\.0/24 is taken"):
        play_run(tmp_path, cluster=cluster)
    assert left_in_the_world() == before
    assert len(list((tmp_path / "reports").glob("2*"))) == 1


class FullDisk:
    """A journal that cannot be written from one event on."""

    def __init__(self, at: str) -> None:
        self._at = at

    def receive(self, event: Event) -> None:
        if event.event == self._at:
            raise ChaosError("No space left on device")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "moment", ["node_started", "load_progress", "injection_effective", "shard_unavailable", "injection_reverting"]
)
def test_a_full_disk_ends_the_run_healed_and_removed(tmp_path: Path, moment: str) -> None:
    """Whenever the journal fails, the run ends with 5 and the reason, nothing is left broken, and nothing is left."""
    played = play_run(tmp_path, FullDisk(moment), faults=(KILL,))
    assert played.exit_code == 5
    assert "No space left" in str(played.outcome.error)
    assert left_in_the_world() == []
    assert outstanding(played.ledger) == []
