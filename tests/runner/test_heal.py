"""Healing by another process: what a killed run left broken is undone from its ledger alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.archive.run_directory import RunDirectory
from chaos.errors import EnvironmentLacks, UndoFailed
from chaos.fake.world import WORLD, Machine
from chaos.runner.heal import heal_run
from chaos.runner.ledger import INTENDED, Ledger, outstanding, read_ledger
from tests.runner.toy_run import Plain, killed_run, play

KILL: Plain = {"name": "death", "at": "1s", "kill": "node toy-2"}
PAUSE: Plain = {"name": "freeze", "at": "2s", "pause": "node toy-3"}
CUT: Plain = {"name": "cut", "at": "3s", "disconnect": ["node toy-1", "node toy-4"]}
LATER = 5000.0
"""Another process has another clock."""


def machine(node: str) -> Machine:
    [found] = [one for one in WORLD.machines.values() if one.labels["node"] == node]
    return found


def heal(directory: RunDirectory) -> list[str]:
    return play(heal_run(directory), LATER)


def test_everything_is_undone(tmp_path: Path) -> None:
    """A dead, a frozen and two cut-off nodes answer again, the newest fault undone first, as the ledger says."""
    directory = play(killed_run(tmp_path, [KILL, PAUSE, CUT]))
    assert [machine(f"toy-{number}").well for number in range(1, 7)] == [False] * 4 + [True] * 2
    done = heal(directory)
    assert [line.split(":")[0] for line in done] == ["toy-1", "toy-4", "toy-3", "toy-2"]
    assert all(one.well for one in WORLD.machines.values())
    assert outstanding(read_ledger(directory.ledger)) == []


def test_healing_twice_is_harmless(tmp_path: Path) -> None:
    """A second healing finds nothing to do."""
    directory = play(killed_run(tmp_path, [KILL]))
    heal(directory)
    assert heal(directory) == []


def test_a_run_without_faults_needs_nothing(tmp_path: Path) -> None:
    """A run that was killed before its first fault needs no healing."""
    assert heal(play(killed_run(tmp_path, []))) == []


def test_what_was_only_intended_is_undone_too(tmp_path: Path) -> None:
    """A fault whose maker died between ledger and injection is looked at; a node that is well is left as it is."""
    directory = play(killed_run(tmp_path, [KILL]))
    heal(directory)
    pid = machine("toy-2").pid
    first = read_ledger(directory.ledger)[0]
    Ledger(directory.ledger).write(first.model_copy(update={"number": 2, "step": INTENDED}))
    assert heal(directory) == ["toy-2: 'death' (kill) undone"]
    assert machine("toy-2").pid == pid


def test_a_run_that_lives_heals_itself(tmp_path: Path) -> None:
    """While a process holds the run's lock, nobody else touches its faults."""
    directory = play(killed_run(tmp_path, [KILL]))
    with directory.hold(), pytest.raises(EnvironmentLacks, match="still alive"):
        heal(directory)
    assert not machine("toy-2").well


def test_what_cannot_be_undone_is_named(tmp_path: Path) -> None:
    """A node that will not start is named with what a person can do; the other faults are undone all the same."""
    directory = play(killed_run(tmp_path, [KILL, PAUSE], config={"start-again": "no"}))
    with pytest.raises(UndoFailed, match=r"(?s)toy-3: 'freeze' .*'death' could not be undone.*by hand: start toy-2"):
        heal(directory)
    assert machine("toy-3").well
    assert [entry.step for entry in outstanding(read_ledger(directory.ledger))] == ["undo failed"]


def test_a_node_that_is_gone_needs_nothing(tmp_path: Path) -> None:
    """A node that somebody has removed meanwhile is no failure."""
    directory = play(killed_run(tmp_path, [KILL]))
    del WORLD.machines[machine("toy-2").address]
    assert heal(directory) == ["toy-2: gone, nothing to undo for 'death'"]


def test_another_node_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    """A node made anew under the same name is not the one that was broken."""
    directory = play(killed_run(tmp_path, [PAUSE]))
    old = machine("toy-3")
    del WORLD.machines[old.address]
    new = WORLD.add(old.address, old.labels, old.command, old.files)
    assert heal(directory) == ["toy-3: gone, nothing to undo for 'freeze'"]
    assert new.starts == 0
