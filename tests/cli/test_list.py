"""`chaos list` says what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chaos.archive.result import write_result
from chaos.archive.run_directory import RunDirectory
from chaos.checks.check import CHECKS
from chaos.cli.list import command
from chaos.drivers.driver import DRIVERS
from chaos.faults.fault import FAULTS
from chaos.model.result import RunResult
from chaos.registry import Family
from chaos.systems.system import SYSTEMS


def listed(*arguments: str) -> list[dict[str, str]]:
    answer = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    rows: list[dict[str, str]] = json.loads(answer.stdout)
    return rows


@pytest.mark.parametrize(
    ("what", "family"), [("drivers", DRIVERS), ("systems", SYSTEMS), ("faults", FAULTS), ("checks", CHECKS)]
)
def test_every_member_with_a_sentence(what: str, family: Family[Any]) -> None:
    """Every member of a family is listed, each with what it is."""
    rows = listed(what)
    assert tuple(row["name"] for row in rows) == family.names()
    assert all(row["what it is"] for row in rows)


def test_drivers_say_what_they_can() -> None:
    """The Docker driver is listed with its capabilities."""
    [docker] = [row for row in listed("drivers") if row["name"] == "docker"]
    assert docker["can"] == "lifecycle, pausing, networking, executing, logging"


def test_targets() -> None:
    """Every form of target is listed with what it chooses."""
    assert {"target": "any master", "chooses": "one master, drawn by the seed"} in listed("targets")


def test_people_get_a_table() -> None:
    """Without --json there is a table with a head and one line each."""
    lines = CliRunner().invoke(command, ["targets"]).stdout.splitlines()
    assert lines[0].split() == ["target", "chooses"]
    assert len(lines) == 1 + len(listed("targets"))


def test_runs_in_order(tmp_path: Path, make_result: Callable[[str], RunResult]) -> None:
    """Runs are listed oldest first, each with its verdict and its length."""
    for run_id in ("20260102-run", "20260101-run"):
        write_result(RunDirectory.create(tmp_path, run_id), make_result(run_id))
    rows = listed("runs", "--reports", str(tmp_path))
    assert [(row["run"], row["verdict"], row["seconds"]) for row in rows] == [
        ("20260101-run", "fail", "61"),
        ("20260102-run", "fail", "61"),
    ]


def test_a_run_without_a_result(tmp_path: Path) -> None:
    """A run whose lock is held is running; one that ended without a result was not judged."""
    RunDirectory.create(tmp_path, "1-dead")
    with RunDirectory.create(tmp_path, "2-alive").hold():
        rows = listed("runs", "--reports", str(tmp_path))
    assert [row["verdict"] for row in rows] == ["not judged", "running"]


def test_no_runs(tmp_path: Path) -> None:
    """An empty folder is said to be one."""
    answer = CliRunner().invoke(command, ["runs", "--reports", str(tmp_path)])
    assert answer.stdout == f"no runs in {tmp_path}\n"
