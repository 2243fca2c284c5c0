"""Prediction: the envelope of Redis Cluster, and the words for what lies outside it."""

from __future__ import annotations

import pytest

from chaos.analysis.prediction import place, redis_cluster_envelope
from tests.evidence_builder import Story

ENVELOPE = redis_cluster_envelope(5.0)
QUIET = {"cpu_pressure_share": 0.01}


def test_the_envelope_follows_the_node_timeout() -> None:
    """NT + 0.5 s … 1.5 NT + 2.3 s."""
    assert (ENVELOPE.low, ENVELOPE.high) == (5.5, 9.8)


def test_a_value_inside_needs_no_explanation() -> None:
    """A failover as predicted is inside, with nothing to say."""
    placed = place(7.9, 0.01, ENVELOPE, (), QUIET)
    assert (placed.inside, placed.explanation) == (True, "")


def test_an_uncertain_value_at_the_edge_is_inside() -> None:
    """Only what is certainly outside is called outside."""
    assert place(9.805, 0.01, ENVELOPE, (), QUIET).inside


def test_a_failed_first_election_is_labelled() -> None:
    """A retried election is a mode of its own and is named, not called noise."""
    story = Story().logged("redis-6", 6, "election started").logged("redis-6", 7, "election failed")
    placed = place(24.0, 0.01, ENVELOPE, story.trial().log_events, QUIET)
    assert not placed.inside
    assert placed.explanation == "second mode: one failed election before the one that won"


@pytest.mark.parametrize(("measured", "side"), [(12.0, "later"), (3.0, "earlier")])
def test_what_no_log_explains_is_flagged(measured: float, side: str) -> None:
    """A value outside without a reason says so."""
    assert place(measured, 0.01, ENVELOPE, (), QUIET).explanation.startswith(f"unexplained: {side}")


def test_a_noisy_host_is_an_explanation() -> None:
    """Where tasks waited for a processor, that is said."""
    assert "noisy host" in place(12.0, 0.01, ENVELOPE, (), {"cpu_pressure_share": 0.5}).explanation


def test_without_a_prediction_nothing_is_compared() -> None:
    """No known rule is neither inside nor outside."""
    assert place(7.0, 0.01, None, (), QUIET).inside is None
