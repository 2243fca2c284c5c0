"""Reports: the verdict first, every figure of the result, and nobody's text taken as markup."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import chaos.model
from chaos.analysis.facts import run_facts
from chaos.analysis.prediction import redis_cluster_envelope
from chaos.analysis.result import result_of
from chaos.checks.judge import judge
from chaos.model.evidence import Evidence
from chaos.model.result import RunResult
from chaos.reports.markdown import Markdown, escape
from chaos.reports.report import REPORTS
from chaos.reports.terminal import Terminal
from tests.evidence_builder import HEIRS, NODES, RAISED, Story, evidence_of, expect, failover, plan, view

HOSTILE = "<script>alert(1)</script> | **x** `y` [z](http://e) \x1b[31m\n# head @all"


def result_from(evidence: Evidence) -> RunResult:
    facts = run_facts(evidence, redis_cluster_envelope(5.0))
    return result_of(evidence, facts, judge(evidence, facts))


@pytest.fixture
def result() -> RunResult:
    story = failover().operation(5, write=1).operation(12, outcome=1, error="CLUSTERDOWN").final(0, 1)
    return result_from(story.evidence(expect("recovery_time", "<= 9s", "seconds"), expect("lost_writes", "0", "count")))


def empty() -> RunResult:
    return result_from(evidence_of([], phase_seconds={}, issues=("steady state never came",)))


def test_the_family_has_three_members() -> None:
    """The result as it is, for people in a browser, and for people at a terminal."""
    assert REPORTS.names() == ("json", "markdown", "terminal")


@pytest.mark.parametrize("name", REPORTS.names())
def test_every_report_renders_a_run_that_measured_nothing(name: str) -> None:
    """A run that never reached t = 0 still has a report with its reason."""
    assert "steady state never came" in REPORTS.get(name)().render(empty())


def test_json_is_the_result(result: RunResult) -> None:
    """Reading the JSON report gives the same result back."""
    assert RunResult.model_validate_json(REPORTS.get("json")().render(result)) == result


def test_the_verdict_stands_first(result: RunResult) -> None:
    """Who reads one line reads the verdict; who reads two knows why."""
    first, second = Terminal().render(result).splitlines()[:2]
    assert first == "PASS  master-kill"
    assert second.strip() == "all 2 expectations hold; shard 3 served again after 6.70 s"


def test_a_failure_names_limit_and_measured_value() -> None:
    """The sentence of a failed run says what was expected and what was."""
    failed = result_from(failover().evidence(expect("recovery_time", "<= 5s", "seconds")))
    assert failed.reason == "recovery_time is 6.70 s, expected <= 5s"


@pytest.mark.parametrize("report", ["markdown", "terminal"])
def test_prediction_and_measurement_stand_side_by_side(result: RunResult, report: str) -> None:
    """What the server's rules say is shown with what was seen."""
    assert "serving: predicted 5.50 s … 9.80 s, measured 6.70 s: inside" in REPORTS.get(report)().render(result)


def test_the_three_viewpoints_have_a_column_each(result: RunResult) -> None:
    """What servers did, a strict client saw and an ordinary client saw is told apart."""
    lines = Terminal().render(result).splitlines()
    header = next(line for line in lines if "servers" in line)
    for phase, column in (
        ("promoted", "servers"),
        ("serving", "strict client"),
        ("client recovered", "ordinary client"),
    ):
        line = next(line for line in lines if line.strip().startswith(f"{phase} "))
        assert line[header.index(column)].isdigit()


def test_hostile_text_is_no_markup() -> None:
    """A scenario's name and a server's words appear as they are, and do nothing."""
    story = failover()
    story.issues = [HOSTILE]
    page = Markdown().render(result_from(story.evidence(plan=plan(scenario=HOSTILE))))
    assert "<script>" not in page
    assert "\n# head" not in page
    assert "\x1b" not in page
    assert "\\[z\\](http://e)" in page


def test_a_pipe_does_not_break_a_table() -> None:
    """A vertical bar in a cell stays in its cell."""
    assert escape("a|b") == "a\\|b"


def test_a_server_cannot_steer_the_terminal() -> None:
    """No control character of the evidence reaches the terminal."""
    story = failover()
    story.issues = [HOSTILE]
    page = Terminal().render(result_from(story.evidence(plan=plan(scenario=HOSTILE))))
    assert all(letter.isprintable() or letter == "\n" for letter in page)


def test_colours_come_only_when_asked(result: RunResult) -> None:
    """A pipe gets plain text; a terminal gets the verdict in its colour."""
    assert "\x1b" not in Terminal().render(result)
    assert "\x1b[32m" in Terminal().render(result, colour=True)


def test_settings_and_method_are_in_the_markdown(result: RunResult) -> None:
    """What the harness added and how it measured can be looked up."""
    page = Markdown().render(result)
    assert "repl-diskless-sync-delay" in page
    assert "## How it was measured" in page
    assert "chaos run reports/20261123-120000-master-kill/scenario.yml --driver docker --seed 7" in page


def test_overhead_is_all_but_the_scenarios_own_phases(result: RunResult) -> None:
    """Warm-up and timeline are the scenario's, everything else is the harness's."""
    assert result.overhead_seconds == pytest.approx(3.7)


def test_the_shards_that_a_fault_meant_are_told_from_the_blast_radius(result: RunResult) -> None:
    """A shard counts as hit by what was done to it, not by what became of it."""
    (trial,) = result.trials
    assert {shard: one.hit for shard, one in trial.unavailable_seconds.items()} == {
        "redis/1": False,
        "redis/2": False,
        "redis/3": True,
    }


def test_an_unexplained_promotion_is_shown() -> None:
    """A failover without an injection is told as such."""
    story = Story().healthy().seen(12.0, *(view(node, HEIRS, epochs=RAISED) for node in NODES))
    assert "a failover nothing explains" in Terminal().render(result_from(story.evidence()))


def test_the_committed_schema_is_the_results_own() -> None:
    """The JSON Schema in the repository is generated from the records; `chaos schema --result` prints it."""
    committed = Path(chaos.model.__path__[0]) / "result.schema.json"
    assert json.loads(committed.read_text()) == RunResult.model_json_schema(by_alias=True)


def test_a_result_satisfies_the_committed_schema(result: RunResult) -> None:
    """What is written is what the schema promises."""
    schema = json.loads((Path(chaos.model.__path__[0]) / "result.schema.json").read_text())
    jsonschema.validate(json.loads(result.model_dump_json(by_alias=True)), schema)
