"""throughput: how many operations were acknowledged each second."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class Throughput(Check, name="throughput"):
    """Acknowledged operations of strict clients over the length of the window."""

    sentence = "acknowledged operations per second, from t = 0 to the end of the load"
    unit = "per second"
    scopes = ("trial", "before", "during", "after", "shard", "other shards", "load")
    needs_load = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        rate = facts.operations(look).throughput
        return Measured(rate, "" if rate is not None else "no operation was recorded")
