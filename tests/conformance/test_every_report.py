"""What every report owes: the same tests on each member of the family, with the results of real runs."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.model.result import RunResult
from chaos.reports.report import REPORTS, Report
from tests.runner.toy_run import play_run

pytestmark = pytest.mark.parametrize("report", [kind() for kind in REPORTS.all().values()], ids=lambda one: one.name)

RUNS: dict[str, dict[str, Any]] = {
    "pass": {"expect": {"failovers": "1", "lost_writes": "0"}},
    "fail": {"expect": {"recovery_time": "<= 1s", "lost_writes": "0"}, "config": {"lose-writes": "10"}},
    "mismatch": {"config": {"ignore-kill": "yes"}, "expect": {"recovery_time": "<= 1s"}},
    "undo failed": {"config": {"start-again": "no"}},
    "never steady": {"config": {"refuse-writes": "3"}, "expect": {"lost_writes": "0"}},
    "without a load": {"load": None, "expect": {"failovers": "1"}},
    "without faults": {"faults": []},
}
"""One run of each kind of end."""


@pytest.fixture(scope="module", params=sorted(RUNS))
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return play_run(tmp_path_factory.mktemp("run"), **RUNS[request.param]).result


def test_it_renders_every_end_of_a_run(report: Report, result: RunResult) -> None:
    """Whatever came of a run, its report names the run's scenario and its verdict."""
    text = report.render(result)
    assert result.scenario in text
    assert result.verdict in text.lower()


def test_it_renders_alike_twice(report: Report, result: RunResult) -> None:
    """A report is made from the result alone."""
    assert report.render(result) == type(report)().render(RunResult.model_validate_json(result.model_dump_json()))


def test_its_file_has_a_name_of_its_own(report: Report) -> None:
    """No two reports are kept in one file."""
    names = [kind.file_name for kind in REPORTS.all().values() if kind.file_name]
    assert report.file_name is None or names.count(report.file_name) == 1
