"""error_rate: which share of the intended operations was not acknowledged."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class ErrorRate(Check, name="error_rate"):
    """Over the operations that strict clients intended; those a blocked schedule could not send count too."""

    sentence = "(failed + unknown + not sent) / intended operations, from t = 0 to the end of the load"
    unit = "ratio"
    scopes = ("trial", "before", "during", "after", "shard", "other shards", "load")
    needs_load = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        rate = facts.operations(look).error_rate
        return Measured(rate, "" if rate is not None else "no operation was recorded")
