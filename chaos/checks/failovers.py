"""failovers: how many promotions a trial saw."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class Failovers(Check, name="failovers"):
    """A promotion is a shard that comes to belong to another node, by the highest epoch in any view."""

    sentence = "promotions seen in the trial"
    unit = "count"
    scopes = ("trial", "before", "during", "after", "shard", "other shards")

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        if not facts.trial.view_changes:
            return Measured(None, "no view was recorded")
        seen = [
            f"shard {one.shard}: {one.old} → {one.new}"
            for one in facts.promotions
            if (look.shards is None or one.shard in look.shards) and _inside(one.seen.high, look)
        ]
        return Measured(len(seen), ", ".join(seen))


def _inside(at: float, look: Look) -> bool:
    return any(begin <= at <= end for begin, end in look.windows)
