"""Instants: sources that can both be right narrow each other; only disjoint ones disagree."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from chaos.analysis.instants import FLOORS_SECONDS, Instant, combine

sources = st.sampled_from(sorted(FLOORS_SECONDS))


@st.composite
def around(draw: st.DrawFn, truth: float = 100.0) -> Instant:
    """An honest sighting of something that happened at `truth`."""
    before, after = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    return Instant(truth - before, truth + after, draw(sources), draw(st.floats(0, 0.01)))


@given(st.lists(around(), min_size=1, max_size=4))
def test_honest_sources_never_disagree(sightings: list[Instant]) -> None:
    """Sightings that all contain the truth combine without a disagreement, into one that contains it."""
    combined = combine("phase", sightings)
    assert combined.disagreements == ()
    assert combined.instant is not None
    low, high = combined.instant.widened
    assert low <= 100.0 <= high


@given(st.lists(around(), min_size=2, max_size=4))
def test_more_sources_never_know_less(sightings: list[Instant]) -> None:
    """What all sources share is no wider than the first source's own."""
    combined = combine("phase", sightings)
    assert combined.instant is not None
    assert combined.instant.uncertainty <= sightings[0].uncertainty + 1e-9


def test_lateness_widens_an_instant() -> None:
    """A late observer's sighting is worth less, and agrees where a punctual one would not."""
    log = Instant(10.0, 10.001, "node log")
    assert combine("phase", [log, Instant(10.1, 10.2, "polled views")]).disagreements
    assert not combine("phase", [log, Instant(10.1, 10.2, "polled views", lateness=0.1)]).disagreements


def test_a_disagreement_names_both_sources() -> None:
    """What disagrees, with whom and by how much is said in words."""
    combined = combine("agreed", [Instant(10.0, 10.0, "node log"), Instant(11.0, 11.0, "polled views")])
    assert combined.disagreements == ("agreed: polled views says 994.0 ms later than node log can mean",)
    assert combined.instant is not None
    assert math.isclose(combined.instant.value, 10.0)


def test_nothing_seen_is_nothing() -> None:
    """Without a sighting there is no instant."""
    assert combine("phase", [None, None]).instant is None
