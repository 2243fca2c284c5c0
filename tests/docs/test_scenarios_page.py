"""docs/scenarios.md: its examples are read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.cli.catalogue import build_catalogue
from chaos.scenario.bounds import parse_bound
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_scenario
from tests.docs.project_pages import ROOT, code_blocks

PAGE = ROOT / "docs" / "scenarios.md"
WHOLE, SAME_FAULTS, EXPECTATIONS = code_blocks(PAGE, "yaml")


def read(text: str, folder: Path) -> Scenario:
    file = folder / "example.yml"
    file.write_text(text, encoding="utf-8")
    return read_scenario(file, build_catalogue())


def replaced(section: str, by: str) -> str:
    """The whole example with one of its sections replaced."""
    return re.sub(rf"^{section}:\n(?:  .*\n)+", by, WHOLE, flags=re.MULTILINE)


def test_the_whole_example_is_valid(tmp_path: Path) -> None:
    """The page's first example is a scenario without a mistake."""
    assert read(WHOLE, tmp_path).name == "master-kill"


def test_the_three_forms_of_a_fault_say_the_same(tmp_path: Path) -> None:
    """The three entries that the page calls equal are read as equal."""
    heading, *entries = SAME_FAULTS.splitlines(keepends=True)
    whole = re.sub(r" {2}(recovery|lost).*\n", "", WHOLE)
    assert len(entries) == 3
    faults = [
        read(re.sub(r"^faults:\n(?:  .*\n)+", heading + one, whole, flags=re.M), tmp_path).faults for one in entries
    ]
    assert faults[0] == faults[1] == faults[2]


def test_the_expectations_are_valid(tmp_path: Path) -> None:
    """The page's bounds and scopes are accepted for the checks they stand at."""
    scenario = read(replaced("expect", EXPECTATIONS), tmp_path)
    assert [str(entry.scope) for entry in scenario.expect[-2:]] == ["during death", "other shards"]


@pytest.mark.parametrize("row", re.findall(r"^\| (`.*`) \| .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
def test_a_bound_of_the_table_is_read(row: str) -> None:
    """Every bound that the page lists is one; scopes stand in a table of the same form."""
    for text in re.findall(r"`([^`]+)`", row):
        if not text.startswith(("before", "during", "after", "shard", "other")):
            parse_bound(text, ["seconds"], allow_yes=True)


@pytest.mark.parametrize("command", re.findall(r"^chaos run (\S+) (--set .*)$", PAGE.read_text(encoding="utf-8"), re.M))
def test_an_override_is_accepted(command: tuple[str, str]) -> None:
    """Every `--set` that the page shows changes the scenario it is shown with."""
    file, options = command
    overrides = [value.replace('"', "") for value in re.findall(r'--set ((?:"[^"]*"|\S)+)', options)]
    catalogue = build_catalogue()
    assert overrides
    assert read_scenario(ROOT / file, catalogue, overrides) != read_scenario(ROOT / file, catalogue)
