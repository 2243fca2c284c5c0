"""availability: which share of the intended operations was acknowledged."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class Availability(Check, name="availability"):
    """The complement of error_rate."""

    sentence = "acknowledged / intended operations, from t = 0 to the end of the load"
    unit = "ratio"
    scopes = ("trial", "before", "during", "after", "shard", "other shards", "load")
    needs_load = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        rate = facts.operations(look).error_rate
        if rate is None:
            return Measured(None, "no operation was recorded")
        return Measured(1 - rate)
