"""The run directory: made once, found by any of its names, alive as long as its process holds the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chaos.archive.run_directory import RunDirectory, all_runs
from chaos.errors import EnvironmentLacks, UnknownName


def test_create_points_latest_at_the_new_run(tmp_path: Path) -> None:
    """`reports/latest` leads to the run that was made last."""
    RunDirectory.create(tmp_path, "20260101-1")
    second = RunDirectory.create(tmp_path, "20260101-2")
    assert (tmp_path / "latest").resolve() == second.path


def test_create_refuses_a_directory_that_exists(tmp_path: Path) -> None:
    """Two runs never share a directory."""
    RunDirectory.create(tmp_path, "run")
    with pytest.raises(EnvironmentLacks, match="cannot make the run directory"):
        RunDirectory.create(tmp_path, "run")


@pytest.mark.parametrize("word", ["latest", "20260101-1", "{reports}/20260101-1"])
def test_find_takes_latest_an_id_or_a_path(tmp_path: Path, word: str) -> None:
    """A run is found by `latest`, by its id and by its path."""
    made = RunDirectory.create(tmp_path, "20260101-1")
    assert RunDirectory.find(tmp_path, word.format(reports=tmp_path)).path == made.path


def test_an_unknown_run_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """A mistyped run id is answered with the run that was probably meant."""
    RunDirectory.create(tmp_path, "20260101-120000-master-kill")
    with pytest.raises(UnknownName, match="did you mean '20260101-120000-master-kill'"):
        RunDirectory.find(tmp_path, "20260101-120000-master-kil")


def test_runs_are_listed_oldest_first_without_the_link(tmp_path: Path) -> None:
    """`latest` is no run of its own, and neither is a stray folder."""
    for name in ("b", "a"):
        RunDirectory.create(tmp_path, name)
    (tmp_path / "stray").mkdir()
    assert [run.run_id for run in all_runs(tmp_path)] == ["a", "b"]


def test_a_run_is_alive_while_its_lock_is_held(tmp_path: Path) -> None:
    """Holding the lock makes the run alive, releasing it (twice, harmlessly) makes it dead."""
    directory = RunDirectory.create(tmp_path, "run")
    lock = directory.hold()
    assert directory.is_alive
    lock.release()
    lock.release()
    assert not directory.is_alive


def test_a_run_dies_with_its_process(tmp_path: Path) -> None:
    """The lock of a process that was killed is free, without anyone having released it."""
    directory = RunDirectory.create(tmp_path, "run")
    code = (
        "import sys, pathlib; from chaos.archive.run_directory import RunDirectory;"
        "lock = RunDirectory(pathlib.Path(sys.argv[1])).hold(); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(directory.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert directory.is_alive
        with pytest.raises(EnvironmentLacks, match="still alive"):
            directory.hold()
        holder.kill()
    assert not directory.is_alive
