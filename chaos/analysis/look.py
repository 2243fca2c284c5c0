"""Looks: where in a trial a check looks."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.analysis.availability import Interval


@dataclass(frozen=True, slots=True)
class Look:
    """Where a check looks in a trial: which spans of time, which shards, which load."""

    windows: tuple[Interval, ...]
    """Monotonic seconds; disjoint, in order."""
    shards: frozenset[int] | None = None
    """None for all."""
    load: str | None = None
