"""`chaos clean` removes what dead runs of this machine left on a real engine, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaos.archive.run_directory import RunDirectory
from chaos.cli.clean import command
from chaos.cli.leftovers import Owner, owner_of
from chaos.drivers.docker import Docker
from chaos.drivers.driver import RunLabel
from chaos.host import host_id
from chaos.scenario.language import ClusterSpec

pytestmark = pytest.mark.engine

Leave = Callable[..., RunDirectory]


async def _on_engine(label: RunLabel, work: str) -> list[str]:
    """Makes a network under a label, removes what bears it, or lists the networks that do."""
    driver = Docker(label)
    await driver.open()
    try:
        if work == "make":
            await driver.reserve(ClusterSpec(), ["redis-1"], 6379, dry=False)
            return []
        if work == "remove":
            return await driver.down()
        found = await driver.remains()
        return [network for remains in found if remains.label.run_id == label.run_id for network in remains.networks]
    finally:
        await driver.close()


@pytest.fixture
def leave(tmp_path: Path) -> Iterator[Leave]:
    """Leaves a run's network on the engine, with its run directory."""
    labels: list[RunLabel] = []

    def left(name: str, host: str | None = None) -> RunDirectory:
        directory = RunDirectory.create(tmp_path, f"clean-{os.getpid()}-{name}")
        labels.append(RunLabel(directory.run_id, host or host_id(), str(directory.path)))
        asyncio.run(_on_engine(labels[-1], "make"))
        return directory

    yield left
    for label in labels:
        asyncio.run(_on_engine(label, "remove"))


def networks_of(directory: RunDirectory) -> list[str]:
    return asyncio.run(_on_engine(RunLabel(directory.run_id, "", ""), "list"))


def clean(reports: Path, *arguments: str) -> Result:
    """Always with --reports: other runs on this engine are not the test's."""
    return CliRunner().invoke(command, ["--reports", str(reports), *arguments], catch_exceptions=False)


def test_a_dead_run_is_removed(leave: Leave, tmp_path: Path) -> None:
    """What a dead run left is removed and named; its directory stays."""
    directory = leave("dead")
    answer = clean(tmp_path)
    assert f"removed  {directory.run_id}: 1 network (docker)\n" in answer.stdout
    assert networks_of(directory) == []
    assert directory.lock_file.exists()


def test_a_run_that_is_alive_is_left(leave: Leave, tmp_path: Path) -> None:
    """While a process holds the run's lock, what it made is listed and left."""
    directory = leave("alive")
    with directory.hold():
        answer = clean(tmp_path)
    assert f"left     {directory.run_id}: 1 network (docker): its run is alive\n" in answer.stdout
    assert len(networks_of(directory)) == 1


def test_another_machines_run_is_left(leave: Leave, tmp_path: Path) -> None:
    """What another machine's run made is listed and left, even if its lock seems free."""
    directory = leave("foreign", host="another-machine")
    assert "another machine's run" in clean(tmp_path).stdout
    assert len(networks_of(directory)) == 1


def test_a_young_run_is_spared(leave: Leave, tmp_path: Path) -> None:
    """With --older-than, only a run that began longer ago is removed."""
    young, old = leave("young"), leave("old")
    began = old.lock_file.stat().st_mtime - 7200
    os.utime(old.lock_file, (began, began))
    clean(tmp_path, "--older-than", "1h")
    assert (len(networks_of(young)), networks_of(old)) == (1, [])


def test_another_folders_run_is_spared(leave: Leave, tmp_path: Path) -> None:
    """With --reports, only runs whose directory is in that folder are removed."""
    directory = leave("elsewhere")
    clean(tmp_path / "other")
    assert len(networks_of(directory)) == 1


def test_a_wrong_duration(tmp_path: Path) -> None:
    """A duration without a unit is a usage error."""
    answer = clean(tmp_path, "--older-than", "10")
    assert answer.exit_code == 2
    assert "unit" in answer.stderr


def test_a_run_without_a_directory_is_dead(tmp_path: Path) -> None:
    """A run of this machine whose directory was deleted cannot be alive."""
    assert owner_of(RunLabel("gone", host_id(), str(tmp_path / "gone")), host_id()) is Owner.DEAD
