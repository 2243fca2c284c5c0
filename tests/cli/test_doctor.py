"""`chaos doctor` says what is missing and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos.cli.doctor import State, command, free_disk, neighbour_table, open_files, python_version


@pytest.mark.engine
def test_a_machine_with_an_engine(tmp_path: Path) -> None:
    """Where an engine answers nothing is missing: exit 0, and the network it would take is named."""
    answer = CliRunner().invoke(command, ["--reports", str(tmp_path)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.stdout
    assert "ok       Docker engine: Docker" in answer.stdout
    assert "is free; nodes are reached by" in answer.stdout


def test_a_machine_without_an_engine(tmp_path: Path) -> None:
    """Where no engine answers but there is a server to run, nothing is missing: runs take local processes."""
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    answer = CliRunner(env=nowhere).invoke(command, ["--reports", str(tmp_path)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.stdout
    [engine] = [line for line in answer.stdout.splitlines() if "Docker engine:" in line]
    assert engine.startswith("note")
    assert engine.endswith("; runs take local processes")


def test_a_machine_without_any_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With neither an engine nor a server binary both are missing: exit 3."""
    monkeypatch.setattr("chaos.drivers._local_binary.WHEELS", {})
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "PATH": str(tmp_path)}
    answer = CliRunner(env=nowhere).invoke(command, ["--reports", str(tmp_path)], catch_exceptions=False)
    assert answer.exit_code == 3
    missing = [line for line in answer.stdout.splitlines() if line.startswith("missing")]
    assert [line.split(":")[0] for line in missing] == ["missing  server binary", "missing  Docker engine"]


def test_an_old_python() -> None:
    """A Python before 3.11 is missing something, with what to install."""
    assert python_version((3, 10)).line == "missing  Python: 3.10; install Python 3.11 or newer"


def test_a_small_neighbour_table() -> None:
    """A table of 1024 entries holds 32 nodes; one that does not hold six is missing entries."""
    assert neighbour_table(1024).detail == "1024 entries: clusters of up to 32 nodes"
    assert neighbour_table(35).state is State.MISSING


def test_disk_of_a_folder_to_come(tmp_path: Path) -> None:
    """The room is looked up on the disk on which the folder will be made."""
    assert free_disk(tmp_path / "not" / "yet").state in (State.OK, State.MISSING)


def test_open_files_of_this_process() -> None:
    """The limit of open files is that of this process."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert (str(limit) in open_files().detail) or limit == resource.RLIM_INFINITY
