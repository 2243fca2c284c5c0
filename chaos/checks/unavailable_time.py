"""unavailable_time: how long the worst shard was gone in all."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class UnavailableTime(Check, name="unavailable_time"):
    """The sum of a shard's intervals without an acknowledged write; the worst shard's counts."""

    sentence = "total time without an acknowledged write of the worst shard, as the strict canary saw it"
    unit = "seconds"
    scopes = ("trial", "before", "during", "after", "shard", "other shards")

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        outages = facts.outages(look)
        if not any(one.beats for one in outages.values()):
            return Measured(None, "no beat was recorded")
        down = [f"shard {shard}" for shard, one in outages.items() if one.open_in(look.windows)]
        reason = f"{', '.join(down)} still down at the end" if down else ""
        return Measured(max(sum(one.lengths(look.windows)) for one in outages.values()), reason, unended=bool(down))
