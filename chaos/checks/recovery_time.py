"""recovery_time: how long the worst shard was gone at a stretch."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class RecoveryTime(Check, name="recovery_time"):
    """0 if every write of the canary was acknowledged; an outage cut off by the end of the trial has not ended."""

    sentence = "longest single interval without an acknowledged write of any shard, as the strict canary saw it"
    unit = "seconds"
    scopes = ("trial", "before", "during", "after", "shard", "other shards")

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        outages = facts.outages(look)
        if not any(one.beats for one in outages.values()):
            return Measured(None, "no beat was recorded")
        down = [f"shard {shard}" for shard, one in outages.items() if one.open_in(look.windows)]
        reason = f"{', '.join(down)} still down at the end" if down else ""
        longest = max((length for one in outages.values() for length in one.lengths(look.windows)), default=0.0)
        return Measured(longest, reason, unended=bool(down))
