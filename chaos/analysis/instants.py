"""Instants: when something happened, as an interval from a named source, and how sources are compared.

A source never says *when*, it says *between when and when*: last not seen, first seen. Two
sources disagree only if their intervals, widened by what each is known to be worth, are disjoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HARNESS, PROCESS_EXIT, CONNECTION = "harness", "process exit", "open connection"
BEATS, VIEWS, NODE_LOG, OPERATIONS = "beats", "polled views", "node log", "operations"

FLOORS_SECONDS = {
    HARNESS: 0.0,
    PROCESS_EXIT: 0.001,
    CONNECTION: 0.005,
    BEATS: 0.002,
    VIEWS: 0.005,
    NODE_LOG: 0.001,
    OPERATIONS: 0.002,
}
"""What each source can be off by beyond its own interval. Measured by the benchmark; not to be widened to pass."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Something happened in (low, high], monotonic seconds, as `source` saw it."""

    low: float
    high: float
    source: str
    lateness: float = 0.0
    """How late the observer itself was, in seconds."""
    combined: bool = False
    """The interval contains the floors and lateness of its sources already."""

    @property
    def value(self) -> float:
        """The middle of the interval."""
        return (self.low + self.high) / 2

    @property
    def uncertainty(self) -> float:
        """Half the width of the interval with everything that may be added to it, in seconds."""
        return (self.high - self.low) / 2 + self.slack

    @property
    def slack(self) -> float:
        """What the interval is widened by on either side: the source's floor and its lateness."""
        return 0.0 if self.combined else FLOORS_SECONDS[self.source] + self.lateness

    @property
    def widened(self) -> tuple[float, float]:
        return self.low - self.slack, self.high + self.slack

    def since(self, reference: Instant) -> float:
        """Seconds from another instant to this one; never negative, for what was already so."""
        return max(0.0, self.value - reference.value)


@dataclass(frozen=True, slots=True)
class Combined:
    """One instant from all its sources, and every disagreement between them in words."""

    instant: Instant | None
    disagreements: tuple[str, ...] = ()


def combine(name: str, sightings: Sequence[Instant | None]) -> Combined:
    """The instant that all sources agree on: the part their widened intervals share.

    The first sighting that exists is the first source; one that is disjoint from what the
    sources before it share is reported as a disagreement and changes nothing.
    """
    known = [sighting for sighting in sightings if sighting is not None]
    if len(known) <= 1:
        return Combined(known[0] if known else None)
    low, high = known[0].widened
    sources, disagreements = [known[0].source], []
    for other in known[1:]:
        other_low, other_high = other.widened
        if other_low > high or other_high < low:
            disagreements.append(_disagreement(name, known[0], other))
        else:
            low, high = max(low, other_low), min(high, other_high)
            sources.append(other.source)
    return Combined(Instant(low, high, " + ".join(dict.fromkeys(sources)), combined=True), tuple(disagreements))


def latest(instants: Sequence[Instant]) -> Instant | None:
    """The last of several instants; None if there is none."""
    return max(instants, key=lambda instant: instant.value, default=None)


def _disagreement(name: str, first: Instant, other: Instant) -> str:
    apart = max(other.widened[0] - first.widened[1], first.widened[0] - other.widened[1])
    side = "later" if other.low > first.high else "earlier"
    return f"{name}: {other.source} says {apart * 1000:.1f} ms {side} than {first.source} can mean"
