"""Checks: each measures what its sentence says, where it is told to look."""

from __future__ import annotations

import math

import pytest

from chaos.analysis.facts import run_facts
from chaos.analysis.prediction import redis_cluster_envelope
from chaos.checks.check import CHECKS
from chaos.checks.judge import judge_entry
from chaos.model.operation import Outcome
from chaos.model.result import Expectation
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS
from chaos.scenario.bounds import Unit
from chaos.scenario.catalogue import ALL_SCOPES
from tests.evidence_builder import Story, expect, failover


def judged(
    story: Story, check: str, bound: str, unit: Unit, scope: str = "trial", name: str | None = None
) -> Expectation:
    facts = run_facts(story.evidence(), redis_cluster_envelope(5.0))
    return judge_entry(expect(check, bound, unit, scope, name), facts)


def test_the_family_is_known_by_contracts_names() -> None:
    """Every check of the contract so far is found by its own name."""
    names = "availability converged error_rate failovers latency_p50 latency_p99 latency_p999 lost_writes"
    assert CHECKS.names() == (*names.split(), "recovery_time", "redundant", "throughput", "unavailable_time")


@pytest.mark.parametrize("name", CHECKS.names())
def test_every_check_describes_itself(name: str) -> None:
    """A check has a sentence for the reference page and scopes the language knows."""
    check = CHECKS.get(name)
    assert check.sentence
    assert set(check.scopes) <= set(ALL_SCOPES)


@pytest.mark.parametrize("name", CHECKS.names())
def test_no_samples_are_inconclusive(name: str) -> None:
    """Where nothing was recorded no check passes."""
    check = CHECKS.get(name)
    bound = {"count": "0", "ratio": "at least 0%", "per second": "at least 0/s"}.get(check.unit, "<= 1h")
    assert judged(Story(), name, bound, check.unit).verdict == INCONCLUSIVE


def test_recovery_time_is_the_longest_interval_of_any_shard() -> None:
    """Of two outages the longer is the recovery time, and the total is the unavailable time."""
    story = Story().beating(down={3: (10.0, 14.0), 1: (20.0, 22.0)})
    assert judged(story, "recovery_time", "<= 9s", "seconds").measured == pytest.approx(4.0, abs=0.02)


def test_unavailable_time_is_the_total_of_the_worst_shard() -> None:
    """Several outages of one shard add up."""
    story = Story().beating(down={3: (10.0, 14.0)})
    for step in range(100):
        story.beat(1, 20 + step / 100 + 0.005, "redis-1", "CLUSTERDOWN")
    story.beats = [row for row in story.beats if not (row[3] == 1 and 1020 <= row[0] < 1021 and row[5] == Outcome.OK)]
    assert judged(story, "unavailable_time", "<= 9s", "seconds").measured == pytest.approx(4.0, abs=0.02)


def test_still_down_at_the_end_fails_an_upper_bound() -> None:
    """However short it is yet, an outage that has not ended is not within any limit."""
    found = judged(Story().beating(down={3: (39.0, math.inf)}), "recovery_time", "<= 9s", "seconds")
    assert (found.verdict, found.margin) == (FAIL, None)
    assert found.reason == "shard 3 still down at the end"


def test_other_shards_are_those_that_nothing_was_done_to() -> None:
    """The hit shard's outage is not in `other shards`, another's is."""
    story = failover()
    assert judged(story, "recovery_time", "<= 1s", "seconds", "other shards").verdict == PASS
    assert judged(story, "recovery_time", "<= 1s", "seconds", "shard", "3").verdict == FAIL


def test_during_ends_where_the_fault_is_reverted() -> None:
    """Errors after the revert are not `during`, and those during it are not `after`."""
    story = failover()
    for at, outcome in ((12.0, Outcome.FAILED), (20.0, Outcome.OK), (35.0, Outcome.OK)):
        story.operation(at, outcome=outcome, error="CLUSTERDOWN" if outcome else "")
    assert judged(story, "error_rate", "<= 50%", "ratio", "during", "death").measured == 0.5
    assert judged(story, "error_rate", "0%", "ratio", "after", "death").measured == 0.0


def test_before_ends_where_the_first_fault_is_issued() -> None:
    """The steady state is measured by itself."""
    story = failover().operation(5.0).operation(12.0, outcome=Outcome.FAILED, error="CLUSTERDOWN")
    assert judged(story, "availability", "at least 100%", "ratio", "before").verdict == PASS


def test_a_scope_of_a_fault_that_never_acted_is_inconclusive() -> None:
    """`during` an injection that was never confirmed looks at nothing."""
    story = Story().healthy().beating().inject(confirmed=None)
    assert judged(story, "recovery_time", "<= 1s", "seconds", "during", "death").verdict == INCONCLUSIVE


def test_failovers_counts_promotions() -> None:
    """One promotion is one failover; the reason says from whom to whom."""
    found = judged(failover(), "failovers", "1", "count")
    assert (found.measured, found.verdict, found.reason) == (1, PASS, "shard 3: redis-3 → redis-6")


def test_throughput_is_acknowledged_operations_over_the_whole_trial() -> None:
    """Only acknowledged operations count, over all seconds from t = 0."""
    story = Story()
    for step in range(80):
        story.operation(step / 2)
    story.operation(39.9, outcome=Outcome.FAILED, error="MOVED")
    assert judged(story, "throughput", "at least 1/s", "per second").measured == 2.0


def test_latency_is_measured_in_milliseconds() -> None:
    """A latency check compares corrected milliseconds."""
    story = Story().operation(1.0, took=0.02)
    assert judged(story, "latency_p50", "<= 50ms", "milliseconds").measured == pytest.approx(20.0)


def test_redundancy_is_counted_from_the_last_revert() -> None:
    """What came 1.2 s after the node was started again is 1.2 s."""
    assert judged(failover(), "redundant", "within 5s", "seconds").measured == pytest.approx(1.2, abs=0.02)


def test_redundancy_that_never_came_fails() -> None:
    """A cluster that is not redundant at the end fails `within`, with what is wanting."""
    story = failover()
    story.changes = [change for change in story.changes if change.at < 1031]
    found = judged(story, "redundant", "within 60s", "seconds")
    wanting = "not even at the end: shard 3 has 0 of 1 replicas with their link up"
    assert (found.verdict, found.reason) == (FAIL, wanting)


def test_convergence_that_never_came_fails_yes_too() -> None:
    """A plain `yes` has no limit, and still is not met by what never comes."""
    story = failover()
    story.changes = [change for change in story.changes if change.at < 1030]
    assert judged(story, "converged", "yes", "seconds").verdict == FAIL


def test_lost_writes_as_a_share_are_of_those_that_can_be_checked() -> None:
    """One lost of four checkable writes is a quarter."""
    story = Story()
    for key in range(4):
        story.operation(1, key=key, write=key + 1).final(key, 0 if key == 0 else key + 1)
    assert judged(story, "lost_writes", "<= 1%", "ratio").measured == 0.25


def test_lost_writes_cannot_pass_while_keys_are_unread() -> None:
    """What could not be read may be lost: zero found is not zero lost."""
    story = Story().operation(1, write=1).operation(1, key=1, write=2).final(0, 1)
    assert judged(story, "lost_writes", "0", "count").verdict == INCONCLUSIVE


def test_recovery_within_prediction_uses_the_systems_envelope() -> None:
    """The bound is the interval that the server's own rules give."""
    assert judged(failover(), "recovery_time", "within prediction", "seconds").verdict == PASS
