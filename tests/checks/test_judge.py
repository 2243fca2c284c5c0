"""The judge: fail beats inconclusive beats pass, over checks and over trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos.analysis.facts import run_facts
from chaos.analysis.result import verdict_of
from chaos.checks.check import Measured
from chaos.checks.judge import compare, judge, judge_entry
from chaos.checks.throughput import Throughput
from chaos.model.evidence import Evidence
from chaos.model.injection import MISMATCH
from chaos.model.result import Expectation
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS
from chaos.scenario.bounds import parse_bound
from tests.evidence_builder import Story, evidence_of, expect, failover

RECOVERY = expect("recovery_time", "<= 9s", "seconds")
LOST = expect("lost_writes", "0", "count")


def judged(evidence: Evidence) -> tuple[list[Expectation], str]:
    facts = run_facts(evidence, None)
    found = judge(evidence, facts)
    return list(found), verdict_of(evidence, facts, found)[0]


def mismatched() -> Story:
    story = failover()
    story.injections = [one.model_copy(update={"effect": MISMATCH}) for one in story.injections]
    return story


def test_expectations_come_in_order_and_the_implicit_ones_last() -> None:
    """Every run is also judged on its faults' effects and on healing."""
    found, verdict = judged(failover().evidence(RECOVERY))
    assert [one.check for one in found] == ["recovery_time", "faults_confirmed", "healed"]
    assert verdict == PASS


def test_nothing_expected_passes_if_faults_acted_and_were_healed() -> None:
    """Without `expect` the implicit expectations decide."""
    assert judged(failover().evidence())[1] == PASS


def test_after_a_mismatch_time_is_inconclusive() -> None:
    """A fault that did not act as it should makes recovery time mean nothing, however good it looks."""
    found, verdict = judged(mismatched().evidence(RECOVERY))
    assert [one.verdict for one in found] == [INCONCLUSIVE, INCONCLUSIVE, PASS]
    assert verdict == INCONCLUSIVE


def test_after_a_mismatch_lost_data_still_fails() -> None:
    """Acknowledged writes that are gone are gone, whatever the fault was."""
    found, verdict = judged(mismatched().operation(1, write=1).final(0, 0).evidence(LOST))
    assert found[0].verdict == FAIL
    assert verdict == FAIL


def test_fail_beats_inconclusive() -> None:
    """One failure decides a run in which something else could not be told."""
    nothing = expect("throughput", "at least 1/s", "per second", "load", "no such load")
    found, verdict = judged(failover().evidence(nothing, expect("recovery_time", "<= 1s", "seconds")))
    assert [one.verdict for one in found[:2]] == [INCONCLUSIVE, FAIL]
    assert verdict == FAIL


def test_an_undo_failure_makes_a_pass_inconclusive() -> None:
    """A run that could not be healed says so and cannot pass."""
    found, verdict = judged(failover().evidence(RECOVERY, undo_failures=("'death' on redis-3: gone",)))
    assert (found[-1].check, found[-1].reason) == ("healed", "'death' on redis-3: gone")
    assert verdict == INCONCLUSIVE


def test_an_issue_of_the_trial_makes_it_inconclusive() -> None:
    """A target that resolved to nothing is no pass."""
    story = failover()
    story.issues = ["target 'master of shard 3' resolved to nothing"]
    found, verdict = judged(story.evidence(RECOVERY))
    assert found[0].verdict == INCONCLUSIVE
    assert verdict == INCONCLUSIVE


def test_a_run_without_a_trial_is_inconclusive() -> None:
    """If t = 0 was never reached, nothing was measured."""
    found, verdict = judged(evidence_of([], [RECOVERY], issues=("steady state never came",)))
    assert (found[0].verdict, verdict) == (INCONCLUSIVE, INCONCLUSIVE)


def test_sources_that_disagree_make_time_inconclusive() -> None:
    """A failover on which two sources differ is not averaged into a pass."""
    story = failover()
    story.log_events = [event for event in story.log_events if event.kind != "agreed"]
    story.logged("redis-2", 15.4, "agreed", "redis-3")
    assert judged(story.evidence(RECOVERY))[0][0].verdict == INCONCLUSIVE


def test_a_check_that_crashes_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error inside a check is told and neither passes nor ends the judging."""

    def crash(*anything: Any) -> Measured:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Throughput, "measure", crash)
    evidence = failover().evidence(expect("throughput", "at least 1/s", "per second"), RECOVERY)
    found, _ = judged(evidence)
    assert (found[0].verdict, found[0].reason) == (INCONCLUSIVE, "the check crashed: ZeroDivisionError: by zero")
    assert found[1].verdict == PASS


def trials(*ends: float) -> Evidence:
    """One trial for each end of an outage that begins at 10 s."""
    made = [Story(number=n).beating(down={3: (10.0, end)}).trial() for n, end in enumerate(ends, start=1)]
    return evidence_of([replace(trial) for trial in made])


def test_the_worst_trial_decides_and_the_median_stands_beside() -> None:
    """An expectation must hold in every trial."""
    found = judge_entry(RECOVERY, run_facts(trials(12.0, 20.0, 13.0), None))
    assert (found.verdict, found.trial) == (FAIL, 2)
    assert found.measured == pytest.approx(10.0, abs=0.02)
    assert found.median == pytest.approx(3.0, abs=0.02)


def test_a_bound_on_the_median_lets_one_trial_be_worse() -> None:
    """`median <= 9s` is about the median."""
    entry = expect("recovery_time", "median <= 9s", "seconds")
    found = judge_entry(entry, run_facts(trials(12.0, 20.0, 13.0), None))
    assert (found.verdict, found.measured) == (PASS, pytest.approx(3.0, abs=0.02))


@pytest.mark.parametrize(
    ("bound", "found", "verdict"),
    [
        ("<= 9s", Measured(8.0), PASS),
        ("<= 9s", Measured(10.0), FAIL),
        ("<= 9s", Measured(None, "nothing"), INCONCLUSIVE),
        ("<= 9s", Measured(1.0, unended=True), FAIL),
        ("6s to 9s", Measured(1.0, unended=True), FAIL),
        ("at least 6s", Measured(7.0, unended=True), PASS),
        ("at least 6s", Measured(1.0, unended=True), INCONCLUSIVE),
        ("<= 9s", Measured(1.0, incomplete=True), INCONCLUSIVE),
        ("<= 9s", Measured(10.0, incomplete=True), FAIL),
        ("at least 6s", Measured(7.0, incomplete=True), PASS),
        ("yes", Measured(7.0), PASS),
        ("yes", Measured(7.0, unended=True), FAIL),
    ],
)
def test_what_is_known_from_below_is_judged_so(bound: str, found: Measured, verdict: str) -> None:
    """A lower bound passes and fails only what it settles."""
    assert compare(parse_bound(bound, ["seconds"], allow_yes=True), found).verdict == verdict
