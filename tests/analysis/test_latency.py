"""Latency: from the intended time, with time-outs at their end and refusals left out."""

from __future__ import annotations

import pytest

from chaos.analysis.latency import NO_LATENCY, corrected_seconds, percentiles, uncorrected_seconds
from chaos.analysis.loads import LoadWindow
from chaos.model.operation import Outcome
from tests.evidence_builder import Story


def corrected(story: Story) -> list[float]:
    return [pytest.approx(value) for value in corrected_seconds(story.trial().operations, 0.5)]


def test_corrected_counts_from_the_intended_time() -> None:
    """What waited to be sent waited."""
    assert corrected(Story().operation(2.0, intended=1.2, took=0.1)) == [0.9]


def test_uncorrected_counts_from_sending() -> None:
    """The raw latency leaves the waiting out."""
    operations = Story().operation(2.0, intended=1.2, took=0.1).trial().operations
    assert list(uncorrected_seconds(operations, 0.5)) == [pytest.approx(0.1)]


def test_what_was_not_sent_counts_at_the_end_of_its_time_out() -> None:
    """An operation that could not be sent is as slow as the time-out; it has no raw latency."""
    story = Story().operation(1, took=None, outcome=Outcome.NOT_SENT, error="not sent")
    assert corrected(story) == [0.5]
    assert len(uncorrected_seconds(story.trial().operations, 0.5)) == 0


def test_a_refusal_is_no_quick_answer() -> None:
    """A failed operation has no latency."""
    assert corrected(Story().operation(1, outcome=Outcome.FAILED, error="CLUSTERDOWN")) == []


def test_percentiles_are_latencies_of_real_operations() -> None:
    """No percentile lies between two operations."""
    story = Story()
    for number in range(1, 101):
        story.operation(number / 10, took=number / 1000)
    found = percentiles(corrected_seconds(story.trial().operations, 0.5))
    assert (found.p50, found.p99, found.max) == (pytest.approx(50), pytest.approx(99), pytest.approx(100))


def test_no_sample_has_no_percentile() -> None:
    """Nothing measured is null."""
    assert percentiles(corrected_seconds(Story().trial().operations, 0.5)) == NO_LATENCY


def test_the_error_rate_counts_what_was_intended() -> None:
    """Failed, unknown and unsent operations are all errors."""
    story = Story().operation(1).operation(2, outcome=Outcome.FAILED, error="MOVED")
    story.operation(3, outcome=Outcome.UNKNOWN, error="timeout")
    story.operation(4, took=None, outcome=Outcome.NOT_SENT, error="not sent")
    assert LoadWindow(story.trial().operations, 4.0, 0.5).error_rate == 0.75
