"""Who may import whom, checked by a machine: the contracts of pyproject.toml, and what they cannot say of families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.cli import lint_imports

from chaos.checks.check import CHECKS
from chaos.drivers.driver import DRIVERS
from chaos.faults.fault import FAULTS
from chaos.registry import Family
from chaos.reports.report import REPORTS
from chaos.systems.system import SYSTEMS

ROOT = Path(__file__).parents[1]
FAMILIES = (DRIVERS, SYSTEMS, FAULTS, CHECKS, REPORTS)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)

NAMED_MEMBERS = {("chaos.cli.report", "chaos.reports.terminal")}
"""The only place that names a member instead of asking its family: the summary that a run prints."""


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("chaos", exclude_type_checking_imports=True, cache_dir=None)


def members(family: Family[Any]) -> dict[str, str]:
    """Module → the folder it is in, for every member of a family."""
    modules = (member.__module__ for member in family.all().values())
    return {module: module.rpartition(".")[0] for module in modules}


def test_every_contract_is_kept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every import contract of pyproject.toml holds: layers, purity, and one door for each third-party library."""
    monkeypatch.chdir(ROOT)
    kept = lint_imports(config_filename="pyproject.toml", no_cache=True) == 0
    assert kept, capsys.readouterr().out


@each_family
def test_a_member_knows_no_sibling(family: Family[Any], imports: grimp.ImportGraph) -> None:
    """A member imports from its own folder only the seam, and private modules that begin with an underscore."""
    others = members(family)
    for module, folder in others.items():
        found = imports.find_modules_directly_imported_by(module)
        near = {name.rpartition(".")[2] for name in found if name.rpartition(".")[0] == folder}
        assert {name for name in near if not name.startswith("_")} <= {family.kind}, module


@each_family
def test_nobody_names_a_member(family: Family[Any], imports: grimp.ImportGraph) -> None:
    """Code asks the family for a member by name; nobody outside of it imports the member's module."""
    for module, folder in members(family).items():
        found = imports.find_modules_that_directly_import(module)
        outside = {(name, module) for name in found if name.rpartition(".")[0] != folder}
        assert outside <= NAMED_MEMBERS
