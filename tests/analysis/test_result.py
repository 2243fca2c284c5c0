"""Loads and trials: what stands in the result for each client, and over several trials."""

from __future__ import annotations

import pytest

from chaos.analysis.facts import run_facts
from chaos.analysis.result import result_of
from chaos.analysis.statistics import summarise
from chaos.model.operation import Outcome
from tests.evidence_builder import T0, Story, evidence_of, failover


def test_strict_and_ordinary_clients_stand_apart() -> None:
    """An application-like client's operations are reported under their own name."""
    story = Story().operation(1).operation(2, client=1).operation(3, client=1)
    loads = result_of(story.evidence(), run_facts(story.evidence(), None), ()).trials[0].load
    assert {name: one.operations for name, one in loads.items()} == {"load": 1, "load/redis-py": 2}


def test_the_warm_up_is_not_counted() -> None:
    """Operations that were intended before t = 0 belong to no figure of the load."""
    story = Story().operation(-1).operation(1, outcome=Outcome.FAILED, error="MOVED")
    load = result_of(story.evidence(), run_facts(story.evidence(), None), ()).trials[0].load["load"]
    assert (load.operations, load.failed, load.errors) == (1, 1, {"MOVED": 1})


def test_instants_in_the_result_count_from_t_0() -> None:
    """Nothing in a result is on the monotonic clock."""
    evidence = failover().evidence()
    (injection,) = result_of(evidence, run_facts(evidence, None), ()).trials[0].injections
    assert injection.issued_at == 10.0
    assert injection.effective_at == pytest.approx(10.004, abs=0.002)
    assert injection.reverted_at == 30.0


def test_the_summary_spans_the_trials() -> None:
    """Each measure has its median over all trials that have it."""
    evidence = evidence_of([failover(Story(number=n)).trial() for n in (1, 2)])
    summary = result_of(evidence, run_facts(evidence, None), ()).summary
    assert summary["serving"].n == 2
    assert summary["serving"].median == pytest.approx(6.70, abs=0.02)


def test_a_measure_without_a_value_has_no_median() -> None:
    """Trials that have no value are left out; none at all is null."""
    assert summarise([None, 3.0, None, 1.0]).median == 2.0
    assert summarise([None]).median is None


def test_the_data_of_a_trial_counts_losses_from_the_first_fault() -> None:
    """The lost window is in seconds since the first injection took effect."""
    story = failover().operation(12.004, write=1, took=0.0).final(0, 0)
    data = result_of(story.evidence(), run_facts(story.evidence(), None), ()).trials[0].data
    assert data.lost == 1
    assert data.lost_window == pytest.approx((2.0, 2.0), abs=0.01)


def test_beats_before_t_0_are_no_outage() -> None:
    """What a shard refused during the warm-up is not counted."""
    story = Story().beating(down={3: (-3.0, -1.0)})
    found = run_facts(story.evidence(), None)[0].availability[3]
    assert found.lengths([(T0, T0 + 40)]) == []
