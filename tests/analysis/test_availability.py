"""Availability: an outage is measured as long as it was, and nothing else is called one."""

from __future__ import annotations

import math

import pytest

from chaos.analysis.availability import ShardAvailability, availability
from chaos.analysis.facts import run_facts
from tests.evidence_builder import BEAT, MASTERS, NODES, T0, Story, failover

WHOLE = [(T0, T0 + 40)]


def shard_3(story: Story) -> ShardAvailability:
    trial = story.trial()
    return availability(trial.beats, MASTERS, T0, trial.t_end, (), NODES)[3]


def test_an_undisturbed_shard_has_no_interval() -> None:
    """No outage is found where every beat was acknowledged in its turn."""
    assert shard_3(Story().beating()).intervals == ()


def test_an_outage_runs_from_when_the_next_beat_was_due() -> None:
    """The interval begins one period after the last acknowledgement and ends with the next one."""
    ((begin, end),) = shard_3(Story().beating(down={3: (10.0, 12.5)})).intervals
    assert begin == pytest.approx(T0 + 10.0, abs=0.001)
    assert end == pytest.approx(T0 + 12.5, abs=0.001)


def test_one_beat_that_was_refused_is_an_outage_of_one_period() -> None:
    """No threshold decides: a single refusal counts, for as long as it lasted."""
    story = Story().beating(down={3: (10.0, 10.0 + BEAT / 2)})
    assert shard_3(story).lengths(WHOLE) == [pytest.approx(BEAT, abs=0.001)]


def test_a_slow_answer_is_an_outage() -> None:
    """A beat that is acknowledged late, with nothing refused, counts once it is late by many periods."""
    story = Story()
    for step in range(-100, 100):
        if not 0 < step < 20:
            story.beat(3, step * BEAT, "redis-3", took=20 * BEAT if step == 0 else 0.0005)
    assert shard_3(story).lengths(WHOLE) == [pytest.approx(20 * BEAT, abs=0.01)]


def test_a_late_canary_is_no_outage() -> None:
    """A gap that the canary itself made, as its lateness says, is not the shard's."""
    story = Story()
    for step in range(-100, 100):
        if not 0 < step < 20:
            story.beat(3, step * BEAT, "redis-3", lateness=19 * BEAT if step == 20 else 0.0)
    assert shard_3(story).intervals == ()


def test_a_shard_that_never_came_back_is_down_at_the_end() -> None:
    """The last interval is open: what is known is a lower bound."""
    found = shard_3(Story().beating(down={3: (10.0, math.inf)}))
    assert found.down_at_end
    assert found.lengths(WHOLE) == [pytest.approx(30.0, abs=0.05)]


def test_a_shard_that_never_answered_at_all_is_down_from_the_beginning() -> None:
    """Without one acknowledgement the outage is the whole trial."""
    found = shard_3(Story().beating(down={3: (-math.inf, math.inf)}))
    assert found.down_at_end
    assert found.lengths(WHOLE) == [pytest.approx(40.0, abs=0.05)]


def test_candidates_that_refuse_beside_an_acknowledging_master_are_no_outage() -> None:
    """A beat counts as acknowledged if anyone it was sent to acknowledged it."""
    story = Story().beating()
    for step in range(100):
        story.beat(3, 5 + step * BEAT, "redis-6", "MOVED")
    assert shard_3(story).intervals == ()


def test_an_interval_is_cut_at_the_edges_of_a_window() -> None:
    """Only what lies inside the windows is counted."""
    found = shard_3(Story().beating(down={3: (10.0, 20.0)}))
    assert found.lengths([(T0 + 12, T0 + 14)]) == [pytest.approx(2.0)]


def test_an_outage_that_never_ended_does_not_reach_into_earlier_windows() -> None:
    """A shard that is down at the end was not down for ever in the window before."""
    found = shard_3(Story().beating(down={3: (20.0, math.inf)}))
    assert not found.open_in([(T0, T0 + 15)])


def test_a_shard_without_a_beat_is_left_out() -> None:
    """Nothing is said of a shard nobody beat."""
    trial = Story().beat(1, 1, "redis-1").beat(1, 1.01, "redis-1").trial()
    assert set(availability(trial.beats, MASTERS, T0, trial.t_end, (), NODES)) == {1}


def test_the_backlog_of_a_deposed_master_does_not_end_an_outage() -> None:
    """After its successor was promoted, the old master's acknowledgements count for nothing."""
    story = failover()
    story.beats = [row for row in story.beats if not (row[3] == 3 and T0 + 16.705 <= row[0] < T0 + 25)]
    story.beat(3, 20.0, "redis-3")
    for step in range(int(5 / BEAT)):
        story.beat(3, 20.01 + step * BEAT, "redis-6", "CLUSTERDOWN")
    found = run_facts(story.evidence(), None)[0].availability[3]
    assert max(found.lengths(WHOLE)) == pytest.approx(15.0, abs=0.05)
