"""README.md: its commands exist, its scenario is the shipped one, its exit codes are the program's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from chaos.cli.catalogue import build_catalogue
from chaos.cli.main import COMMANDS, exit_code_of
from chaos.cli.run import GRAVEST_FIRST
from chaos.scenario.reader import read_scenario
from tests.docs.project_pages import PAGES, ROOT, code_blocks

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
LINES = [line for page in PAGES for block in code_blocks(page, "sh") for line in block.splitlines()]
SHOWN = sorted({line.partition("#")[0].partition(">")[0].strip() for line in LINES if line.startswith("chaos ")})
TARGETS = sorted({target for page in PAGES for target in re.findall(r"\bmake ([a-z]+)`", page.read_text("utf-8"))})


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_shown_exists(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command line in a page is one: the command exists and knows every option that is used."""
    assert exit_code_of([*shlex.split(line)[1:], "--help"]) == 0
    assert "Usage: chaos" in capsys.readouterr().out


def test_every_command_is_shown() -> None:
    """The README shows each command at least once."""
    assert {shlex.split(line)[1] for line in SHOWN} >= set(COMMANDS)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_to_be_made_can_be_made(target: str) -> None:
    """Every `make` target that a page names is in the Makefile."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_scenario_is_the_shipped_one(tmp_path: Path) -> None:
    """The scenario that is explained line by line is read as the one in the folder."""
    (block,) = code_blocks(README, "yaml")
    explained = tmp_path / "master-kill.yml"
    explained.write_text(block, encoding="utf-8")
    catalogue = build_catalogue()
    assert read_scenario(explained, catalogue) == read_scenario(ROOT / "scenarios" / "master-kill.yml", catalogue)


def test_every_exit_code_is_told() -> None:
    """The table of exit codes has every code that a run can end with, and no other."""
    table = TEXT.partition("| exit code |")[2].partition("\n\n")[0]
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert codes == set(GRAVEST_FIRST)
