"""The scenarios that come with the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cli.catalogue import build_catalogue
from chaos.scenario.reader import read_scenario
from chaos.scenario.schema import PATH
from chaos.scenario.timeline import draw_timeline

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yml"))
each_scenario = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)


@each_scenario
def test_it_is_valid_and_named_like_its_file(path: Path) -> None:
    """A shipped scenario has no mistake, by the families that are installed, and bears its file's name."""
    assert read_scenario(path, build_catalogue()).name == path.stem


@each_scenario
def test_it_points_editors_to_the_schema_and_says_what_should_hold(path: Path) -> None:
    """The first line names the schema by a path that leads there, the second says in a sentence what should hold."""
    modeline, comment = path.read_text(encoding="utf-8").splitlines()[:2]
    prefix = "# yaml-language-server: $schema="
    assert modeline.startswith(prefix)
    assert (path.parent / modeline.removeprefix(prefix)).resolve() == PATH.resolve()
    assert comment.startswith("# ")
    assert comment.endswith(".")


@each_scenario
def test_its_faults_end_within_the_trial(path: Path) -> None:
    """No fault of a shipped scenario is cut by the end, so that what comes after its revert is seen."""
    scenario = read_scenario(path, build_catalogue())
    assert all(not injection.note for injection in draw_timeline(scenario, 1))
    assert all(injection.until < scenario.duration for injection in draw_timeline(scenario, 1))
