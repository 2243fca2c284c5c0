"""Judging: from a run directory to its result and reports. Works for any run, however old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chaos.analysis.facts import TrialFacts, facts_of
from chaos.analysis.result import result_of
from chaos.archive.evidence import read_evidence
from chaos.archive.result import write_result
from chaos.archive.run_directory import RunDirectory
from chaos.checks.judge import judge
from chaos.model.result import RunResult
from chaos.reports.report import REPORTS
from chaos.systems.system import System


def judge_run(directory: RunDirectory, system: System) -> RunResult:
    """The result of a run, from its directory alone; writes nothing. Raises Inconclusive for a run without a plan."""
    evidence = read_evidence(directory, system.read_log)
    prediction = system.predict(evidence.plan, evidence.server_version)
    trials: list[TrialFacts] = [facts_of(evidence, trial, prediction) for trial in evidence.trials]
    return result_of(evidence, trials, judge(evidence, trials))


def write_reports(directory: RunDirectory, result: RunResult) -> None:
    """Writes `result.json` and every rendering that is kept in a file."""
    write_result(directory, result)
    for report in REPORTS.all().values():
        if report.file_name and report.file_name != directory.result.name:
            directory.report(report.file_name).write_text(report().render(result), encoding="utf-8")


def with_own_cost(result: RunResult, seconds: Mapping[str, float]) -> RunResult:
    """The result with what judging and reporting themselves took, in seconds by phase."""
    added = {phase: seconds[phase] for phase in ("judge", "report") if phase in seconds}
    return result.model_copy(
        update={
            "phase_seconds": result.phase_seconds | added,
            "overhead_seconds": (result.overhead_seconds or 0.0) + sum(added.values()),
            "duration_seconds": result.duration_seconds + sum(added.values()),
        }
    )


def conclusions(result: RunResult) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """What a result says, as events: name, trial and data."""
    for number, trial in enumerate(result.trials, start=1):
        for failover in trial.failovers:
            yield "failover_measured", number, {"shard": failover.shard, "phases": failover.phases}
        if trial.data.acknowledged:
            yield "data_measured", number, {"acknowledged": trial.data.acknowledged, "lost": trial.data.lost}
    for one in result.expectations:
        judged = one.model_dump(include={"check", "scope", "verdict", "measured", "bound"})
        yield "expectation_judged", None, judged
    yield "run_ended", None, {"verdict": result.verdict, "reason": result.reason}
