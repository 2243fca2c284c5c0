"""Phases: a planted failover is found with every phase, its source and its uncertainty."""

from __future__ import annotations

import pytest

from chaos.analysis.facts import TrialFacts, run_facts
from chaos.analysis.phases import Failover
from chaos.model.result import PHASES
from tests.evidence_builder import BEAT, HEIRS, NODES, RAISED, Story, failover, unreachable, view

EFFECTIVE = 10.004
PLANTED = {
    "suspected": 15.2,
    "agreed": 16.0,
    "elected": 16.7,
    "promoted": 16.7,
    "serving": 16.71,
    "client_recovered": 17.1,
    "converged": 30.5,
    "redundant": 31.2,
}


def facts(story: Story) -> TrialFacts:
    return run_facts(story.evidence(), None)[0]


def only(story: Story) -> Failover:
    (one,) = facts(story).failovers
    return one


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_lies_within_its_uncertainty(phase: str) -> None:
    """Every planted instant is found, no farther off than the uncertainty that is stated."""
    one = only(failover())
    seconds, uncertainty = one.seconds(phase), one.uncertainty(phase)
    assert seconds is not None
    assert uncertainty is not None
    assert abs(seconds - (PLANTED[phase] - EFFECTIVE)) <= uncertainty
    assert uncertainty < 0.03


def test_the_failover_names_shard_and_both_masters() -> None:
    """A promotion says which shard went from whom to whom, and which injection caused it."""
    one = only(failover())
    assert (one.shard, one.old, one.new) == (3, "redis-3", "redis-6")
    assert one.effect is not None
    assert one.effect.injection.name == "death"


def test_sources_that_agree_narrow_each_other() -> None:
    """An agreement that is both logged and polled is known as sharply as the log knows it."""
    one = only(failover())
    assert one.phases["agreed"] is not None
    assert one.phases["agreed"].source == "node log + polled views"
    assert one.phases["agreed"].uncertainty < 0.002


def test_sources_that_disagree_are_told_and_not_averaged() -> None:
    """A log half a second from what was polled is a disagreement; the log's own instant stands."""
    story = failover()
    story.log_events = [event for event in story.log_events if event.kind != "agreed"]
    one = only(story.logged("redis-2", 15.4, "agreed", "redis-3"))
    assert one.disagreements[0].startswith("agreed: polled views says 58")
    assert one.seconds("agreed") == pytest.approx(15.4 - EFFECTIVE, abs=0.01)


def test_a_healthy_trial_has_no_failover() -> None:
    """Where every view stays as it was, nothing is found."""
    assert facts(Story().healthy().beating()).failovers == ()


def test_a_returning_old_master_is_no_promotion() -> None:
    """A node that comes back believing to be master with its old epoch does not count."""
    story = failover().seen(30.2, view("redis-3"))
    assert len(facts(story).promotions) == 1


def test_a_woken_old_master_that_answers_its_backlog_does_not_serve() -> None:
    """An acknowledgement of the deposed master is not the shard's first."""
    story = failover().beat(3, 12.0, "redis-3").beat(3, 12.0 + BEAT, "redis-3")
    assert only(story).seconds("serving") == pytest.approx(6.706, abs=0.02)


def test_two_failovers_have_a_set_of_phases_each() -> None:
    """Each promotion counts from the injection that hit its own shard."""
    story = failover()
    story.inject("second", ("redis-1",), issued=20.0, confirmed=20.002, reverted=None)
    masters = HEIRS | {1: "redis-4"}
    others = [node for node in NODES if node not in ("redis-1", "redis-3")]
    story.seen(20.02, unreachable("redis-1"))
    story.seen(27.0, *(view(node, masters, epochs=RAISED | {1: 8}) for node in others))
    first, second = facts(story).failovers
    assert (first.shard, second.shard) == (3, 1)
    assert first.seconds("promoted") == pytest.approx(6.70, abs=0.02)
    assert second.seconds("promoted") == pytest.approx(7.0, abs=0.02)


def test_a_promotion_that_nothing_explains_has_no_phases() -> None:
    """Without an injection there is no instant to count from."""
    story = Story().healthy().seen(12.0, *(view(node, HEIRS, epochs=RAISED) for node in NODES))
    one = only(story)
    assert one.effect is None
    assert one.seconds("promoted") is None


def test_a_master_that_nobody_succeeds_is_a_failover_without_an_heir() -> None:
    """An agreed failure without a promotion is kept, with how long nothing came of it."""
    story = Story().healthy().inject(reverted=None).seen(10.02, unreachable("redis-3"))
    failed = (view(node, health={"redis-3": "failed"}) for node in NODES if node != "redis-3")
    one = only(story.seen(16.0, *failed))
    assert one.new is None
    assert one.at_least["promoted"] == pytest.approx(30.0, abs=0.1)
    assert "agreed" not in one.at_least


def test_a_missing_source_is_not_called_never() -> None:
    """Without a log the election is unknown, not absent: the shard did serve."""
    story = failover()
    story.log_events.clear()
    one = only(story)
    assert one.seconds("elected") is None
    assert "elected" not in one.at_least


def test_convergence_that_does_not_hold_to_the_end_never_came() -> None:
    """A cluster that comes apart again before the end has not converged."""
    story = failover().seen(38.0, view("redis-2", HEIRS, epochs=RAISED, state="fail"))
    one = only(story)
    assert one.seconds("converged") is None
    assert one.at_least["converged"] == pytest.approx(30.0, abs=0.1)


def test_effective_is_the_last_nodes_instant() -> None:
    """An injection on two nodes took effect no later than the exit of the second: exits bound it from above."""
    story = Story().healthy().inject(nodes=("redis-1", "redis-2"), issued=10.0, confirmed=10.5)
    story.ended("redis-1", 10.1, 10.102).ended("redis-2", 10.3, 10.302)
    (effect,) = facts(story).effects
    assert effect.effective is not None
    low, high = effect.effective.widened
    assert high == pytest.approx(1010.302, abs=0.002)
    assert low == pytest.approx(1010.0, abs=0.002)


def test_effective_without_a_witness_is_what_the_driver_says() -> None:
    """With nothing but the driver's call, its whole length is the uncertainty."""
    (effect,) = facts(Story().healthy().inject(issued=10.0, confirmed=10.2)).effects
    assert effect.effective is not None
    assert effect.effective.uncertainty == pytest.approx(0.1)


def test_effective_is_narrowed_by_beats_that_were_never_answered() -> None:
    """A pause that the driver confirms late is known from the last beat that was answered."""
    story = Story().healthy().inject(issued=10.0, confirmed=10.2).beating(down={3: (10.055, 40.0)})
    (effect,) = facts(story).effects
    assert effect.effective is not None
    assert effect.effective.value == pytest.approx(1010.055, abs=2 * BEAT)
    assert effect.effective.source == "harness + beats"
